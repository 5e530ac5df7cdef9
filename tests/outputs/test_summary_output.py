"""summary.json keeps its schema, and its fixed keys, whatever the target wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tenantproof.model.run import RunRecord
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.outputs.summary import summary, summary_json
from tests.outputs.run_samples import failed, hostile, record

SCHEMA = json.loads((Path(__file__).parents[2] / "fixtures/contract/summary.schema.json").read_text())
FIXED = {
    "run": {"id", "started", "ended", "seconds", "target", "profile_digest", "harness"},
    "gate": {"exit", "strict", "failed", "not_assessed", "waived"},
    "fidelity": {"facts", "held", "missing"},
    "totals": {"probes", "observations"},
}
FIXED_OF_A_CLAIM = {
    *("verdict", "state", "reason", "checks", "calibrations", "trials", "population", "upper_bound_95"),
    *("counterexamples", "caught_defects", "criteria"),
}


@pytest.mark.parametrize("made", [record(), hostile()], ids=["ordinary", "hostile"])
def test_a_summary_keeps_its_schema(made: RunRecord) -> None:
    read = _strict(summary_json(made))
    jsonschema_rs.validate(SCHEMA, read)
    assert read == summary(made)


def test_the_schema_is_a_schema_and_closed() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    bad = summary(record())
    bad["claims"]["QA-1"]["verdict"] = "PASS"
    assert not jsonschema_rs.is_valid(SCHEMA, bad)
    assert not jsonschema_rs.is_valid(SCHEMA, summary(record()) | {"more": 1})


def test_the_schema_knows_every_verdict_and_reason() -> None:
    known = SCHEMA["$defs"]["claim"]["properties"]
    assert set(known["verdict"]["enum"]) == set(Verdict)
    assert set(known["reason"]["enum"]) == set(Reason)


def test_the_keys_that_everything_hangs_on_are_there() -> None:
    made = summary(record())
    assert made["schema"] == "tenantproof.summary/1"
    for part, keys in FIXED.items():
        assert keys <= made[part].keys()
    for claim in made["claims"].values():
        assert claim.keys() >= FIXED_OF_A_CLAIM
        assert claim["criteria"].keys() == {"Q", "gdpr", "soc2"}
        assert claim["population"].keys() == {"units", "tried", "selection"}


def test_every_claim_is_there_and_those_without_a_check_are_named() -> None:
    made = summary(record())
    assert list(made["claims"]) == ["QA-1", "QA-2", "KE-3", "AG-1"]
    assert made["no_check"] == ["AG-1"]
    assert made["claims"]["QA-1"]["population"] == {"units": 200, "tried": 60, "selection": "seeded random (7)"}
    assert made["claims"]["QA-2"]["counterexamples"][0]["seen"] == "permitted"


def test_a_waiver_leaves_the_verdict_as_it_is() -> None:
    made = summary(replace(record(), claims=(failed(waived=True),)))["claims"]["QA-2"]
    assert made["verdict"] == "not-satisfied"
    assert made["waiver"]["accepted_by"] == "security@example.com"


@given(rate=st.floats(), seconds=st.floats())
@settings(max_examples=50)
def test_a_number_that_is_none_never_reaches_the_file(rate: float, seconds: float) -> None:
    spoiled = replace(record().claims[0], upper_bound_95=rate)
    _strict(summary_json(replace(record(), seconds=seconds, claims=(spoiled,))))


@given(text=st.text())
@settings(max_examples=100)
def test_no_text_of_the_target_breaks_the_file_or_hides_in_it(text: str) -> None:
    data = summary_json(replace(record(), target=text + "\ud800\u202e\x1b"))
    _strict(data)
    assert not {"\u202e", "\x1b"} & set(data.decode())


def _strict(data: bytes) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(data, parse_constant=refuse)
