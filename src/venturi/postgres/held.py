"""A connection that is kept from one statement to the next: to take one from a pool and give it back costs as much."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]

IDLE_SECONDS = 0.2
"""After so long without use it goes back to its pool, which may have been asked to close meanwhile."""


class Held:
    """A context that gives a connection of the pool, for one task at a time, and keeps it for the next.

    It is given back at once when anything but a statement went wrong. `seconds` is how long the pool is waited for.
    """

    def __init__(self, pool: asyncpg.Pool, seconds: float | None = None) -> None:
        self._pool, self._seconds = pool, seconds
        self._connection: Connection | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._returning: asyncio.Task[None] | None = None
        self._busy = False
        self._last = 0.0

    async def __aenter__(self) -> Connection:
        """Raises what the pool does, TimeoutError when it has no connection in time."""
        self._busy = True
        if self._connection is not None and _is_broken(self._connection):
            await self._give_back()
        if self._connection is None:
            self._connection = await self._pool.acquire(timeout=self._seconds)
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the connection for a while, or give it back."""
        self._busy = False
        if problem is not None and not isinstance(problem, asyncpg.PostgresError):
            await self._give_back()
            return
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        if self._resting is None:
            self._resting = loop.call_at(self._last + IDLE_SECONDS, self._rested, loop)

    def _rested(self, loop: asyncio.AbstractEventLoop) -> None:
        self._resting = None
        if self._busy or self._connection is None:
            return
        if loop.time() < self._last + IDLE_SECONDS:
            self._resting = loop.call_at(self._last + IDLE_SECONDS, self._rested, loop)
        else:
            # From now on it is nobody's, or somebody could take it while it goes.
            connection, self._connection = self._connection, None
            self._returning = loop.create_task(self._pool.release(connection))

    async def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection)


def _is_broken(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # its pool took it back when it broke
        return True
