"""assessment-results.json: the run in OSCAL 1.2 (NIST), for tools of governance and audit.

A claim is an objective, a criterion is a control. What was tried is observed and found; what was not reached is listed
among the excluded objectives. A failed claim is an open risk, and a waived one an approved deviation with a deadline.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Iterable
from typing import Any, assert_never

from tenantproof.model.observation import Entry
from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.standing import Standing, standing
from tenantproof.model.verdict import Verdict
from tenantproof.outputs.visible import visible
from tenantproof.outputs.words import bound_words, reason_words

OSCAL = "1.2.1"
_HOME = uuid.UUID("6d1c0a1e-6b0f-5b0e-9d3c-3a0f7c9a5e11")
"""Namespace of our identifiers: the same run gives the same ones."""
_NAMES = "https://tenantproof.example/ns/oscal"
_FRESH = dt.timedelta(days=7)
"""How long an observation is worth relying on, when runs are made nightly."""

Json = dict[str, Any]  # JSON has no type of its own in Python


def oscal(record: RunRecord) -> bytes:
    """The assessment results as UTF-8 JSON. The same record gives the same bytes."""
    run = settled(record)
    document = {
        "uuid": _uuid(run, "document"),
        "metadata": _metadata(run),
        "import-ap": {"href": "#", "remarks": "The cards of the claims are the plan; each finding quotes its card."},
        "results": [_result(run)],
    }
    return (json.dumps({"assessment-results": document}, indent=1, ensure_ascii=False) + "\n").encode()


def _metadata(run: RunRecord) -> Json:
    tool = {"uuid": _uuid(run, "tool"), "type": "organization", "name": _line(run.harness)}
    return {
        "title": f"Tenant isolation of {_line(run.target)}",
        "last-modified": _moment(run.ended),
        "version": _line(run.id),
        "oscal-version": OSCAL,
        "roles": [{"id": "assessor", "title": "Assessor"}],
        "parties": [tool],
        "responsible-parties": [{"role-id": "assessor", "party-uuids": [tool["uuid"]]}],
    }


def _result(run: RunRecord) -> Json:
    tried = [result for result in run.claims if standing(result) is not Standing.UNREACHED]
    failed = [result for result in tried if standing(result) is Standing.FAILED]
    whole = "The run is complete." if run.complete else f"The run is incomplete: {_line(run.incomplete_because)}"
    made = {
        "uuid": _uuid(run, "result"),
        "title": f"Run {_line(run.id)}",
        "description": f"{whole} The run ended with exit code {run.gate.exit}.",
        "start": _moment(run.started),
        "end": _moment(run.ended),
        "props": [_prop("profile-digest", run.profile_digest), _prop("harness", run.harness)],
        "local-definitions": {"components": [_component(run)]},
        "reviewed-controls": _reviewed(run, tried),
        "observations": [each for result in tried for each in _observations(run, result)],
        "risks": [_risk(run, result) for result in failed],
        "findings": [_finding(run, result) for result in tried],
    }
    return {name: value for name, value in made.items() if value != []}


def _component(run: RunRecord) -> Json:
    said = "; ".join(f"{_line(name)}: {_line(value)}" for name, value in run.identity.items())
    return {
        "uuid": _uuid(run, "target"),
        "type": "system",
        "title": _line(run.target),
        "description": f"The target, at {_line(run.base_url)}. It says of itself: {said or 'nothing'}.",
        "status": {"state": "operational"},
    }


def _reviewed(run: RunRecord, tried: list[ClaimResult]) -> Json:
    controls = dict.fromkeys(control for result in tried for control in _controls(run, result))
    unreached = [result for result in run.claims if standing(result) is Standing.UNREACHED]
    selection: Json = {"include-controls": [{"control-id": control} for control in controls]}
    reviewed: Json = {"control-selections": [selection if controls else {"include-all": {}}]}
    objectives: Json = {"include-objectives": [{"objective-id": _token(each.claim.id)} for each in tried]}
    if unreached:
        objectives["exclude-objectives"] = [
            {
                "objective-id": _token(each.claim.id),
                "remarks": f"not assessed, {each.finding.reason.value}: {_line(each.finding.because)}",
            }
            for each in unreached
        ]
    if tried:
        reviewed["control-objective-selections"] = [objectives]
    return reviewed


def _controls(run: RunRecord, result: ClaimResult) -> Iterable[str]:
    pairs = [("q", ident) for ident in result.claim.answers]
    pairs += [(name, ident) for name, ids in result.claim.criteria.items() for ident in ids]
    pairs += [(each.catalogue, each.id) for each in run.criteria if result.claim.id in each.claims]
    return dict.fromkeys(_token(f"{name}-{ident}".lower()) for name, ident in pairs)


def _observations(run: RunRecord, result: ClaimResult) -> list[Json]:
    finding = result.finding
    counts = f"{finding.calibrations} calibrations and {finding.trials} trials."
    tried = f" {finding.tried} of {finding.units} units tried ({_line(finding.selection)})." if finding.units else ""
    whole = _observation(run, result.claim.id, f"{counts}{tried} {bound_words(result)}")
    return [whole, *(_counterexample(run, result, entry) for entry in finding.counterexamples)]


def _observation(run: RunRecord, name: str, said: str) -> Json:
    ended = _moment(run.ended)
    return {
        "uuid": _uuid(run, "observation", name),
        "description": said,
        "methods": ["TEST"],
        "types": ["control-objective"],
        "origins": [_origin(run)],
        "subjects": [{"subject-uuid": _uuid(run, "target"), "type": "component"}],
        "relevant-evidence": [{"href": "journal.sqlite", "description": f"tenantproof show {_line(name)}"}],
        "collected": ended,
        "expires": (dt.datetime.fromisoformat(ended) + _FRESH).isoformat(),
    }


def _counterexample(run: RunRecord, result: ClaimResult, entry: Entry) -> Json:
    seen = entry.observation
    said = f"{_line(seen.what)}: {seen.outcome.value}, expected {entry.expected.value}."
    made = _observation(run, f"{result.claim.id}#{entry.seq}", said)
    made["types"] = ["discovery"]
    evidence = f"observation {entry.seq}: {_line(seen.request)} answered {_line(seen.response)}"
    made["relevant-evidence"] = [{"href": "journal.sqlite", "description": evidence}]
    return made


def _finding(run: RunRecord, result: ClaimResult) -> Json:
    claim, finding = result.claim, result.finding
    names = [claim.id, *(f"{claim.id}#{entry.seq}" for entry in finding.counterexamples)]
    made: Json = {
        "uuid": _uuid(run, "finding", claim.id),
        "title": f"{_line(claim.id)}: {_line(claim.says)}",
        "description": _line(finding.because) if finding.because else reason_words(finding.reason),
        "props": [
            _prop("verdict", finding.verdict.value),
            _prop("reason", finding.reason.value),
            _prop("product-state", claim.state.value),
            _prop("strength", claim.strength),
            _prop("gating", "yes" if result.gating else "no"),
        ],
        "origins": [_origin(run)],
        "target": {
            "type": "objective-id",
            "target-id": _token(claim.id),
            "title": _line(claim.says),
            "status": _status(result),
            "remarks": f"A pass does not show: {_line(claim.limit)}",
        },
        "related-observations": [{"observation-uuid": _uuid(run, "observation", name)} for name in names],
    }
    if finding.verdict is Verdict.NOT_SATISFIED:
        made["related-risks"] = [{"risk-uuid": _uuid(run, "risk", claim.id)}]
    return made


def _status(result: ClaimResult) -> Json:
    """OSCAL knows two states; what was not assessed is not satisfied, for another reason than a failure."""
    match result.finding.verdict:
        case Verdict.SATISFIED:
            return {"state": "satisfied", "reason": "pass"}
        case Verdict.NOT_SATISFIED:
            return {"state": "not-satisfied", "reason": "fail"}
        case Verdict.NOT_ASSESSED:
            why = f"Not assessed, {result.finding.reason.value}: {reason_words(result.finding.reason)}."
            return {"state": "not-satisfied", "reason": "other", "remarks": why}
        case other:
            assert_never(other)


def _risk(run: RunRecord, result: ClaimResult) -> Json:
    waiver = result.waiver
    made: Json = {
        "uuid": _uuid(run, "risk", result.claim.id),
        "title": f"{_line(result.claim.id)} does not hold",
        "description": _line(result.finding.because),
        "statement": f"The vendor's page asserts: {_line(result.claim.says)}",
        "status": "deviation-approved" if waiver else "open",
        "related-observations": [{"observation-uuid": _uuid(run, "observation", result.claim.id)}],
    }
    if waiver:
        accepted = f"{_line(waiver.reason)} Accepted by {_line(waiver.accepted_by)}; risk: {_line(waiver.risk)}"
        made["props"] = [_prop("waiver", accepted), _prop("owner", waiver.owner)]
        if (deadline := _day(waiver.expires)) is not None:
            made["deadline"] = deadline
    return made


def _origin(run: RunRecord) -> Json:
    return {"actors": [{"type": "tool", "actor-uuid": _uuid(run, "tool")}]}


def _prop(name: str, value: str) -> Json:
    return {"name": name, "ns": _NAMES, "value": _line(value)}


def _uuid(run: RunRecord, *names: str) -> str:
    return str(uuid.uuid5(_HOME, "\0".join([run.id, *names])))


def _line(text: str) -> str:
    """One line without blanks at its ends; OSCAL takes no empty text."""
    return visible(text).strip() or "none"


def _token(text: str) -> str:
    """An identifier as OSCAL spells one (NCName): 32(1)(b) becomes 32.1.b."""
    parts = re.findall(r"[A-Za-z0-9_-]+", text)
    name = ".".join(parts)
    return name if name[:1].isalpha() else f"_{name}"


def _moment(text: str) -> str:
    """A time as OSCAL wants it, with its zone; a time that is none becomes the epoch, which no reader mistakes."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = dt.datetime.fromtimestamp(0, dt.UTC)
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).isoformat()


def _day(text: str) -> str | None:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(23, 59, 59), dt.UTC).isoformat()
    except ValueError:
        return None
