"""Each export is valid by the schema that is published for its format, and a spoiled one is not: the schemas bite."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import xmlschema
from msgspec.structs import replace
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from tenantproof.model.run import RunRecord
from tenantproof.outputs.junit import junit
from tenantproof.outputs.ocsf import ocsf
from tenantproof.outputs.oscal import oscal
from tests.outputs.run_samples import failed, hostile, record

SCHEMAS = Path(__file__).resolve().parents[2] / "fixtures" / "schemas"
RECORDS: dict[str, Callable[[], RunRecord]] = {
    "ordinary": record,
    "hostile": hostile,
    "waived": lambda: replace(record(), claims=(failed(waived=True),)),
    "empty": lambda: replace(record(), claims=(), criteria=(), frameworks=(), since=None, remarks=()),
}


@cache
def oscal_schema() -> Any:
    return jsonschema_rs.validator_for(json.loads((SCHEMAS / "oscal-assessment-results-1.2.3.json").read_text()))


@cache
def ocsf_schema() -> Any:
    """The class "compliance finding" of OCSF 1.5.0, with every object that it may hold; unknown members are refused."""
    return jsonschema_rs.validator_for(
        OcsfJsonSchemaEmbedded(get_ocsf_schema("1.5.0")).get_class_schema("compliance_finding", [])
    )


@cache
def junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")


def wrong(schema: Any, document: object) -> list[str]:
    return [f"{list(error.instance_path)}: {error.message[:200]}" for error in schema.iter_errors(document)]


@pytest.mark.parametrize("name", RECORDS)
def test_assessment_results_are_oscal(name: str) -> None:
    assert wrong(oscal_schema(), json.loads(oscal(RECORDS[name]()))) == []


@pytest.mark.parametrize("name", RECORDS)
def test_every_event_is_ocsf(name: str) -> None:
    for event in json.loads(ocsf(RECORDS[name]())):
        assert event["metadata"]["version"] == "1.5.0"
        assert event["class_uid"] == 2003
        assert wrong(ocsf_schema(), event) == []


@pytest.mark.parametrize("name", RECORDS)
def test_the_test_report_is_junit(name: str) -> None:
    junit_schema().validate(junit(RECORDS[name]()).decode())


def test_what_is_not_oscal_is_seen() -> None:
    good = json.loads(oscal(record()))
    results = good["assessment-results"]
    for spoiled in (
        {"assessment-results": results | {"uuid": "none"}},
        {"assessment-results": results | {"verdict": "good"}},
        {"assessment-results": {name: value for name, value in results.items() if name != "import-ap"}},
    ):
        assert wrong(oscal_schema(), spoiled)


def test_what_is_not_ocsf_is_seen() -> None:
    good = json.loads(ocsf(record()))[0]
    for spoiled in (
        good | {"verdict": "good"},
        good | {"severity_id": "high"},
        good | {"compliance": good["compliance"] | {"x": 1}},
    ):
        assert wrong(ocsf_schema(), spoiled)


def test_what_is_not_junit_is_seen() -> None:
    text = junit(record()).decode()
    assert not junit_schema().is_valid(text.replace("<testcase", "<testcase verdict='good'", 1))
    assert not junit_schema().is_valid(text.replace("testsuite", "suite"))
