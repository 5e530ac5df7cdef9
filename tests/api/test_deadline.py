"""Who waits too long is cut off, at the time that was said and with the error that was said; nobody else is."""

from __future__ import annotations

import asyncio
import time

import pytest

from venturi.api.deadline import Deadline

_SECONDS, _GRAIN = 0.3, 0.1


def test_who_is_in_time_is_left_alone_and_who_is_not_is_cut_off() -> None:
    async def story() -> None:
        deadline = Deadline(_SECONDS, _GRAIN)

        async def wait(seconds: float) -> float:
            began = time.perf_counter()
            try:
                with deadline():
                    await asyncio.sleep(seconds)
            except TimeoutError:
                return time.perf_counter() - began
            return 0.0

        assert await asyncio.gather(*(wait(seconds) for seconds in (0, 0.05, 0.1))) == [0.0] * 3
        # They come over more than a grain, so that some begin to wait late in one and others early in the next.
        late = []
        for _ in range(8):
            late.append(asyncio.create_task(wait(5)))
            await asyncio.sleep(0.03)
        for waited in await asyncio.gather(*late):
            assert _SECONDS - _GRAIN - 0.02 <= waited <= _SECONDS + 0.15

    asyncio.run(story())


def test_who_is_cancelled_by_somebody_else_is_told_so() -> None:
    async def story() -> None:
        deadline = Deadline(_SECONDS, _GRAIN)

        async def wait() -> None:
            with deadline():
                await asyncio.sleep(5)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


def test_who_was_cut_off_goes_on_as_if_it_had_never_been_cancelled() -> None:
    async def story() -> None:
        deadline = Deadline(0.02, 0.01)
        with pytest.raises(TimeoutError), deadline():
            await asyncio.sleep(5)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0.05)

    asyncio.run(story())


def test_what_goes_wrong_meanwhile_stays_what_it_is() -> None:
    async def story() -> None:
        with pytest.raises(ValueError, match="mine"), Deadline(_SECONDS)():
            raise ValueError("mine")

    asyncio.run(story())


def test_a_deadline_outlives_a_loop() -> None:
    deadline = Deadline(0.05, 60)

    async def story() -> None:
        with pytest.raises(TimeoutError), deadline():
            await asyncio.sleep(5)

    for _ in range(2):
        asyncio.run(story())
