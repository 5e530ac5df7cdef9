"""The instants at which access begins to be refused, met exactly over the wire by a clock that is set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tenantproof.clients.target import Target
from tenantproof.model.outcome import PERMITTED, REFUSED, Outcome
from tenantproof.probes.access_acts import READ, Act
from tenantproof.probes.access_story import Story
from tenantproof.probes.near_misses import NearMisses
from tests.access.counter import Counter
from venturi.parts import Parts
from venturi.settings import SupportSettings
from venturi.support.desk import SupportDesk
from venturi.support.model import State, SupportRequest

LASTS = 1200
LIMITS = SupportSettings(max_seconds=3600, challenge_seconds=300, request_seconds=600)
AROUND = (-1.0, -0.001, 0.0, 0.001, 1.0)
"""Seconds from the instant."""
INSTANTS = ("approval", "activation", "read", "approver's factor", "asker's factor", "revocation")


@pytest.fixture(scope="module")
def target(desk: Counter) -> Iterator[Target]:
    with desk.opened(support=LIMITS, standing=True) as reached:
        yield reached


def met(desk: Counter, target: Target, instant: str, off: float) -> Outcome:
    """What comes of an act so many seconds from the instant at which it begins to be refused."""
    desk.clock.ahead = 0.0
    # The clock of the desk never goes back: each story begins where the one before it ended.
    desk.clock.at = (desk.clock.at or 0.0) + 10_000
    misses = NearMisses(target)
    path = misses.support.path
    story = misses.story(LASTS)
    match instant:
        case "approval":
            story.live(path[:1])
            return _later(desk, story, path[1], LIMITS.request_seconds + off)
        case "activation":
            story.live(path[:2])
            return _later(desk, story, path[2], LASTS + off)
        case "approver's factor" | "asker's factor":
            before = 1 if instant.startswith("approver") else 2
            story.live(path[:before])
            ready = story.ready(Act(path[before]))
            desk.clock.ahead = LIMITS.challenge_seconds + off
            return story.outcome(target.wire.send(ready))
    # What was approved a while ago and activated late gains nothing by it.
    story.live(path[:2])
    desk.clock.ahead = LASTS / 2
    story.live(path[2:])
    return _later(desk, story, "revoke" if instant == "revocation" else READ, LASTS + off)


def _later(desk: Counter, story: Story, step: str, ahead: float) -> Outcome:
    desk.clock.ahead = ahead
    return story.take(Act(step)).outcome


@pytest.mark.parametrize("off", AROUND)
@pytest.mark.parametrize("instant", INSTANTS)
def test_up_to_an_instant_and_not_at_it(desk: Counter, target: Target, instant: str, off: float) -> None:
    assert met(desk, target, instant, off) is (PERMITTED if off < 0 else REFUSED)


def test_what_ends_while_it_is_read_is_not_read_again_and_can_not_be_begun_again(desk: Counter, target: Target) -> None:
    desk.clock.ahead, desk.clock.at = 0.0, (desk.clock.at or 0.0) + 10_000
    misses = NearMisses(target)
    story = misses.story(LASTS)
    story.live(misses.support.path)
    desk.clock.ahead = LASTS - 0.001
    assert story.take(Act(READ)).outcome is PERMITTED
    assert story.take(Act("revoke")).outcome is PERMITTED
    assert story.take(Act(READ)).outcome is REFUSED
    # Set back, the clock gives nothing back.
    desk.clock.ahead = 0.0
    assert story.take(Act(READ)).outcome is REFUSED
    assert story.take(Act(misses.support.path[-1])).outcome is REFUSED


class LastInstant(SupportDesk):
    """Counts the last instant in."""

    def is_expired(self, request: SupportRequest, now: float) -> bool:
        return request.ends_at is None or now > request.ends_at

    def due(self, request: SupportRequest, now: float) -> State | None:
        if request.state == "requested":
            return "expired" if now > self.lapses_at(request) else None
        return super().due(request, now)

    def challenge_ends(self, issued_at: float) -> float:
        return super().challenge_ends(issued_at) + 0.0005


class FromActivation(SupportDesk):
    """Counts from the activation."""

    def is_expired(self, request: SupportRequest, now: float) -> bool:
        began = request.activated_at or request.approved_at
        return began is None or now >= began + request.duration


@pytest.mark.parametrize(
    ("kind", "instants"), [(LastInstant, INSTANTS), (FromActivation, ("read",))], ids=["an instant", "a start"]
)
def test_an_end_that_is_off_by_the_least_is_seen(
    desk: Counter, kind: type[SupportDesk], instants: tuple[str, ...]
) -> None:
    with desk.opened(replace(Parts(), desk=kind), support=LIMITS, standing=True) as target:
        for instant in instants:
            assert met(desk, target, instant, 0.0) is PERMITTED, instant
