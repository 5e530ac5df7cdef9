"""The way out of a tenant's plane: with consent, without identity, to the store of one jurisdiction, and one way."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from venturi.aggregation.consent.consents import Consent, Consents
from venturi.aggregation.deidentify import Attributed, Contribution, Deidentifier
from venturi.aggregation.hierarchies import channels, months

if TYPE_CHECKING:
    import asyncpg

    from venturi.records.store import Attribution

_PAGE = 200
_UNDATED = datetime(1, 1, 1, tzinfo=UTC)


class RecordPages(Protocol):
    """What we need of the attribution store."""

    async def page(self, tenant: str, after: str, limit: int) -> Sequence[Attribution]:
        """At most `limit` records in the order of their ids, from behind the id `after`."""


class Keys(Protocol):
    """Where a tenant's pseudonym key comes from."""

    async def of(self, tenant: str) -> bytes:
        """32 bytes."""


class Egress:
    """Pushes contributions and withdrawals. `homes`: tenant to jurisdiction; `stores`: jurisdiction to its way in."""

    def __init__(
        self,
        homes: Mapping[str, str],
        stores: Mapping[str, asyncpg.Pool],
        records: RecordPages,
        consents: Consents,
        keys: Keys,
        deidentifier: type[Deidentifier] = Deidentifier,
    ) -> None:
        self._homes, self._stores, self._records = homes, stores, records
        self._consents, self._keys, self._deidentifier = consents, keys, deidentifier

    async def contribute(self, tenant: str, purpose: str) -> int:
        """Push the tenant's contributions for a purpose and return how many persons they are.

        A new batch replaces the last one. Raises NoConsent, or VaultError when a record can't be read.
        """
        async with self._consents.while_given(tenant, purpose) as consent:
            made = (await self.deidentifier(tenant)).contributions(
                [self.scoped(record, consent) async for record in self.records(tenant)]
            )
            if made:
                await self.push(tenant, purpose, made)
            else:
                await self.withdraw(tenant, purpose)
            return len(made)

    async def withdraw(self, tenant: str, purpose: str) -> None:
        """Tell the store that all that came from the tenant for this purpose is void; may be said twice."""
        source = (await self.deidentifier(tenant)).source()
        store = self._stores[self.store_of(tenant)]
        await store.execute("INSERT INTO withdrawals (purpose, source) VALUES ($1, $2)", purpose, source)

    async def settle(self, jurisdiction: str, purpose: str) -> None:
        """Repeat every withdrawal of the jurisdiction, for one may have been lost after its consent was revoked."""
        for tenant, home in self._homes.items():
            last = await self._consents.last(tenant, purpose) if home == jurisdiction else None
            if last is not None and not self._consents.is_standing(last):
                await self.withdraw(tenant, purpose)

    def store_of(self, tenant: str) -> str:
        """The one jurisdiction whose store takes the tenant's data: where the data lives, not who pays."""
        return self._homes[tenant]

    async def deidentifier(self, tenant: str) -> Deidentifier:
        """What hashes and generalises under the tenant's key."""
        return self._deidentifier(await self._keys.of(tenant), channels(), months())

    async def records(self, tenant: str) -> AsyncIterator[Attribution]:
        """All records of the tenant, page by page."""
        after = ""
        while page := await self._records.page(tenant, after, _PAGE):
            for record in page:
                yield record
            after = page[-1].id

    def scoped(self, record: Attribution, consent: Consent) -> Attributed:
        """What may leave of a record; an attribute outside the scope becomes "other" in every hierarchy."""
        return Attributed(
            subject=record.subject_id,
            channel=record.channel if "channel" in consent.scope else "",
            converted_at=record.created_at if "month" in consent.scope else _UNDATED,
            id=record.id,
        )

    async def push(self, tenant: str, purpose: str, made: Sequence[Contribution]) -> None:
        """Insert a batch, all of it or nothing."""
        await insert(self._stores[self.store_of(tenant)], purpose, made)


async def insert(store: asyncpg.Pool, purpose: str, made: Sequence[Contribution]) -> None:
    """Insert contributions as one batch under the egress login; asyncpg makes executemany() atomic."""
    batch = uuid.uuid4()
    await store.executemany(
        "INSERT INTO contributions (batch, purpose, source, person, channel, month) VALUES ($1, $2, $3, $4, $5, $6)",
        [(batch, purpose, each.source, each.person, each.channel, each.month) for each in made],
    )
