"""Good news has to be earned: a truth table of what one check can see, and properties over all of them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproof.judge.conclude import conclude, cut_short, finding, gather
from tenantproof.model.observation import Entry, Observation, Role, Unit
from tenantproof.model.outcome import Outcome
from tenantproof.model.tally import Tally
from tenantproof.model.verdict import Finding, Reason, Verdict

W, R = Outcome, Role


def entry(role: Role, expected: Outcome, seen: Outcome, unit: Unit | None = None) -> Entry:
    observation = Observation(probe="0" * 32, what="birch reads the row", outcome=seen, unit=unit)
    return Entry(seq=1, check="c", claim="A-1", role=role, expected=expected, observation=observation)


CALIBRATED = (R.CALIBRATION, W.PERMITTED, W.PERMITTED)
BLIND = (R.CALIBRATION, W.PERMITTED, W.UNANSWERED)
REFUSED = (R.TRIAL, W.REFUSED, W.REFUSED)
LEAKED = (R.TRIAL, W.REFUSED, W.PERMITTED)
SILENT = (R.TRIAL, W.REFUSED, W.UNANSWERED)
ODD = (R.TRIAL, W.REFUSED, W.UNCLEAR)
UNLOGGED = (R.WITNESS, W.PRESENT, W.ABSENT)
LEAKED_LOG = (R.WITNESS, W.ABSENT, W.PRESENT)

TABLE = {
    "a calibrated refusal": ([CALIBRATED, REFUSED], Verdict.SATISFIED, Reason.PROVEN),
    "nothing at all": ([], Verdict.NOT_ASSESSED, Reason.CALIBRATION_FAILED),
    "no calibration": ([REFUSED], Verdict.NOT_ASSESSED, Reason.CALIBRATION_FAILED),
    "a failed calibration": ([BLIND, CALIBRATED, REFUSED], Verdict.NOT_ASSESSED, Reason.CALIBRATION_FAILED),
    "no trial": ([CALIBRATED], Verdict.NOT_ASSESSED, Reason.NO_TRIAL),
    "a witness is no trial": ([CALIBRATED, (R.WITNESS, W.PRESENT, W.PRESENT)], Verdict.NOT_ASSESSED, Reason.NO_TRIAL),
    "a leak": ([CALIBRATED, REFUSED, LEAKED], Verdict.NOT_SATISFIED, Reason.REFUTED),
    "a leak without calibration": ([LEAKED], Verdict.NOT_SATISFIED, Reason.REFUTED),
    "a leak beside a failed calibration": ([BLIND, LEAKED], Verdict.NOT_SATISFIED, Reason.REFUTED),
    "a leak that a witness saw": ([CALIBRATED, REFUSED, LEAKED_LOG], Verdict.NOT_SATISFIED, Reason.REFUTED),
    "a trial without an answer": ([CALIBRATED, REFUSED, SILENT], Verdict.NOT_ASSESSED, Reason.UNREACHABLE),
    "an odd answer": ([CALIBRATED, ODD], Verdict.NOT_SATISFIED, Reason.DIFFERED),
    "an odd answer and a silence": ([CALIBRATED, ODD, SILENT], Verdict.NOT_ASSESSED, Reason.UNREACHABLE),
    "an event that is missing": ([CALIBRATED, REFUSED, UNLOGGED], Verdict.NOT_SATISFIED, Reason.DIFFERED),
}


@pytest.mark.parametrize(("rows", "verdict", "reason"), TABLE.values(), ids=TABLE.keys())
def test_the_truth_table(rows: list[tuple[Role, Outcome, Outcome]], verdict: Verdict, reason: Reason) -> None:
    assert conclude(Tally.over([entry(*row) for row in rows])) == (verdict, reason)


# No check can expect silence: the ledger refuses that.
EXPECTED = st.sampled_from([outcome for outcome in Outcome if outcome is not W.UNANSWERED])
rows = st.lists(st.tuples(st.sampled_from(Role), EXPECTED, st.sampled_from(Outcome)), max_size=12)


@given(rows)
def test_nothing_is_satisfied_without_a_calibration_and_a_trial(seen: list[tuple[Role, Outcome, Outcome]]) -> None:
    verdict, _ = conclude(Tally.over([entry(*row) for row in seen]))
    if verdict is Verdict.SATISFIED:
        assert {R.CALIBRATION, R.TRIAL} <= {role for role, _, _ in seen}
        assert all(expected is outcome for _, expected, outcome in seen)


@given(rows, st.sampled_from([LEAKED, SILENT, ODD, BLIND, UNLOGGED]))
def test_bad_news_never_makes_a_claim_satisfied(
    seen: list[tuple[Role, Outcome, Outcome]], bad: tuple[Role, Outcome, Outcome]
) -> None:
    verdict, _ = conclude(Tally.over([entry(*row) for row in [*seen, bad]]))
    assert verdict is not Verdict.SATISFIED


@given(rows)
def test_a_refutation_is_never_outvoted(seen: list[tuple[Role, Outcome, Outcome]]) -> None:
    assert conclude(Tally.over([entry(*row) for row in [*seen, LEAKED]])) == (Verdict.NOT_SATISFIED, Reason.REFUTED)


def test_the_refutation_is_the_first_example_and_the_sentence() -> None:
    found = finding("A-1", "c", Tally.over([entry(*row) for row in (CALIBRATED, ODD, LEAKED)]))
    assert found.counterexamples[0].observation.outcome is W.PERMITTED
    assert found.because == "birch reads the row: permitted, expected refused"


def test_repeats_of_a_unit_count_once() -> None:
    unit = Unit("birch", "alder", "read", "plain")
    tally = Tally.over([entry(R.TRIAL, W.REFUSED, W.REFUSED, unit) for _ in range(3)])
    assert (tally.trials, tally.tried) == (3, 1)


def test_the_worst_finding_is_the_claims_and_the_numbers_add_up() -> None:
    good = finding("A-1", "one", Tally.over([entry(*row) for row in (CALIBRATED, REFUSED)]))
    bad = finding("A-1", "two", Tally.over([entry(*row) for row in (CALIBRATED, LEAKED)]))
    both = gather("A-1", [good, bad])
    assert (both.verdict, both.trials, both.calibrations) == (Verdict.NOT_SATISFIED, 2, 2)


def test_a_claim_without_a_check_is_not_assessed() -> None:
    assert gather("A-1", []).reason is Reason.NO_CHECK


@given(rows, EXPECTED)
def test_a_trial_without_an_answer_never_leaves_a_claim_satisfied(
    seen: list[tuple[Role, Outcome, Outcome]], expected: Outcome
) -> None:
    after = [entry(*row) for row in [*seen, (R.TRIAL, expected, W.UNANSWERED)]]
    assert conclude(Tally.over(after))[0] is not Verdict.SATISFIED


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_what_was_seen_decides_nothing(seen: list[tuple[Role, Outcome, Outcome]], random: Random) -> None:
    mixed = random.sample(seen, len(seen))
    assert conclude(Tally.over([entry(*row) for row in mixed])) == conclude(Tally.over([entry(*row) for row in seen]))


@given(rows)
def test_a_good_trial_more_turns_no_claim_that_was_decided(seen: list[tuple[Role, Outcome, Outcome]]) -> None:
    before, _ = conclude(Tally.over([entry(*row) for row in seen]))
    after, _ = conclude(Tally.over([entry(*row) for row in [*seen, REFUSED]]))
    # What was not assessed may turn either way: a witness that differed counts from the first trial on.
    assert after is before or before is Verdict.NOT_ASSESSED


@given(rows)
def test_a_check_that_was_cut_short_is_never_satisfied_and_keeps_its_refutation(
    seen: list[tuple[Role, Outcome, Outcome]],
) -> None:
    tally = Tally.over([entry(*row) for row in seen])
    found = cut_short("A-1", "c", tally, Reason.BROKEN, "it broke")
    refuted = conclude(tally) == (Verdict.NOT_SATISFIED, Reason.REFUTED)
    assert found.verdict is (Verdict.NOT_SATISFIED if refuted else Verdict.NOT_ASSESSED)
    assert (found.reason, found.trials) == (Reason.REFUTED if refuted else Reason.BROKEN, tally.trials)
    assert found.because.endswith("it broke")


verdicts = st.lists(rows.map(lambda seen: finding("A-1", "c", Tally.over([entry(*row) for row in seen]))), min_size=1)


@given(verdicts)
def test_no_check_makes_a_claim_better_than_its_worst(findings: list[Finding]) -> None:
    worst = min(findings, key=lambda each: ["not-satisfied", "not-assessed", "satisfied"].index(each.verdict))
    assert gather("A-1", findings).verdict is worst.verdict


def test_a_claim_shows_the_counterexamples_of_all_its_failing_checks() -> None:
    leaks = [finding("A-1", name, Tally.over([entry(*CALIBRATED), entry(*LEAKED)])) for name in ("one", "two")]
    assert len(gather("A-1", leaks).counterexamples) == 2


def test_a_check_that_tried_too_much_covers_for_no_other() -> None:
    eager = Finding(claim="A-1", check="a", verdict=Verdict.SATISFIED, reason=Reason.PROVEN, units=5, tried=10)
    idle = Finding(claim="A-1", check="b", verdict=Verdict.SATISFIED, reason=Reason.PROVEN, units=5, tried=0)
    assert gather("A-1", [eager, idle]).tried == 5
