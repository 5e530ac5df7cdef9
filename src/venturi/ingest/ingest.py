"""Accepts a batch: remembered by its key, sealed, appended to the tenant's topic, and only then answered for."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from venturi.ingest.envelope import Sealer, seal
from venturi.ingest.events import Batch, encoded
from venturi.streams.errors import StreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

_SEALING = 16
"""Events of one batch that are sealed at a time; each new subject costs a call of KMS."""


class Journal(Protocol):
    """What ingest asks of the stream."""

    async def publish(self, tenant: str, messages: Sequence[bytes], /) -> None:
        """Append, durably and in order. Raises StreamUnavailable."""
        ...


class NoStream:
    """Stands for the stream of a deployment without a broker."""

    async def publish(self, tenant: str, messages: Sequence[bytes], /) -> None:
        """Raises StreamUnavailable."""
        raise StreamUnavailable(f"no broker: {len(messages)} events of {tenant} were not taken")


class KeyReused(Exception):
    """The idempotency key was used for another batch."""


@dataclass(frozen=True)
class Accepted:
    """The answer to a batch, the same however often it is sent."""

    batch: str
    accepted: int


class Ingest:
    """Takes batches. A key stands for one batch, for ever; sending it again can only complete it."""

    def __init__(self, pools: Mapping[str, asyncpg.Pool], vault: Sealer, journal: Journal) -> None:
        self._pools, self._vault, self._journal = pools, vault, journal

    async def accept(self, tenant: str, key: str, batch: Batch) -> Accepted:
        """Make the batch durable.

        Raises KeyReused; VaultError when the tenant's key can't be used or a subject was erased; StreamUnavailable,
        after which the client has to send the batch again under the same key. What an interrupted attempt has left in
        the topic does no harm: whoever reads it takes every event id once.
        """
        ident, durable = await self._remember(tenant, key, batch)
        if not durable:
            await self._journal.publish(tenant, await self._sealed(tenant, ident, batch))
            await self._pools[tenant].execute("UPDATE ingest_batches SET durable_at = now() WHERE key = $1", key)
        return Accepted(str(ident), len(batch.events))

    async def _remember(self, tenant: str, key: str, batch: Batch) -> tuple[uuid.UUID, bool]:
        """The id of the key's batch and whether it is durable already."""
        fingerprint = digest(batch)
        await self._pools[tenant].execute(
            "INSERT INTO ingest_batches (key, digest, batch, events) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            key,
            fingerprint,
            uuid.uuid4(),
            len(batch.events),
        )
        row = await self._pools[tenant].fetchrow(
            "SELECT digest, batch, durable_at IS NOT NULL AS durable FROM ingest_batches WHERE key = $1", key
        )
        assert row is not None, "no role may delete a batch"
        if row["digest"] != fingerprint:
            raise KeyReused
        return row["batch"], row["durable"]

    async def _sealed(self, tenant: str, ident: uuid.UUID, batch: Batch) -> list[bytes]:
        slots = asyncio.Semaphore(_SEALING)

        async def one(position: int) -> bytes:
            async with slots:
                return await seal(self._vault, tenant, f"{ident}/{position}", batch.events[position])

        return await asyncio.gather(*(one(position) for position in range(len(batch.events))))


def digest(batch: Batch) -> bytes:
    """What a batch says, whatever its white space: SHA-256 over its events, each in its canonical spelling."""
    lines = b"\n".join(encoded(event) for event in batch.events)
    return hashlib.sha256(lines).digest()
