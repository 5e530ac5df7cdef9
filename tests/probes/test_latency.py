"""Latencies are compared by rank: a lag that is there is found, and a busy machine is no lag."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.model.observation import Unit
from tenantproof.model.outcome import ALIKE, DIFFERENT, UNANSWERED
from tenantproof.probes.latency import Contrast, Latency, detectable, mann_whitney
from tests.clients.profiles import CANARIES, client_of, profile_of

GET = Request(method="GET", target="/")
CONTRAST = Contrast("two questions", Unit("a", "b", "read", "X106"), lambda: GET, lambda: GET)


class Timed(Latency):
    """Draws latencies instead of waiting for them; `lag` is added to the first of a pair."""

    def __init__(self, draw: Callable[[random.Random], float], lag: float, seed: int) -> None:
        host = "127.0.0.1:9"
        super().__init__(Target(profile_of(host, {tenant: client_of(host, tenant, "X") for tenant in CANARIES})))
        self.draw, self.lag, self.rng = draw, lag, random.Random(seed)

    def _sample(self, contrast: Contrast, rounds: int, rng: random.Random) -> Any:
        times = tuple([self.draw(self.rng) for _ in range(rounds)] for _ in range(3))
        return GET, Answer(status=403), ([each + self.lag for each in times[0]], times[1], times[2])


def quiet(rng: random.Random) -> float:
    return rng.gauss(0.005, 0.001)


def busy(rng: random.Random) -> float:
    """Mostly quick, at times held up for long, as on a machine with more to do than cores."""
    return rng.lognormvariate(-4, 1.2) + (rng.random() < 0.1) * rng.uniform(0.05, 0.5)


def test_the_ranks_of_a_textbook_pair_are_counted_as_the_textbook_does() -> None:
    auc, p = mann_whitney([19, 22, 16, 29, 24], [20, 11, 17, 12])
    assert auc == pytest.approx(17 / 20)
    assert p == pytest.approx(0.0864, abs=0.001)


def test_equal_samples_tell_nothing() -> None:
    assert mann_whitney([1.0] * 9, [1.0] * 9) == (0.5, 1.0)


@pytest.mark.parametrize("draw", [quiet, busy])
def test_a_lag_of_fifty_milliseconds_is_found(draw: Callable[[random.Random], float]) -> None:
    seen = [Timed(draw, 0.05, seed).compare(CONTRAST, tests=3).outcome for seed in range(20)]
    assert seen.count(DIFFERENT) >= 17


@pytest.mark.parametrize("draw", [quiet, busy])
def test_no_machine_however_busy_makes_a_lag_of_nothing(draw: Callable[[random.Random], float]) -> None:
    assert {Timed(draw, 0.0, seed).compare(CONTRAST, tests=3).outcome for seed in range(300)} == {ALIKE}


def test_the_observation_says_what_would_have_been_seen() -> None:
    seen = Timed(quiet, 0.0, 1).compare(CONTRAST)
    assert "would have shown |AUC - 0.5|" in seen.notes[0]
    assert 0.2 < detectable(24) < detectable(12) <= 0.5


def test_a_target_that_goes_silent_is_not_alike() -> None:
    class Silent(Timed):
        def _sample(self, contrast: Contrast, rounds: int, rng: random.Random) -> Any:
            return GET, Answer(failure="gone"), None

    assert Silent(quiet, 0.0, 1).compare(CONTRAST).outcome is UNANSWERED
