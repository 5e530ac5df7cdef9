"""Applies the rule to a tenant's log, batch by batch, each batch in one transaction of the tenant's own database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from venturi.ingest.envelope import Malformed, Sealer, unseal
from venturi.ingest.events import Conversion, Event, Touchpoint
from venturi.records.store import NewAttribution, Records
from venturi.resolution.rule import WINDOW, last_touch, record
from venturi.streams.reader import Message
from venturi.vault.errors import Unrecoverable

if TYPE_CHECKING:
    import asyncpg

OpenRecords: TypeAlias = "Callable[[Mapping[str, asyncpg.Pool]], Records]"
"""Opens the attribution store over these connections."""
Memory: TypeAlias = "dict[str, list[Touchpoint]]"
"""Subject to touchpoints."""


@dataclass(frozen=True)
class Entry:
    """A message that was read: an event, or why there is none."""

    offset: int
    event: Event | None
    why: str = ""


class Overtaken(Exception):
    """Somebody else has resolved part of the batch meanwhile; read on from the offset that the database names."""


class Resolver:
    """Stage A of one tenant. It holds that tenant's connections and no other's, and keeps nothing between batches."""

    def __init__(self, tenant: str, pool: asyncpg.Pool, vault: Sealer, open_records: OpenRecords) -> None:
        self.tenant = tenant
        self._pool, self._vault, self._open_records = pool, vault, open_records

    async def position(self) -> int:
        """The offset to read on from."""
        return int(await self._pool.fetchval("SELECT next_offset FROM resolution_progress"))

    async def take(self, messages: Sequence[Message]) -> list[NewAttribution]:
        """Resolve messages that begin at `position()` or at a gap behind it, and move the position behind them.

        All of it takes effect or none. Raises Overtaken; KeyUnavailable when the tenant's key can't be used now.
        """
        first, last = messages[0].offset, messages[-1].offset
        # KMS is asked before the transaction begins, so that it is never slow inside one.
        entries = [await self._read(message) for message in messages]
        async with self._pool.acquire() as connection, connection.transaction():
            position = await connection.fetchval("SELECT next_offset FROM resolution_progress FOR UPDATE")
            if position > first:
                raise Overtaken
            found = await self._apply(connection, entries)
            await connection.execute("UPDATE resolution_progress SET next_offset = $1", last + 1)
        return found

    async def _read(self, message: Message) -> Entry:
        try:
            return Entry(message.offset, await unseal(self._vault, self.tenant, message.value))
        except Malformed:
            return Entry(message.offset, None, "malformed")
        except Unrecoverable as fault:
            return Entry(message.offset, None, type(fault).__name__.lower())

    async def _apply(self, connection: Any, entries: Sequence[Entry]) -> list[NewAttribution]:  # noqa: ANN401  # a pool's
        await connection.executemany(
            "INSERT INTO resolution_rejects (log_offset, why) VALUES ($1, $2)",
            [(entry.offset, entry.why) for entry in entries if entry.event is None],
        )
        fresh = await self._fresh(connection, entries)
        memory = await self.recalled(connection, [event for event in fresh if isinstance(event, Conversion)])
        found = self.resolved(fresh, memory)
        await connection.executemany(
            "INSERT INTO resolution_touchpoints (id, subject_id, channel, occurred_at) VALUES ($1, $2, $3, $4)",
            [
                (event.id, event.subject_id, event.channel, event.occurred_at)
                for event in fresh
                if isinstance(event, Touchpoint)
            ],
        )
        # The store takes connections by tenant; this one is in our transaction.
        records = self._open_records({self.tenant: cast("asyncpg.Pool", connection)})
        for each in found:
            await records.add(self.tenant, each)
        return found

    async def _fresh(self, connection: Any, entries: Sequence[Entry]) -> list[Event]:  # noqa: ANN401  # a pool's
        """The events whose ids the log has not held before, in its order."""
        first: dict[str, tuple[int, Event]] = {}
        for entry in entries:
            if entry.event is not None:
                first.setdefault(entry.event.id, (entry.offset, entry.event))
        rows = await connection.fetch(
            "INSERT INTO resolution_seen (id, log_offset) SELECT * FROM unnest($1::text[], $2::bigint[])"
            " ON CONFLICT DO NOTHING RETURNING id",
            list(first),
            [offset for offset, _ in first.values()],
        )
        new = {row["id"] for row in rows}
        return [event for ident, (_, event) in first.items() if ident in new]

    async def recalled(self, connection: Any, conversions: Sequence[Conversion]) -> Memory:  # noqa: ANN401  # a pool's
        """The touchpoints before this batch that the conversions may be credited to, by subject."""
        memory: Memory = defaultdict(list)
        if not conversions:
            return memory
        rows = await connection.fetch(
            "SELECT id, subject_id, channel, occurred_at FROM resolution_touchpoints"
            " WHERE subject_id = ANY($1::text[]) AND occurred_at BETWEEN $2 AND $3",
            list({conversion.subject_id for conversion in conversions}),
            min(conversion.occurred_at for conversion in conversions) - WINDOW,
            max(conversion.occurred_at for conversion in conversions),
        )
        for row in rows:
            memory[row["subject_id"]].append(Touchpoint(**dict(row)))
        return memory

    def resolved(self, events: Sequence[Event], memory: Memory) -> list[NewAttribution]:
        """The records of a batch, in its order; `memory` gains the batch's touchpoints."""
        found = []
        for event in events:
            if isinstance(event, Touchpoint):
                memory[event.subject_id].append(event)
            elif touch := self.credited(event, memory[event.subject_id]):
                found.append(record(self.tenant, event, touch))
        return found

    def credited(self, conversion: Conversion, touchpoints: Sequence[Touchpoint]) -> Touchpoint | None:
        """The touchpoint that gets the credit, by the rule."""
        return last_touch(conversion, touchpoints)
