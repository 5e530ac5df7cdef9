"""The exit code follows from verdicts, product states and waivers, and from nothing else."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantproof.judge.confidence import bound_of, upper_bound
from tenantproof.judge.gate import gate
from tenantproof.judge.waivers import Waiver, in_force, load_waivers, troubles
from tenantproof.model.claims import Claim, State
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Entry, Observation, Role
from tenantproof.model.outcome import Outcome
from tenantproof.model.verdict import Finding, Reason, Verdict
from tenantproof.plugin.cards import load_cards


def card(ident: str, state: State) -> Claim:
    return Claim(
        id=ident, says="x", section="s", state=state, answers=(), criteria={}, strength="D", limit="y", tension=""
    )


def found(ident: str, verdict: Verdict, reason: Reason = Reason.PROVEN) -> Finding:
    return Finding(claim=ident, check="c", verdict=verdict, reason=reason)


CARDS = {"GA-1": card("GA-1", State.GA), "UN-1": card("UN-1", State.UNLABELLED), "TA-1": card("TA-1", State.TARGET)}
OK, BAD, OPEN = Verdict.SATISFIED, Verdict.NOT_SATISFIED, Verdict.NOT_ASSESSED

EXITS = [
    ((OK, OK, OK), False, 0),
    ((OK, OK, BAD), False, 0),
    ((OK, OK, BAD), True, 1),
    ((OK, OK, OPEN), True, 3),
    ((BAD, OK, OK), False, 1),
    ((OK, BAD, OK), False, 1),
    ((OPEN, OK, OK), False, 3),
    ((OPEN, BAD, OK), False, 1),
]


@pytest.mark.parametrize(("verdicts", "strict", "code"), EXITS)
def test_the_exit_code_is_the_worst_gating_verdict(verdicts: tuple[Verdict, ...], strict: bool, code: int) -> None:
    findings = {i: found(i, v, Reason.UNREACHABLE) for i, v in zip(CARDS, verdicts, strict=True)}
    assert gate(CARDS, findings, strict=strict).exit == code


def test_a_claim_without_a_check_does_not_gate_by_itself() -> None:
    findings = {i: found(i, OPEN, Reason.NO_CHECK) for i in CARDS}
    assert gate(CARDS, findings).exit == 0


def test_a_missing_capability_gates() -> None:
    findings = {i: found(i, OPEN, Reason.CAPABILITY_MISSING) for i in CARDS}
    assert gate(CARDS, findings).not_assessed == ("GA-1", "UN-1")


def test_a_check_that_broke_never_ends_in_0_even_where_its_claim_does_not_gate() -> None:
    findings = {i: found(i, OPEN if i == "TA-1" else OK, Reason.BROKEN) for i in CARDS}
    assert (gate(CARDS, findings).exit, gate(CARDS, findings).not_assessed) == (3, ("TA-1",))


def test_a_failure_outranks_what_was_not_assessed_and_a_waiver_lets_that_through_again() -> None:
    findings = {i: found(i, v, Reason.UNREACHABLE) for i, v in zip(CARDS, (BAD, OPEN, OK), strict=True)}
    assert gate(CARDS, findings).exit == 1
    assert gate(CARDS, findings, waived={"GA-1"}).exit == 3


def test_a_waiver_changes_the_exit_code_and_not_the_list_of_failures_it_hides() -> None:
    findings = {i: found(i, BAD if i == "GA-1" else OK) for i in CARDS}
    result = gate(CARDS, findings, waived={"GA-1"})
    assert (result.exit, result.waived, result.failed) == (0, ("GA-1",), ())


def test_an_interrupted_run_ends_130_whatever_it_found() -> None:
    findings = {i: found(i, BAD) for i in CARDS}
    assert gate(CARDS, findings, interrupted=True).exit == 130


WAIVER = """[[waiver]]
claim = "GA-1"
owner = "o@example.com"
reason = "r"
risk = "low: an index without payloads"
approver = "a@example.com"
created = 2026-01-31
expires = 2026-03-31
"""
DAY = dt.date(2026, 3, 31)


@pytest.fixture
def waivers(tmp_path: Path) -> tuple[Waiver, ...]:
    path = tmp_path / "w.toml"
    path.write_text(WAIVER)
    return load_waivers(path, CARDS)


def test_a_waiver_holds_from_its_first_day_through_its_last(waivers: tuple[Waiver, ...]) -> None:
    days = [dt.date(2026, 1, 30), dt.date(2026, 1, 31), DAY, DAY + dt.timedelta(days=1)]
    assert [list(in_force(waivers, "t", day)) for day in days] == [[], ["GA-1"], ["GA-1"], []]


def test_a_waiver_holds_for_its_scope_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(WAIVER + 'scope = "staging-*"')
    scoped = load_waivers(path, CARDS)
    assert (list(in_force(scoped, "staging-eu", DAY)), list(in_force(scoped, "production", DAY))) == (["GA-1"], [])
    late = DAY + dt.timedelta(days=9)
    assert len(list(troubles(scoped, "staging-eu", late, {"GA-1": found("GA-1", BAD)}))) == 1
    assert list(troubles(scoped, "production", late, {"GA-1": found("GA-1", BAD)})) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (WAIVER.replace("GA-1", "GA-9"), "which is no claim"),
        (WAIVER.replace("GA-1", "NO-1"), "can't be waived"),
        (WAIVER.replace('approver = "a@example.com"\n', ""), "approver"),
        (WAIVER.replace('reason = "r"', 'reason = " "'), "needs a reason"),
        (WAIVER.replace("a@example.com", "O@example.com"), "somebody else must accept it"),
        (WAIVER.replace("expires = 2026-03-31", 'expires = "soon"'), "expires"),
        (WAIVER.replace("expires = 2026-03-31", "expires = 2026-12-31"), "lasts 334 days; it may last at most 180"),
        (WAIVER.replace("expires = 2026-03-31", "expires = 2025-12-31"), "lasts -31 days"),
        ("[settings]\nmax_days = 30\n" + WAIVER, "at most 30"),
        ("[settings]\nmax_days = 4000\n" + WAIVER, "at most 366"),
        ("[[waiver", "can't be read"),
        (WAIVER + WAIVER, "waives GA-1 twice"),
        (WAIVER + 'until = "later"', "until"),
    ],
)
def test_a_wrong_waiver_is_named(tmp_path: Path, wrong: str, message: str) -> None:
    path = tmp_path / "w.toml"
    path.write_text(wrong)
    cards = CARDS | {"NO-1": msgspec.structs.replace(card("NO-1", State.GA), waivable=False)}
    with pytest.raises(UsageError, match=message):
        load_waivers(path, cards)


NOBODY_ACCEPTS = {"QA-2", "ST-2", "EV-1", "AU-1", "TK-2", "TK-3", "SU-1"}


def test_of_our_own_claims_those_about_data_in_other_hands_can_not_be_waived(tmp_path: Path) -> None:
    cards = load_cards(Path(__file__).resolve().parents[2] / "checks")
    assert {name for name, each in cards.items() if not each.waivable} == NOBODY_ACCEPTS
    for name in NOBODY_ACCEPTS:
        path = tmp_path / f"{name}.toml"
        path.write_text(WAIVER.replace("GA-1", name))
        with pytest.raises(UsageError, match=f"waives {name}, which can't be waived"):
            load_waivers(path, cards)


@pytest.mark.parametrize(
    ("day", "verdict", "told"),
    [
        (DAY, BAD, ""),
        (DAY, OK, "excuses nothing: the claim is satisfied"),
        (DAY, OPEN, "was not assessed"),
        (DAY + dt.timedelta(days=1), BAD, "expired on 2026-03-31"),
        (dt.date(2026, 1, 1), BAD, "still to come"),
    ],
)
def test_what_is_wrong_with_a_waiver_is_a_finding_of_the_run(
    waivers: tuple[Waiver, ...], day: dt.date, verdict: Verdict, told: str
) -> None:
    said = list(troubles(waivers, "t", day, {"GA-1": found("GA-1", verdict)}))
    assert len(said) == bool(told)
    assert told in "".join(said)


# Computed from the F distribution's quantiles as tabulated for Clopper-Pearson; k = 0 has the closed form.
@pytest.mark.parametrize(
    ("k", "n", "bound"), [(0, 1, 0.95), (0, 10, 0.2589), (0, 59, 0.0495), (1, 10, 0.3942), (3, 20, 0.3437)]
)
def test_the_upper_bound_is_clopper_and_pearsons(k: int, n: int, bound: float) -> None:
    assert math.isclose(upper_bound(k, n), bound, abs_tol=5e-5)


def test_the_bound_covers_what_it_says() -> None:
    n = 40
    for k in range(n):
        p = upper_bound(k, n)
        mass = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))
        assert math.isclose(mass, 0.05, rel_tol=1e-6)


def test_no_trial_bounds_nothing_and_a_whole_population_leaves_no_room() -> None:
    assert upper_bound(0, 0) == 1.0
    whole = Finding(claim="a", check="c", verdict=OK, reason=Reason.PROVEN, trials=9, units=6, tried=6)
    part = Finding(claim="a", check="c", verdict=OK, reason=Reason.PROVEN, trials=9, units=60, tried=6)
    assert bound_of(whole) == 0.0
    assert math.isclose(bound_of(part), upper_bound(0, 6))


def test_a_selection_is_a_sample_however_large() -> None:
    picked = Finding(
        claim="a", check="c", verdict=OK, reason=Reason.PROVEN, trials=9, units=6, tried=6, selection="at random"
    )
    assert math.isclose(bound_of(picked), upper_bound(0, 6))


def test_failures_that_were_not_all_kept_bound_nothing() -> None:
    entries = tuple(
        Entry(
            seq=n,
            check="c",
            claim="a",
            role=Role.TRIAL,
            expected=Outcome.REFUSED,
            observation=Observation(probe="0" * 32, what="w", outcome=Outcome.PERMITTED),
        )
        for n in range(5)
    )
    few = Finding(claim="a", check="c", verdict=BAD, reason=Reason.REFUTED, trials=1000, counterexamples=entries[:2])
    many = msgspec.structs.replace(few, counterexamples=entries)
    assert math.isclose(bound_of(few), upper_bound(2, 1000))
    assert bound_of(many) == 1.0


def test_a_claim_that_was_not_assessed_has_no_bound() -> None:
    assert bound_of(Finding(claim="a", check="c", verdict=OPEN, reason=Reason.NO_TRIAL, trials=50)) == 1.0


@given(st.integers(0, 300), st.integers(1, 300))
@settings(deadline=None)  # a busy machine is no failure
def test_more_failures_allow_more_and_more_trials_allow_less(failures: int, more: int) -> None:
    trials = failures + more
    assert failures / trials < upper_bound(failures, trials) <= 1.0
    assert upper_bound(failures, trials) <= upper_bound(failures + 1, trials)
    assert upper_bound(failures, trials + 1) < upper_bound(failures, trials)


def test_a_number_of_failures_that_can_not_be_is_an_error() -> None:
    with pytest.raises(ValueError, match="7 failures of 6 trials"):
        upper_bound(7, 6)
