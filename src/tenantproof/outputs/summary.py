"""summary.json: the machine interface of a run; its schema is fixtures/contract/summary.schema.json."""

from __future__ import annotations

import json
from typing import Any

from tenantproof.model.observation import Entry
from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.verdict import Finding, Reason
from tenantproof.outputs.visible import visible, visible_block

SCHEMA = "tenantproof.summary/1"

# JSON has no type of its own in Python; every value below is str, bool, int, float, list or dict.
Json = dict[str, Any]


def summary(record: RunRecord) -> Json:
    """The summary as plain data, times in seconds, every float finite, hidden characters spelled out."""
    run = settled(record)
    return {
        "schema": SCHEMA,
        "run": _run(run),
        "gate": {
            "exit": run.gate.exit,
            "strict": run.gate.strict,
            "failed": list(run.gate.failed),
            "not_assessed": list(run.gate.not_assessed),
            "waived": list(run.gate.waived),
        },
        "claims": {result.claim.id: _claim(result) for result in run.claims},
        "fidelity": {"facts": run.fidelity.facts, "held": run.fidelity.held, "missing": list(run.fidelity.missing)},
        "totals": {"probes": run.probes, "observations": run.observations},
        "complete": run.complete,
        "incomplete_because": visible(run.incomplete_because),
        "no_check": [result.claim.id for result in run.claims if result.finding.reason is Reason.NO_CHECK],
        "versions": {visible(name): visible(version) for name, version in run.versions.items()},
        "sensitivity": run.sensitivity,
        "remarks": [visible(remark) for remark in run.remarks],
        "since": _since(run),
    }


def _since(run: RunRecord) -> Json | None:
    """What changed since the run before, by claim; nothing where there was none."""
    if run.since is None:
        return None
    return {
        "run": run.since.before,
        "changes": {
            change.claim: {"before": change.before, "after": change.after, "attribution": change.attribution.value}
            for change in run.since.changes
        },
    }


def summary_json(record: RunRecord) -> bytes:
    """The summary as UTF-8 JSON, two spaces deep, ending in a line feed."""
    return (json.dumps(summary(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _run(run: RunRecord) -> Json:
    return {
        "id": run.id,
        "started": run.started,
        "ended": run.ended,
        "seconds": run.seconds,
        "target": visible(run.target),
        "profile_digest": run.profile_digest,
        "harness": run.harness,
        "harness_digest": run.harness_digest,
        "identity": {visible(name): visible(value) for name, value in run.identity.items()},
        "capabilities": list(run.capabilities),
    }


def _claim(result: ClaimResult) -> Json:
    finding, claim = result.finding, result.claim
    waiver = result.waiver
    return {
        "verdict": finding.verdict.value,
        "state": claim.state.value,
        "reason": finding.reason.value,
        "because": visible(finding.because),
        "gating": result.gating,
        "checks": [_check(check) for check in result.checks],
        "calibrations": finding.calibrations,
        "trials": finding.trials,
        "population": {"units": finding.units, "tried": finding.tried, "selection": visible(finding.selection)},
        "upper_bound_95": result.upper_bound_95,
        "counterexamples": [_counterexample(entry) for entry in finding.counterexamples],
        "caught_defects": list(result.caught_defects),
        "criteria": {
            "Q": list(claim.answers),
            "gdpr": list(claim.criteria.get("gdpr", ())),
            "soc2": list(claim.criteria.get("soc2", ())),
        },
        "waiver": None
        if waiver is None
        else {
            "reason": visible(waiver.reason),
            "accepted_by": visible(waiver.accepted_by),
            "expires": waiver.expires,
            "owner": visible(waiver.owner),
            "risk": visible(waiver.risk),
            "created": waiver.created,
            "scope": visible(waiver.scope),
        },
    }


def _check(finding: Finding) -> Json:
    return {
        "check": finding.check,
        "verdict": finding.verdict.value,
        "reason": finding.reason.value,
        "because": visible(finding.because),
        "calibrations": finding.calibrations,
        "trials": finding.trials,
    }


def _counterexample(entry: Entry) -> Json:
    seen = entry.observation
    return {
        "seq": entry.seq,
        "check": entry.check,
        "probe": seen.probe,
        "what": visible(seen.what),
        "expected": entry.expected.value,
        "seen": seen.outcome.value,
        "principal": visible(seen.principal),
        "request": visible(seen.request),
        "request_digest": seen.request_digest,
        "response": visible(seen.response),
        "response_digest": seen.response_digest,
        "replay": visible_block(seen.replay),
        "notes": [visible(note) for note in seen.notes],
    }
