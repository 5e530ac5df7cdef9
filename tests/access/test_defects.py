"""Every seeded defect of support access that the API and its desk can have is killed by the checks' own rules.

No deployment is booted: the API is built from the defective parts over databases that stand ready. What lies outside
of the API, in the databases' logins and in the keys' policies, is left to `tenantproof sensitivity access`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from tenantproof.cli.defects import load_defects
from tenantproof.clients.target import Target
from tenantproof.probes import access_residue, support_access
from tests.access.counter import Counter
from tests.access.judging import Killed, Trap, checks, made
from venturi.parts import Parts, load_overlay

ROOT = Path(__file__).resolve().parents[2]
BEYOND_THE_API = {
    "support_may_connect_to_every_database",
    "support_may_use_every_key",
    "support_may_become_the_workload",
}
DEFECTS = {
    name: defect
    for name, defect in load_defects(ROOT / "fixtures/defects").items()
    if defect.area == "access" and name not in BEYOND_THE_API
}
QUICKEST_FIRST = (
    "check_without",
    "check_nobody_but",
    "check_access",
    "check_every_access",
    "check_the",
    "check_no_single_fault",
    "check_every_step",
    "check_nothing",
    "check_nobody",
    "check_no_changed",
    "check_of_two",
)


def is_killed(target: Target, claim: str) -> bool:
    """Whether something is seen that the claim rules out."""
    for check in sorted(checks([claim]), key=lambda check: _place(check.name)):
        try:
            made(check, target, Trap())
        except Killed:
            return True
    return False


@contextmanager
def hurried(desk: Counter) -> Iterator[None]:
    """The checks wait by the clock of the desk, which moves on at once: there is nothing else to wait for here."""
    clock = SimpleNamespace(
        time=desk.clock, sleep=desk.clock.hurry, monotonic=lambda: time.monotonic() + desk.clock.ahead
    )
    with patch.object(support_access, "time", clock), patch.object(access_residue, "time", clock):
        yield


@pytest.mark.parametrize("name", DEFECTS)
def test_every_seeded_defect_is_killed_over_the_wire(desk: Counter, name: str) -> None:
    with desk.opened(load_overlay(DEFECTS[name].reference)(Parts())) as target, hurried(desk):
        survived = [claim for claim in DEFECTS[name].claims if not is_killed(target, claim)]
    assert survived == []


def test_there_are_defects_for_every_claim_and_enough_of_them() -> None:
    assert len(DEFECTS) >= 45
    assert {claim for each in DEFECTS.values() for claim in each.claims} == {f"SU-{number}" for number in range(1, 7)}


@pytest.mark.parametrize("claim", [f"SU-{number}" for number in range(1, 7)])
def test_the_deployment_without_a_defect_survives(desk: Counter, claim: str) -> None:
    with desk.opened() as target:
        for check in checks([claim]):
            trap = Trap()
            made(check, target, trap)
            assert trap.trials > 0
            assert trap.failed == [], check.name


def _place(name: str) -> int:
    return next(number for number, start in enumerate(QUICKEST_FIRST) if name.startswith(start))
