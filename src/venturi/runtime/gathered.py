"""Waits for those who are about to come, so that they go together: a trip costs as much for one as for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LONGEST_SECONDS = 0.01


async def gathered(count: Callable[[], int], enough: int) -> None:
    """Wait while more keep coming with every turn of the loop, until there are `enough`, or for ten milliseconds.

    Who comes alone waits for a turn in which nothing happens.
    """
    loop = asyncio.get_running_loop()
    known, until = -1, loop.time() + LONGEST_SECONDS
    while known < count() < enough and loop.time() < until:
        known = count()
        await asyncio.sleep(0)
