"""The one function that decides. Good news has to be earned; bad news stands on its own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tenantproof.model.observation import Entry, Role
from tenantproof.model.tally import Tally
from tenantproof.model.verdict import Finding, Reason, Verdict

_WORST = (Verdict.NOT_SATISFIED, Verdict.NOT_ASSESSED, Verdict.SATISFIED)
_SHOWN = 5


def conclude(tally: Tally) -> tuple[Verdict, Reason]:
    """The verdict on what one check saw. Pure and total; the order of the questions is the point.

    A refutation needs no calibration: a canary in the wrong hands is what it is. A confirmation needs a calibration
    that went well, at least one trial, and an answer to each of them.

    A witness is a second look at the same act from elsewhere: at the trail, a queue, the state of a key. It can turn a
    claim down as a trial can (expected PRESENT, seen ABSENT: it differed), but it is no trial and belongs to no unit.
    """
    if tally.refuted:
        return Verdict.NOT_SATISFIED, Reason.REFUTED
    if not tally.calibrations or tally.failed_calibrations:
        return Verdict.NOT_ASSESSED, Reason.CALIBRATION_FAILED
    if not tally.trials:
        return Verdict.NOT_ASSESSED, Reason.NO_TRIAL
    if tally.unanswered:
        return Verdict.NOT_ASSESSED, Reason.UNREACHABLE
    if tally.differing:
        return Verdict.NOT_SATISFIED, Reason.DIFFERED
    return Verdict.SATISFIED, Reason.PROVEN


def finding(claim: str, check: str, tally: Tally) -> Finding:
    """The finding of one check, with the sentence that says why."""
    verdict, reason = conclude(tally)
    return Finding(
        claim=claim,
        check=check,
        verdict=verdict,
        reason=reason,
        because=_because(reason, tally),
        calibrations=tally.calibrations,
        trials=tally.trials,
        units=tally.units,
        # Without a population there is nothing that these are so many of.
        tried=tally.tried if tally.units else 0,
        selection=tally.selection,
        counterexamples=tally.examples if verdict is not Verdict.SATISFIED else (),
    )


def cut_short(claim: str, check: str, tally: Tally, reason: Reason, because: str) -> Finding:
    """The finding of a check that did not come to its end: not assessed, for `reason`, with the numbers so far.

    What it refuted by then stays refuted; the rest of the check could not have taken that back.
    """
    so_far = finding(claim, check, tally)
    if tally.refuted:
        return msgspec.structs.replace(so_far, because=f"{so_far.because}; after that, {because}")
    return msgspec.structs.replace(so_far, verdict=Verdict.NOT_ASSESSED, reason=reason, because=because)


def gather(claim: str, findings: Sequence[Finding]) -> Finding:
    """The finding of a claim: the worst of its checks' findings, with their numbers added up.

    A claim without any finding is not assessed, for want of a check.
    """
    if not findings:
        return unassessed(claim, "", Reason.NO_CHECK, "no check decides this claim yet")
    if len(findings) == 1:
        return findings[0]
    worst = min(findings, key=lambda each: _WORST.index(each.verdict))
    return Finding(
        claim=claim,
        check=", ".join(each.check for each in findings),
        verdict=worst.verdict,
        reason=worst.reason,
        because=worst.because,
        calibrations=sum(each.calibrations for each in findings),
        trials=sum(each.trials for each in findings),
        units=sum(each.units for each in findings),
        # What one check tried beyond its population says nothing of what another left out.
        tried=sum(min(each.tried, each.units) for each in findings),
        selection=_selection(findings),
        counterexamples=_examples(findings, worst.verdict),
    )


def unassessed(claim: str, check: str, reason: Reason, because: str) -> Finding:
    """A finding that says why there is none."""
    return Finding(claim=claim, check=check, verdict=Verdict.NOT_ASSESSED, reason=reason, because=because)


def _examples(findings: Sequence[Finding], verdict: Verdict) -> tuple[Entry, ...]:
    return tuple(entry for each in findings if each.verdict is verdict for entry in each.counterexamples)[:_SHOWN]


def _selection(findings: Sequence[Finding]) -> str:
    chosen = {each.selection for each in findings if each.units}
    return chosen.pop() if len(chosen) == 1 else "; ".join(sorted(chosen)) or "all"


def _because(reason: Reason, tally: Tally) -> str:
    first = tally.examples[0] if tally.examples else None
    match reason:
        case Reason.PROVEN:
            return f"all {tally.trials} trials came out as the claim says, between calibrations that succeeded"
        case Reason.REFUTED | Reason.DIFFERED if first:
            return _sentence(first)
        case Reason.CALIBRATION_FAILED if not tally.calibrations:
            return "no calibration: the check never showed that it can see"
        case Reason.CALIBRATION_FAILED:
            failed = next((entry for entry in tally.examples if entry.role is Role.CALIBRATION), first)
            return "calibration failed: " + (_sentence(failed) if failed else "it did not come out as it must")
        case Reason.NO_TRIAL:
            return "no trial: nothing put the claim to the test"
        case Reason.UNREACHABLE:
            return f"{tally.unanswered} of {tally.trials + tally.witnesses} trials had no answer" + (
                f", as in: {_sentence(first)}" if first else ""
            )
        case _:
            return reason.value


def _sentence(entry: Entry) -> str:
    seen = entry.observation
    notes = f" ({'; '.join(seen.notes)})" if seen.notes else ""
    return f"{seen.what}: {seen.outcome.value}, expected {entry.expected.value}{notes}"
