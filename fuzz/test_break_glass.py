"""Support access as a state machine: whatever is tried in whatever order, an act works when the oracle says so.

`pytest fuzz/test_break_glass.py --effort 5000` tries that many examples instead of the few that CI tries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test

from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, REFUSED
from tenantproof.probes.access_acts import READ, Act
from tenantproof.probes.near_misses import NearMiss, NearMisses, close

if TYPE_CHECKING:
    from tenantproof.probes.access_story import Story

_FEW = 15
_STEPS = 6


def machine(target: Target) -> type[RuleBasedStateMachine]:
    """The state machine of a target's support access."""
    misses = NearMisses(target)
    endings = [step for step in ("deny", "withdraw", "revoke") if step in misses.support.operations]
    steps = [*misses.support.path[1:], *endings, READ]
    faulty = sorted({miss.act for miss in misses.misses if miss.act.fault}, key=str)

    class BreakGlass(RuleBasedStateMachine):
        """Several cases at once, each in its own state; every act is held against the oracle."""

        cases = Bundle("cases")

        def __init__(self) -> None:
            super().__init__()
            self.open: list[Story] = []

        @rule(target=cases)
        def ask(self) -> Story:
            """A case begins."""
            story = misses.story()
            _hold(story, Act("request"))
            self.open.append(story)
            return story

        @rule(story=cases, step=st.sampled_from(steps))
        def take(self, story: Story, step: str) -> None:
            """Any step, at any moment, as it should be taken."""
            _hold(story, Act(step))

        @rule(story=cases, act=st.sampled_from(faulty))
        def err(self, story: Story, act: Act) -> None:
            """Any step or read with a fault, at any moment."""
            _hold(story, act)

        @rule(miss=st.sampled_from(misses.misses))
        def nearly(self, miss: NearMiss) -> None:
            """A fresh case, and one guard broken at its last step."""
            lived = misses.live(miss)
            _agree(lived.tried, permitted=lived.expected is PERMITTED)
            for read in lived.after:
                _agree(read, permitted=False)
            for step in (*lived.legal, *lived.repaired):
                _agree(step, permitted=True)

        def teardown(self) -> None:
            """End what is open."""
            for story in self.open:
                close(story)

    return BreakGlass


def test_no_order_of_events_gives_more_than_the_oracle_permits(target: Target, request: pytest.FixtureRequest) -> None:
    effort = int(request.config.getoption("--effort"))
    run_state_machine_as_test(machine(target), settings=chosen(effort))


def chosen(effort: int) -> settings:
    """Few examples and always the same, or as many as somebody wants to wait for."""
    return settings(
        max_examples=effort or _FEW,
        stateful_step_count=_STEPS,
        deadline=None,
        database=None,
        derandomize=not effort,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _hold(story: Story, act: Act) -> None:
    permitted = story.oracle.permits(act, story.history)
    _agree(story.take(act), permitted=permitted)


def _agree(seen: Observation, *, permitted: bool) -> None:
    wanted = PERMITTED if permitted else REFUSED
    said = f"{seen.what}: {seen.outcome.value}, the oracle says {wanted.value} ({'; '.join(seen.notes)})\n{seen.replay}"
    assert seen.outcome is wanted, said
