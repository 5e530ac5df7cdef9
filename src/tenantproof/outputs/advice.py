"""What an engineer needs to start on a claim that is not satisfied: the smallest proof, and where to look."""

from __future__ import annotations

from dataclasses import dataclass

from tenantproof.model.observation import Entry
from tenantproof.model.run import Change, ClaimResult, RunRecord
from tenantproof.model.verdict import Reason, Verdict


@dataclass(frozen=True)
class Advice:
    """A claim to work on. `smallest` is the counterexample that is quickest to read; `look` are sentences."""

    result: ClaimResult
    smallest: Entry | None
    look: tuple[str, ...]


def advice(record: RunRecord) -> tuple[Advice, ...]:
    """Claims that are not satisfied, then those that were tried and not decided, each in the order of the cards."""
    changes = {change.claim: change for change in record.since.changes} if record.since else {}
    ordered = [Verdict.NOT_SATISFIED, Verdict.NOT_ASSESSED]
    open_ones = [each for each in record.claims if each.finding.verdict in ordered and not _is_idle(each)]
    open_ones.sort(key=lambda each: ordered.index(each.finding.verdict))
    return tuple(Advice(each, _smallest(each), _look(each, record, changes.get(each.claim.id))) for each in open_ones)


def _is_idle(result: ClaimResult) -> bool:
    return result.finding.reason in {Reason.NO_CHECK, Reason.NOT_SELECTED}


def _smallest(result: ClaimResult) -> Entry | None:
    def effort(entry: Entry) -> tuple[int, int]:
        return len(entry.observation.replay) + len(entry.observation.request), entry.seq

    return min(result.finding.counterexamples, key=effort, default=None)


def _look(result: ClaimResult, record: RunRecord, change: Change | None) -> tuple[str, ...]:
    lines = []
    if change and record.since:
        lines.append(
            f"It was {change.before.replace('-', ' ')} in run {record.since.before}: {change.attribution.value}, "
            f"for {change.because}."
        )
        lines += [f"Since then, {fact}." for fact in record.since.facts[:6]]
    if result.finding.check:
        lines.append(f"Decided by {result.finding.check}.")
    if result.caught_defects:
        lines.append(f"Known faults that look like this (fixtures/defects): {', '.join(result.caught_defects)}.")
    return tuple(lines)
