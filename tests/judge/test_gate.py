"""The exit code follows from verdicts, product states and waivers, and from nothing else."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pytest

from tenantproof.judge.confidence import bound_of, upper_bound
from tenantproof.judge.gate import gate
from tenantproof.judge.waivers import load_waivers, unused
from tenantproof.model.claims import Claim, State
from tenantproof.model.errors import UsageError
from tenantproof.model.verdict import Finding, Reason, Verdict


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


def test_a_waiver_changes_the_exit_code_and_not_the_list_of_failures_it_hides() -> None:
    findings = {i: found(i, BAD if i == "GA-1" else OK) for i in CARDS}
    result = gate(CARDS, findings, waived={"GA-1"})
    assert (result.exit, result.waived, result.failed) == (0, ("GA-1",), ())


def test_an_interrupted_run_ends_130_whatever_it_found() -> None:
    findings = {i: found(i, BAD) for i in CARDS}
    assert gate(CARDS, findings, interrupted=True).exit == 130


WAIVER = '[[waiver]]\nclaim = "GA-1"\nreason = "r"\naccepted_by = "a@example.com"\nexpires = 2026-03-31\n'
DAY = dt.date(2026, 3, 31)


def test_a_waiver_holds_through_its_last_day(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(WAIVER)
    assert load_waivers(path, CARDS, DAY)[0].claim == "GA-1"
    with pytest.raises(UsageError, match="expired on 2026-03-31"):
        load_waivers(path, CARDS, DAY + dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (WAIVER.replace("GA-1", "GA-9"), "which is no claim"),
        (WAIVER.replace('accepted_by = "a@example.com"\n', ""), "accepted_by"),
        (WAIVER.replace('reason = "r"', 'reason = " "'), "needs a reason"),
        (WAIVER.replace("expires = 2026-03-31", 'expires = "soon"'), "expires"),
        ("[[waiver", "can't be read"),
    ],
)
def test_a_wrong_waiver_is_named(tmp_path: Path, wrong: str, message: str) -> None:
    path = tmp_path / "w.toml"
    path.write_text(wrong)
    with pytest.raises(UsageError, match=message):
        load_waivers(path, CARDS, DAY)


def test_a_waiver_that_excuses_nothing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(WAIVER)
    waivers = load_waivers(path, CARDS, DAY)
    assert unused(waivers, {"GA-1": found("GA-1", OK)}) == ["GA-1"]
    assert unused(waivers, {"GA-1": found("GA-1", BAD)}) == []


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
