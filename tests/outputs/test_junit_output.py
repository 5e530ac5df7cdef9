"""junit.xml says what the table of formats says, and is read by a reader that others wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped
from msgspec.structs import replace

from tenantproof.model.run import RunRecord
from tenantproof.model.standing import Standing, standing
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.outputs.junit import junit
from tests.outputs.run_samples import failed, finding, hostile, record, unproven


def read(made: RunRecord) -> dict[str, object]:
    root = JUnitXml.fromstring(junit(made))
    return {case.name.split()[0]: case for suite in root for case in suite}


def kinds(made: RunRecord) -> dict[str, list[type]]:
    return {name: [type(outcome) for outcome in case.result] for name, case in read(made).items()}  # type: ignore[attr-defined]  # junitparser is untyped


def test_each_verdict_has_its_own_element() -> None:
    assert kinds(record()) == {"QA-1": [], "QA-2": [Failure], "KE-3": [Error], "AG-1": [Skipped]}


def test_the_counts_are_those_of_the_cases() -> None:
    root = JUnitXml.fromstring(junit(record()))
    assert (root.tests, root.failures, root.errors, sum(suite.skipped for suite in root)) == (4, 1, 1, 1)
    assert [suite.name for suite in root] == ["Query API", "Per-tenant keys", "Aggregation"]


def test_a_waived_failure_stays_a_failure_and_says_who_waived_it() -> None:
    made = replace(record(), claims=(failed(waived=True),))
    assert kinds(made) == {"QA-2": [Failure]}
    (suite,) = JUnitXml.fromstring(junit(made))
    properties = {each.name: each.value for each in suite.properties()}  # type: ignore[no-untyped-call]  # junitparser is untyped
    assert properties["QA-2.waiver"] == "accepted by security@example.com until 2025-06-30"
    assert properties["QA-2.verdict"] == "not-satisfied"


@pytest.mark.parametrize(
    ("reason", "trials", "expected"),
    [
        (Reason.NO_CHECK, 0, Standing.UNREACHED),
        (Reason.NOT_SELECTED, 0, Standing.UNREACHED),
        (Reason.CAPABILITY_MISSING, 0, Standing.UNREACHED),
        (Reason.FIDELITY_MISSING, 0, Standing.UNREACHED),
        (Reason.INTERRUPTED, 0, Standing.UNREACHED),
        (Reason.INTERRUPTED, 3, Standing.OPEN),
        (Reason.CALIBRATION_FAILED, 0, Standing.OPEN),
        (Reason.NO_TRIAL, 0, Standing.OPEN),
        (Reason.BROKEN, 0, Standing.OPEN),
        (Reason.UNREACHABLE, 0, Standing.OPEN),
    ],
)
def test_what_was_not_assessed_is_open_once_it_was_tried(reason: Reason, trials: int, expected: Standing) -> None:
    made = finding("KE-3", Verdict.NOT_ASSESSED, reason, trials=trials)
    assert standing(replace(unproven(), finding=made)) is expected


def test_hostile_text_is_read_back_as_text(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_bytes(junit(hostile()))
    root = JUnitXml.fromfile(str(path))
    assert root.tests == 4
    assert "<img src=x" in root.name
    assert "\\x1b[31m" in root.name


@given(text=st.text())
@settings(max_examples=150, deadline=None)
def test_no_text_makes_it_unreadable(text: str) -> None:
    bad = failed()
    spoiled = replace(bad, claim=replace(bad.claim, says=text, section=text + "\x00\ufffe\ud800"))
    JUnitXml.fromstring(junit(replace(record(), target=text, claims=(spoiled,))))
