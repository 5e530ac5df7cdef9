"""findings.ocsf.json: a compliance finding (OCSF 1.5, class 2003) for every claim, for security lakes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any, assert_never

from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.verdict import Verdict
from tenantproof.outputs.visible import visible
from tenantproof.outputs.words import reason_words

OCSF = "1.5.0"
_CLASS, _CREATE = 2003, 1

Json = dict[str, Any]  # JSON has no type of its own in Python


def ocsf(record: RunRecord) -> bytes:
    """The findings as one JSON array, in the order of the cards. The same record gives the same bytes."""
    run = settled(record)
    return (json.dumps([_event(run, each) for each in run.claims], indent=1, ensure_ascii=False) + "\n").encode()


def _event(run: RunRecord, result: ClaimResult) -> Json:
    claim, finding = result.claim, result.finding
    status, word, severity = _status(result)
    because = visible(finding.because) or reason_words(finding.reason)
    requirements = [*claim.answers, *(f"{name} {ident}" for name, ids in claim.criteria.items() for ident in ids)]
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Compliance Finding",
        "class_uid": _CLASS,
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Compliance Finding: Create",
        "severity_id": severity,
        "severity": {1: "Informational", 3: "Medium", 4: "High"}[severity],
        "status_id": 3 if result.waiver else 1,
        "status": "Suppressed" if result.waiver else "New",
        "status_code": finding.reason.value,
        "status_detail": because,
        "message": f"{claim.id}: {word}. {because}",
        "time": _milliseconds(run.ended),
        "start_time": _milliseconds(run.started),
        "end_time": _milliseconds(run.ended),
        "metadata": {
            "version": OCSF,
            "uid": f"{visible(run.id)}/{claim.id}",
            "product": {"name": "tenantproof", "vendor_name": "tenantproof", "version": visible(run.harness)},
        },
        "compliance": {
            "control": claim.id,
            "desc": visible(claim.says),
            "requirements": [visible(each) for each in requirements],
            "standards": [visible(framework.title) for framework in run.frameworks],
            "status_id": status,
        },
        "finding_info": {
            # The same from run to run, so that a lake can follow one finding through its life.
            "uid": hashlib.sha256(f"{run.target}\0{claim.id}".encode()).hexdigest(),
            "title": visible(claim.says),
            "desc": f"A pass does not show: {visible(claim.limit)}",
            "created_time": _milliseconds(run.ended),
            "types": [visible(claim.section)],
        },
        "resources": [{"name": visible(run.target), "uid": visible(run.base_url), "type": "deployment"}],
        "unmapped": {
            "verdict": finding.verdict.value,
            "state": claim.state.value,
            "gating": result.gating,
            "calibrations": finding.calibrations,
            "trials": finding.trials,
            "upper_bound_95": result.upper_bound_95,
            "waived_until": visible(result.waiver.expires) if result.waiver else "",
        },
    }


def _status(result: ClaimResult) -> tuple[int, str, int]:
    """(compliance status, our word, severity)."""
    match result.finding.verdict:
        case Verdict.SATISFIED:
            return 1, "satisfied", 1
        case Verdict.NOT_SATISFIED:
            return 3, "not satisfied", 4
        case Verdict.NOT_ASSESSED:
            return 2, "not assessed", 3
        case other:
            assert_never(other)


def _milliseconds(moment: str) -> int:
    try:
        return int(dt.datetime.fromisoformat(moment).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
