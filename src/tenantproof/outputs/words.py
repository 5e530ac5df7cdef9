"""The words of the report: every verdict, state, reason and exit has its own, and none falls into an else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from tenantproof.model.claims import State
from tenantproof.model.run import ClaimResult, Gate
from tenantproof.model.verdict import Reason, Verdict


@dataclass(frozen=True)
class Word:
    """How something is shown: a class of the stylesheet, a mark that needs no colour, and words."""

    kind: str
    mark: str
    text: str


def verdict_word(verdict: Verdict) -> Word:
    """A verdict by its own name."""
    match verdict:
        case Verdict.SATISFIED:
            return Word("held", "✓", "satisfied")
        case Verdict.NOT_SATISFIED:
            return Word("failed", "✗", "not satisfied")
        case Verdict.NOT_ASSESSED:
            return Word("open", "?", "not assessed")
        case _:
            assert_never(verdict)


def state_words(state: State) -> str:
    """What the vendor's page says about the claim."""
    match state:
        case State.GA:
            return "GA: the page says that it is in production"
        case State.TARGET:
            return "Target-state: the page says that it is planned, not that it is in production"
        case State.UNLABELLED:
            return "unlabelled: the page states it without saying whether it is in production"
        case _:
            assert_never(state)


def state_label(state: State) -> str:
    """The state in a word."""
    match state:
        case State.GA:
            return "GA"
        case State.TARGET:
            return "Target-state"
        case State.UNLABELLED:
            return "unlabelled"
        case _:
            assert_never(state)


_REASONS = {
    Reason.PROVEN: "every calibration and every trial came out as expected",
    Reason.REFUTED: "what must not happen was seen to happen",
    Reason.DIFFERED: "a trial was answered otherwise than the claim says",
    Reason.NO_CHECK: "no check decides this claim yet",
    Reason.NOT_SELECTED: "the run was told to leave it out",
    Reason.CAPABILITY_MISSING: "the target profile does not give what the check needs",
    Reason.FIDELITY_MISSING: "a part of the target is not faithful enough to decide it",
    Reason.CALIBRATION_FAILED: "an act that must succeed did not, so the check could not see",
    Reason.NO_TRIAL: "nothing was put to the test",
    Reason.BROKEN: "the check itself broke",
    Reason.UNREACHABLE: "the target could not be reached, or did not answer",
    Reason.INTERRUPTED: "the run ended first",
}


def reason_words(reason: Reason) -> str:
    """A reason code in words."""
    return _REASONS[reason]


def gate_words(gate: Gate) -> Word:
    """The exit code of the run, in words."""
    match gate.exit:
        case 0:
            waived = f"; {len(gate.waived)} accepted by waiver" if gate.waived else ""
            return Word("held", "✓", f"Passed: every gating claim that was put to the test is satisfied{waived}.")
        case 1:
            return Word("failed", "✗", f"Failed: {count(len(gate.failed), 'gating claim')} not satisfied.")
        case 3:
            return Word("open", "?", f"Open: {count(len(gate.not_assessed), 'gating claim')} could not be assessed.")
        case 130:
            return Word("open", "?", "Interrupted: the run was stopped before its end.")
        case other:
            return Word("open", "?", f"Ended with exit code {other}.")


def bound_words(result: ClaimResult) -> str:
    """What the trials leave possible, in words (one-sided Clopper-Pearson bound at 95 %)."""
    finding, bound = result.finding, result.upper_bound_95
    if finding.verdict is Verdict.NOT_ASSESSED or not finding.trials:
        return "Nothing can be said about a rate: the claim was not assessed."
    tried = finding.tried or finding.trials
    if finding.verdict is Verdict.NOT_SATISFIED:
        return "A counterexample was found; no rate makes the claim hold."
    if bound == 0.0:
        return f"The whole population of {count(finding.units, 'unit')} was tried; none is left to estimate."
    sample = f"{count(tried, 'independent draw')} without a failure"
    return f"{sample} still allow a failure rate of up to {percent(bound)} (95 % confidence, one-sided)."


def percent(rate: float) -> str:
    """A rate as a percentage with two significant digits; a rate that is not zero never reads as zero."""
    return f"{max(rate, 1e-9) * 100:.2g} %" if rate < 1 else "100 %"


def count(number: int, noun: str) -> str:
    """A number and its noun, with an s where it belongs."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}".replace(",", "\u202f")


def deviations(result: ClaimResult) -> str:
    """How many trials deviated, as far as the finding tells."""
    finding = result.finding
    match finding.verdict:
        case Verdict.SATISFIED:
            return "0"
        case Verdict.NOT_SATISFIED:
            return f"at least {max(1, len(finding.counterexamples))}"
        case Verdict.NOT_ASSESSED:
            return "not known"
        case _:
            assert_never(finding.verdict)
