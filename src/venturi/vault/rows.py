"""The wrapped data keys of subjects, read from and written to each tenant's own database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg


@dataclass(frozen=True, repr=False)
class WrappedKey:
    """One row: the wrapped key (None once shredded) and the KMS key that wrapped it."""

    wrapped: bytes | None
    key_arn: str


class SubjectKeys:
    """Rows of `subject_keys`, one pool per tenant."""

    def __init__(self, pools: Mapping[str, asyncpg.Pool]) -> None:
        self._pools = pools

    async def find(self, tenant: str, subject: str) -> WrappedKey | None:
        """The subject's row, or None before its first write."""
        row = await self._pools[tenant].fetchrow(
            "SELECT wrapped, key_arn FROM subject_keys WHERE subject = $1", subject
        )
        return None if row is None else WrappedKey(row["wrapped"], row["key_arn"])

    async def keep(self, tenant: str, subject: str, key: WrappedKey) -> WrappedKey:
        """Store a first key; returns what stands in the row then, which is somebody else's if they were first."""
        await self._pools[tenant].execute(
            "INSERT INTO subject_keys (subject, wrapped, key_arn) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            subject,
            key.wrapped,
            key.key_arn,
        )
        return await self.find(tenant, subject) or key

    async def shred(self, tenant: str, subject: str) -> bool:
        """Destroy the wrapped key and leave the row as a tombstone. False when there was no key."""
        done = await self._pools[tenant].execute(
            "UPDATE subject_keys SET wrapped = NULL, shredded_at = now() WHERE subject = $1 AND wrapped IS NOT NULL",
            subject,
        )
        return str(done) == "UPDATE 1"
