"""Notices to the tenant about support access: queued with what they tell of, and sent before access begins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from venturi.support.model import SupportRequest, stamp
from venturi.support.rows import borrowed

if TYPE_CHECKING:
    import asyncpg

    from venturi.trail.store import Connection

Publish: TypeAlias = Callable[[str, str], Awaitable[str]]
"""(topic ARN, message) to the message's id; raises when it was not taken."""

_SECONDS = 6.0
_OPEN = "sent_at IS NULL AND dropped_at IS NULL"


class NoticeUnavailable(Exception):
    """The tenant could not be told."""


class Notice(msgspec.Struct, frozen=True):
    """One row of the outbox."""

    id: int
    tenant: str
    message: str


class Notifier:
    """`topics` maps each tenant to the ARN of the topic in its own account."""

    def __init__(self, publish: Publish, topics: Mapping[str, str]) -> None:
        self._publish, self._topics = publish, topics
        self._sending: dict[str, asyncio.Lock] = {}

    def message(self, request: SupportRequest, event: str, actor: str, now: float) -> str:
        """What the tenant is told, as JSON. The reason stays out: it is free text and may hold anything."""
        said = {
            "type": "support-access",
            "tenant": request.tenant,
            "request_id": request.id,
            "event": event,
            "actor": actor,
            "scope": list(request.scope),
            "ends_at": stamp(request.ends_at),
            "at": stamp(now),
        }
        return json.dumps(said, sort_keys=True)

    async def queue(
        self, connection: Connection, request: SupportRequest, event: str, actor: str, now: float
    ) -> Notice:
        """Put a notice into the outbox, inside the transaction that changes the state."""
        message = self.message(request, event, actor, now)
        ident = await connection.fetchval(
            "INSERT INTO support_outbox (request, event, message, queued_at) VALUES ($1, $2, $3, $4) RETURNING id",
            request.id,
            event,
            message,
            now,
        )
        return Notice(ident, request.tenant, message)

    async def send(self, notice: Notice) -> None:
        """Publish one notice now. Raises NoticeUnavailable when the topic did not take it."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self._publish(self._topics[notice.tenant], notice.message)
        except Exception as problem:  # whatever a client library raises, the tenant was not told
            raise NoticeUnavailable(f"the topic of {notice.tenant}: {type(problem).__name__}") from problem

    async def sent(self, connection: Connection, notice: Notice, now: float) -> None:
        """Note that a notice was published."""
        await connection.execute("UPDATE support_outbox SET sent_at = $2 WHERE id = $1", notice.id, now)

    async def drop(self, connection: Connection, notice: Notice, now: float) -> None:
        """Give up a notice of something that did not happen."""
        await connection.execute("UPDATE support_outbox SET dropped_at = $2 WHERE id = $1", notice.id, now)

    async def flush(self, tenant: str, pool: asyncpg.Pool, now: float) -> int:
        """Send what waits in a tenant's outbox, oldest first; returns how many were sent.

        At least once: a notice whose sending was not noted is sent again. Raises NoticeUnavailable at the first that
        the topic doesn't take; it and the rest wait for the next time. Raises TrailUnavailable without a database.
        """
        count = 0
        async with self._sending.setdefault(tenant, asyncio.Lock()):
            async with borrowed(pool) as connection:
                # A notice of an activation is sent by the activation itself, or not at all.
                rows = await connection.fetch(
                    f"SELECT id, message FROM support_outbox WHERE {_OPEN} AND event <> 'activated' ORDER BY id"  # noqa: S608
                )
            for row in rows:
                notice = Notice(row["id"], tenant, row["message"])
                await self.send(notice)
                async with borrowed(pool) as connection:
                    await self.sent(connection, notice, now)
                count += 1
        return count
