"""One event loop, and connections that stay, for all the APIs that a counter serves one after another.

Making some twenty connections with TLS takes longer than what most defects need to be seen, and no defect of support
access is in them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import uvloop

from venturi.api import server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from venturi.settings import DatabaseSettings

Made = TypeVar("Made")
_SECONDS = 30.0
_open = server.pool_of


class Engine:
    """A thread with a loop in it, and the pools of that loop."""

    def __init__(self, admin: Mapping[str, Any]) -> None:
        """`admin` is how the superuser connects."""
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._admin = admin
        self._admins: dict[str, asyncpg.Connection[asyncpg.Record]] = {}
        self._pools: dict[tuple[str, str], asyncpg.Pool] = {}

    def start(self, work: Coroutine[Any, Any, Made]) -> Future[Made]:
        """Begin something on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait(self, work: Coroutine[Any, Any, Made]) -> Made:
        """Do something on the loop. Raises what it raises."""
        return self.start(work).result(_SECONDS)

    def tell(self, event: asyncio.Event) -> None:
        """Set an event of the loop."""
        self._loop.call_soon_threadsafe(event.set)

    def pool_of(self, login: DatabaseSettings) -> AbstractAsyncContextManager[asyncpg.Pool]:
        """What `server.pool_of` gives, except that the pool is the same each time and stays open."""

        @asynccontextmanager
        async def kept() -> AsyncIterator[asyncpg.Pool]:
            place = (login.database, login.user)
            if place not in self._pools:
                self._pools[place] = await _open(login)
            yield self._pools[place]

        return kept()

    async def as_admin(self, database: str) -> asyncpg.Connection[asyncpg.Record]:
        """The superuser's connection to a database; a new one where a fault has closed it."""
        kept = self._admins.get(database)
        if kept is None or kept.is_closed():
            self._admins[database] = await asyncpg.connect(**self._admin, database=database)
        return self._admins[database]

    def close(self) -> None:
        """Close every connection, and end the loop."""
        self.wait(self._hang_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    async def _hang_up(self) -> None:
        for connection in self._admins.values():
            await connection.close()
        for pool in self._pools.values():
            pool.terminate()
