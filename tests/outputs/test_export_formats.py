"""Each export is what its schema asks for, and a tool that others wrote reads our verdicts back out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from msgspec.structs import replace

from tenantproof.model.run import RunRecord
from tenantproof.outputs.ocsf import ocsf
from tenantproof.outputs.oscal import oscal
from tenantproof.outputs.sarif import sarif
from tests.outputs.run_samples import failed, hostile, record, since

SCHEMAS = Path(__file__).resolve().parents[2] / "fixtures" / "schemas"
HIDDEN = "\x00\x1b\u202e\u200b\x85"


@cache
def sarif_schema() -> Any:
    schema = json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text())
    # As published, the pattern of `language` has a bracket too many; ECMA-262 lets it pass, our validator doesn't.
    for name in ("run", "toolComponent"):
        schema["definitions"][name]["properties"]["language"]["pattern"] = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$"
    return jsonschema_rs.validator_for(schema)


def read_sarif(made: RunRecord) -> dict[str, Any]:
    from sarif_pydantic import Sarif

    data = sarif(made)
    errors = [f"{list(error.instance_path)}: {error.message}" for error in sarif_schema().iter_errors(json.loads(data))]
    assert errors == []
    log = Sarif.model_validate_json(data)
    return {result.rule_id: result for result in log.runs[0].results}


def read_oscal(made: RunRecord, folder: Path) -> Any:
    from trestle.oscal.assessment_results import AssessmentResults

    path = folder / "assessment-results.json"
    path.write_bytes(oscal(made))
    return AssessmentResults.oscal_read(path)


def read_ocsf(made: RunRecord) -> dict[str, Any]:
    from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

    events = [ComplianceFinding.model_validate(event) for event in json.loads(ocsf(made))]
    return {event.compliance.control: event for event in events}


def test_sarif_tells_pass_fail_open_and_review_apart() -> None:
    results = read_sarif(record())
    kinds = {name: result.model_dump()["kind"] for name, result in results.items()}
    assert {name: str(getattr(kind, "value", kind)) for name, kind in kinds.items()} == {
        "QA-1": "pass",
        "QA-2": "fail",
        "KE-3": "open",
        "AG-1": "review",
    }


def test_sarif_names_what_changed_and_a_fingerprint_outlives_a_run() -> None:
    first = json.loads(sarif(record()))["runs"][0]["results"]
    second = json.loads(sarif(replace(record(run="20250302T020000Z-0a0b0c"), since=None)))["runs"][0]["results"]
    assert {each["ruleId"]: each["baselineState"] for each in first}["QA-2"] == "updated"
    assert "baselineState" not in second[0]
    assert [each["partialFingerprints"] for each in first] == [each["partialFingerprints"] for each in second]
    gone = replace(since(), changes=(replace(since().changes[0], claim="QA-9", after="absent"),))
    assert json.loads(sarif(replace(record(), since=gone)))["runs"][0]["results"][-1]["baselineState"] == "absent"


def test_a_waiver_is_a_suppression_a_deviation_and_a_suppressed_finding(tmp_path: Path) -> None:
    made = replace(record(), claims=(failed(waived=True),))
    read_sarif(made)
    (result,) = json.loads(sarif(made))["runs"][0]["results"]
    assert (result["kind"], result["suppressions"][0]["status"]) == ("fail", "accepted")
    (risk,) = read_oscal(made, tmp_path).results[0].risks
    assert "deviation-approved" in str(risk.status)
    assert risk.deadline.isoformat().startswith("2025-06-30")
    assert read_ocsf(made)["QA-2"].status_id == 3


def test_oscal_finds_what_was_tried_and_excludes_what_was_not_reached(tmp_path: Path) -> None:
    (result,) = read_oscal(record(), tmp_path).results
    states = {finding.target.target_id: str(finding.target.status.state.value) for finding in result.findings}
    assert states == {"QA-1": "satisfied", "QA-2": "not-satisfied", "KE-3": "not-satisfied"}
    objectives = result.reviewed_controls.control_objective_selections[0]
    assert [each.objective_id for each in objectives.exclude_objectives] == ["AG-1"]
    known = {observation.uuid for observation in result.observations}
    assert {each.observation_uuid for finding in result.findings for each in finding.related_observations} <= known
    assert all(observation.expires > observation.collected for observation in result.observations)
    assert len(result.risks) == 1
    assert "soc2-cc6.1" in {each.control_id for each in result.reviewed_controls.control_selections[0].include_controls}


def test_ocsf_says_pass_fail_and_no_result() -> None:
    events = read_ocsf(record())
    assert {name: int(event.compliance.status_id) for name, event in events.items()} == {
        "QA-1": 1,
        "QA-2": 3,
        "KE-3": 2,
        "AG-1": 2,
    }
    assert {event.finding_info.uid for event in events.values()} == {
        event.finding_info.uid for event in read_ocsf(record(run="20250302T020000Z-0a0b0c")).values()
    }


@pytest.mark.parametrize("render", [sarif, oscal, ocsf])
def test_hostile_text_stays_text_in_every_format(render: Callable[[RunRecord], bytes], tmp_path: Path) -> None:
    data = render(hostile())
    assert render(hostile()) == data
    assert not set(HIDDEN) & set(data.decode())
    assert "\\u0000" not in data.decode()
    read_sarif(hostile())
    read_oscal(hostile(), tmp_path)
    assert len(read_ocsf(hostile())) == 4


def test_a_run_without_anything_is_still_a_document(tmp_path: Path) -> None:
    empty = replace(record(), claims=(), criteria=(), frameworks=(), since=None, remarks=())
    assert read_sarif(empty) == {}
    assert read_oscal(empty, tmp_path).results[0].findings is None
    assert read_ocsf(empty) == {}
