"""findings.sarif: the run in SARIF 2.1.0 (OASIS), for code hosts and their lists of alerts."""

from __future__ import annotations

import hashlib
import json
from typing import Any, assert_never

from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.standing import Standing, standing
from tenantproof.outputs.visible import visible
from tenantproof.outputs.words import reason_words, state_words

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ABSENT = "absent"

Json = dict[str, Any]  # JSON has no type of its own in Python


def sarif(record: RunRecord) -> bytes:
    """One SARIF run with a rule and a result for every claim. The same record gives the same bytes."""
    run = settled(record)
    results = [_result(run, result, index) for index, result in enumerate(run.claims)]
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(run, [*results, *_gone(run)])]}
    return (json.dumps(log, indent=1, ensure_ascii=False) + "\n").encode()


def _run(run: RunRecord, results: list[Json]) -> Json:
    name, _, version = run.harness.partition(" ")
    driver: Json = {"name": visible(name), "rules": [_rule(result) for result in run.claims]}
    if version:
        driver["version"] = visible(version)
    made: Json = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"tenantproof/{visible(run.target)}/{visible(run.id)}"},
        "invocations": [
            {
                "executionSuccessful": run.complete,
                "exitCode": run.gate.exit,
                "startTimeUtc": run.started,
                "endTimeUtc": run.ended,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": visible(remark)}} for remark in run.remarks
                ],
            }
        ],
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {"target": visible(run.target), "profileDigest": run.profile_digest},
    }
    return made


def _rule(result: ClaimResult) -> Json:
    claim = result.claim
    return {
        "id": claim.id,
        "shortDescription": {"text": visible(claim.says)},
        "fullDescription": {"text": f"{visible(claim.says)} A pass does not show: {visible(claim.limit)}"},
        "help": {"text": f"{state_words(claim.state)}. See every observation: tenantproof show {claim.id}"},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "section": visible(claim.section),
            "state": claim.state.value,
            "strength": visible(claim.strength),
            "tags": sorted({*claim.answers, *(ident for ids in claim.criteria.values() for ident in ids)}),
        },
    }


def _result(run: RunRecord, result: ClaimResult, index: int) -> Json:
    kind, level = _kind(result)
    finding = result.finding
    made: Json = {
        "ruleId": result.claim.id,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": visible(finding.because) or reason_words(finding.reason)},
        "locations": [_location(result)],
        "partialFingerprints": {"claim/v1": _fingerprint(run.target, result.claim.id)},
        "properties": {
            "verdict": finding.verdict.value,
            "reason": finding.reason.value,
            "gating": result.gating,
            "trials": finding.trials,
            "upperBound95": result.upper_bound_95,
        },
    }
    if run.since is not None:
        made["baselineState"] = _baseline(run, result.claim.id)
    if result.waiver:
        made["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": f"{visible(result.waiver.reason)} Accepted by {visible(result.waiver.accepted_by)} "
                f"until {visible(result.waiver.expires)}.",
            }
        ]
    if finding.counterexamples:
        made["relatedLocations"] = [
            {
                "id": entry.seq,
                "message": {"text": f"{visible(entry.observation.what)}: {entry.observation.outcome.value}"},
            }
            for entry in finding.counterexamples
        ]
    return made


def _kind(result: ClaimResult) -> tuple[str, str]:
    """SARIF wants the level none wherever the kind is not fail; our own word is among the properties."""
    match standing(result):
        case Standing.PASSED:
            return "pass", "none"
        case Standing.FAILED:
            return "fail", "error"
        case Standing.OPEN:
            return "open", "none"
        case Standing.UNREACHED:
            return "review", "none"
        case other:
            assert_never(other)


def _location(result: ClaimResult) -> Json:
    file, _, check = result.finding.check.split(", ")[0].partition("::")
    logical: Json = {"fullyQualifiedName": visible(f"{result.claim.section}/{result.claim.id}"), "kind": "member"}
    place: Json = {"logicalLocations": [logical]}
    if file.endswith(".py") and check and file.isascii() and file.replace("_", "").replace(".", "").isalnum():
        place["physicalLocation"] = {"artifactLocation": {"uri": f"checks/{file}"}, "region": {"startLine": 1}}
    return place


def _baseline(run: RunRecord, claim: str) -> str:
    assert run.since is not None
    for change in run.since.changes:
        if change.claim == claim:
            return "new" if change.before == _ABSENT else "updated"
    return "unchanged"


def _gone(run: RunRecord) -> list[Json]:
    """Claims that the run before knew and this one does not; SARIF calls such results absent."""
    changes = run.since.changes if run.since else ()
    return [
        {
            "ruleId": visible(change.claim),
            "kind": "review",
            "level": "none",
            "message": {"text": "The claim is no longer among the cards."},
            "baselineState": "absent",
            "partialFingerprints": {"claim/v1": _fingerprint(run.target, change.claim)},
        }
        for change in changes
        if change.after == _ABSENT
    ]


def _fingerprint(target: str, claim: str) -> str:
    """The same from run to run, whatever the verdict."""
    return hashlib.sha256(f"{target}\0{claim}".encode()).hexdigest()
