"""Those who are about to come are waited for, and nobody else."""

from __future__ import annotations

import asyncio
import time

import pytest

from venturi.runtime import gathered as module
from venturi.runtime.gathered import gathered


async def _one_each_turn(came: list[int], most: int, seconds: float = 0.0) -> None:
    while len(came) < most:
        came.append(len(came))
        time.sleep(seconds)  # noqa: ASYNC251  # what keeps the loop busy
        await asyncio.sleep(0)


def _found(most: int, enough: int, seconds: float = 0.0) -> int:
    """How many there are when the wait ends, of `most` who come one with each turn."""

    async def wait() -> int:
        came = [0]
        coming = asyncio.create_task(_one_each_turn(came, most, seconds))
        await gathered(lambda: len(came), enough)
        found = len(came)
        coming.cancel()
        return found

    return asyncio.run(wait())


def test_everybody_who_comes_with_the_next_turn_is_waited_for() -> None:
    assert _found(20, 100) == 20


def test_who_is_alone_is_not_kept_waiting() -> None:
    assert _found(1, 100) == 1


def test_when_there_are_enough_nobody_else_is_waited_for() -> None:
    assert _found(20, 7) == 7


def test_those_who_never_stop_coming_are_not_waited_for_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.02)
    started = time.monotonic()
    assert 1 < _found(10_000, 100_000, 0.001) < 1_000
    assert time.monotonic() - started < 1
