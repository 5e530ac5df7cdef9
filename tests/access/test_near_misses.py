"""Near misses against the real API over real databases: all are refused, and each because of its one fault alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenantproof.clients.target import Target
from tenantproof.model.outcome import PERMITTED, REFUSED
from tenantproof.probes.near_misses import Lived, NearMisses
from tests.access.counter import Counter

CLAIMS = ("SU-1", "SU-2", "SU-3", "SU-4")


@pytest.fixture(scope="module")
def target(desk: Counter) -> Iterator[Target]:
    with desk.opened() as reached:
        yield reached


def violations(lived: Lived) -> list[str]:
    """What the oracle objects to: the act itself, and reads that must be refused after it."""
    seen = [(lived.tried, lived.expected), *((read, REFUSED) for read in lived.after)]
    return [f"{lived.miss}: {each.what}: {each.outcome.value}" for each, wanted in seen if each.outcome is not wanted]


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_deployment_refuses_every_near_miss_and_takes_the_same_act_without_its_fault(
    target: Target, claim: str
) -> None:
    misses = NearMisses(target)
    lived = list(misses.of(claim))
    assert len(lived) == misses.count(claim) > 0
    assert [said for each in lived for said in violations(each)] == []
    for each in lived:
        assert {step.outcome for step in (*each.legal, *each.repaired)} <= {PERMITTED}, str(each.miss)


def test_an_act_that_can_be_done_right_is_done_right_after_its_near_miss(target: Target) -> None:
    misses = NearMisses(target)
    (faulty,) = [each for each in misses.misses if str(each) == "approve: with a digest of zeros after request"]
    (late,) = [each for each in misses.misses if str(each) == "approve after request, deny"]
    assert [step.outcome for step in misses.live(faulty).repaired] == [PERMITTED]
    assert misses.live(late).repaired == ()
