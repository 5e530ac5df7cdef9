"""Reads and writes attribution records, each in its own tenant's database and under its subject's key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from venturi.records.wanted import EVERYTHING, Wanted
from venturi.vault.errors import Tampered, Unrecoverable
from venturi.vault.vault import Vault

if TYPE_CHECKING:
    import asyncpg

_COLUMNS = "id, tenant, subject_id, touchpoint, conversion, channel, weight, note, created_at"


@dataclass(frozen=True, kw_only=True)
class NewAttribution:
    """A record to be stored. `weight` is a share from 0 to 1; `note` is stored encrypted."""

    id: str
    subject_id: str
    touchpoint: str
    conversion: str
    channel: str
    weight: float
    note: str


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """A stored record. `note` is None when its subject was erased."""

    id: str
    subject_id: str
    touchpoint: str
    conversion: str
    channel: str
    weight: float
    note: str | None
    created_at: datetime


class Records:
    """The attribution store: one database per tenant, never one query over two of them."""

    def __init__(self, pools: Mapping[str, asyncpg.Pool], vault: Vault) -> None:
        self._pools = pools
        self._vault = vault

    async def get(self, tenant: str, record_id: str) -> Attribution | None:
        """The tenant's record with this id, or None when the tenant has none. Raises VaultError."""
        rows = await self.query(tenant, f"SELECT {_COLUMNS} FROM attributions WHERE id = $1", record_id)  # noqa: S608
        return await self.opened(tenant, rows[0]) if rows else None

    async def page(self, tenant: str, after: str, limit: int) -> Sequence[Attribution]:
        """At most `limit` of the tenant's records in the order of their ids, from behind the id `after`.

        Raises VaultError.
        """
        return await self._listed(tenant, EVERYTHING, after, limit)

    async def select(self, tenant: str, wanted: Wanted, after: str, limit: int) -> Sequence[Attribution]:
        """The same of those records that are wanted. Raises VaultError."""
        return await self._listed(tenant, wanted, after, limit)

    async def _listed(self, tenant: str, wanted: Wanted, after: str, limit: int) -> Sequence[Attribution]:
        conditions = list(wanted.conditions())
        # What is put together here are our own words; what a client sent goes in as arguments alone.
        narrowed = "".join(f" AND {start} ${place}" for place, (start, _) in enumerate(conditions, 3))
        sql = f"SELECT {_COLUMNS} FROM attributions WHERE id > $1{narrowed} ORDER BY id LIMIT $2"  # noqa: S608
        rows = await self.query(tenant, sql, after, limit, *(value for _, value in conditions))
        return await self.all_opened(tenant, rows)

    async def many(self, tenant: str, record_ids: Sequence[str]) -> Sequence[Attribution | None]:
        """The tenant's records with these ids, in their order, None where the tenant has none. Raises VaultError."""
        sql = f"SELECT {_COLUMNS} FROM attributions WHERE id = ANY($1::text[])"  # noqa: S608
        rows = await self.query(tenant, sql, list(record_ids))
        found = {record.id: record for record in await self.all_opened(tenant, rows)}
        return [found.get(record_id) for record_id in record_ids]

    async def add(self, tenant: str, record: NewAttribution) -> None:
        """Store a record. Raises asyncpg.UniqueViolationError for an id that is taken, VaultError without a key."""
        note = await self._vault.seal(tenant, record.subject_id, record.id, "note", record.note)
        await self.pool(tenant).execute(
            "INSERT INTO attributions (id, tenant, subject_id, touchpoint, conversion, channel, weight, note)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            record.id,
            tenant,
            record.subject_id,
            record.touchpoint,
            record.conversion,
            record.channel,
            record.weight,
            note,
        )

    def pool(self, tenant: str) -> asyncpg.Pool:
        """The pool of the tenant's own database. Raises KeyError for a tenant that we don't have."""
        return self._pools[tenant]

    async def query(self, tenant: str, sql: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        """The rows that a statement gives in the tenant's database."""
        return [dict(row) for row in await self.pool(tenant).fetch(sql, *arguments)]

    async def all_opened(self, tenant: str, rows: Sequence[Mapping[str, Any]]) -> list[Attribution]:
        """Rows with their notes decrypted, in their order. Raises VaultError for the first that can't be.

        Side by side, for a page of many subjects asks KMS as often; none is given while one of them is refused.
        """
        made = await asyncio.gather(*(self.opened(tenant, row) for row in rows), return_exceptions=True)
        return [_given(each) for each in made]

    async def opened(self, tenant: str, row: Mapping[str, Any]) -> Attribution:
        """A row with its note decrypted for this tenant. Raises VaultError unless it was sealed for it."""
        return Attribution(
            id=row["id"],
            subject_id=row["subject_id"],
            touchpoint=row["touchpoint"],
            conversion=row["conversion"],
            channel=row["channel"],
            weight=row["weight"],
            note=await self._note(tenant, row),
            created_at=row["created_at"],
        )

    async def _note(self, tenant: str, row: Mapping[str, Any]) -> str | None:
        try:
            return await self._vault.open(tenant, row["subject_id"], row["id"], "note", row["note"])
        except Tampered:
            raise
        except Unrecoverable:
            return None


def _given(made: Attribution | BaseException) -> Attribution:
    if isinstance(made, BaseException):
        raise made
    return made
