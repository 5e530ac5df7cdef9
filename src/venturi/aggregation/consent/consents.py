"""Consent to contribute: explicit, scoped, dated, revocable, off by default; every change stands in the trail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import asyncpg

BENCHMARKS = "benchmarks"
PURPOSES = (BENCHMARKS, "training")
"""What a contribution may be used for; consent to one is none to the other."""
ATTRIBUTES = ("channel", "month")
"""What a scope may name: the attributes that may leave, besides that there is a person."""

Append: TypeAlias = Callable[[dict[str, Any]], Awaitable[object]]
"""Adds an event to the trail within the transaction; an event is whatever JSON holds."""
# One lock per database for all changes of consent and all contributions; the number is arbitrary.
_LOCK = 7_460_113


class Trail(Protocol):
    """What we need of a tenant's trail: a transaction on the tenant's database that can also append to it."""

    def transaction(self) -> AbstractAsyncContextManager[tuple[Any, Append]]:
        """A transaction as (connection, append). Any: whichever of asyncpg's kinds of connection."""


class NoConsent(Exception):
    """The tenant has not consented to this purpose, or no longer does."""


@dataclass(frozen=True)
class Consent:
    """A consent as last given: what for, which attributes, when and by whom (a principal's id)."""

    purpose: str
    scope: tuple[str, ...]
    given_at: datetime
    given_by: str
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class Author:
    """Who changes a consent, and in which request, for the trail."""

    principal: str
    person: str
    trace_id: str = ""


class Consents:
    """Reads and changes consents, each in its tenant's own database under the guard's login."""

    def __init__(
        self,
        pools: Mapping[str, asyncpg.Pool],
        trails: Mapping[str, Trail],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pools, self._trails, self._clock = pools, trails, clock
        # At most one connection of a pool waits for the lock in the database, so that the pool never runs dry of it.
        self._turns = {tenant: asyncio.Lock() for tenant in pools}

    async def last(self, tenant: str, purpose: str) -> Consent | None:
        """The consent as last given, revoked or not; None when there never was one."""
        row = await self._pools[tenant].fetchrow(
            "SELECT purpose, scope, given_at, given_by, revoked_at FROM consents WHERE purpose = $1", purpose
        )
        if row is None:
            return None
        return Consent(row["purpose"], tuple(row["scope"]), row["given_at"], row["given_by"], row["revoked_at"])

    async def give(self, tenant: str, purpose: str, scope: Sequence[str], author: Author) -> Consent:
        """Record a consent and its event in one transaction. Raises ValueError for an unknown purpose or scope."""
        if purpose not in PURPOSES or not scope or not set(scope) <= set(ATTRIBUTES):
            raise ValueError(f"purpose must be one of {PURPOSES} and scope name some of {ATTRIBUTES}")
        chosen = tuple(sorted(set(scope)))
        at = await self._change(tenant, "given", purpose, chosen, author)
        return Consent(purpose, chosen, at, author.principal)

    async def revoke(self, tenant: str, purpose: str, author: Author) -> None:
        """Record a revocation and its event in one transaction; it waits for contributions that are on their way."""
        await self._change(tenant, "revoked", purpose, (), author)

    @asynccontextmanager
    async def while_given(self, tenant: str, purpose: str) -> AsyncIterator[Consent]:
        """The consent, which can't be revoked before the block ends. Raises NoConsent."""
        async with self._alone(tenant):
            last = await self.last(tenant, purpose)
            if not self.is_standing(last):
                raise NoConsent(f"no standing consent to {purpose}")
            yield last or self.assumed(purpose)

    def is_standing(self, consent: Consent | None) -> bool:
        """Whether a consent holds now: it was given, and not revoked since."""
        return consent is not None and consent.revoked_at is None

    def assumed(self, purpose: str) -> Consent:
        """What stands in for a consent that was never given: there is no such thing."""
        raise NoConsent(f"no consent to {purpose} was ever given")

    async def _change(self, tenant: str, act: str, purpose: str, scope: tuple[str, ...], author: Author) -> datetime:
        at = self._clock()
        async with self._alone(tenant), self._trails[tenant].transaction() as (connection, append):
            await connection.execute(
                "INSERT INTO consent_changes (purpose, act, scope, at, by) VALUES ($1, $2, $3, $4, $5)",
                purpose,
                act,
                list(scope),
                at,
                author.principal,
            )
            await append(self.event(tenant, act, purpose, scope, author))
        return at

    def event(self, tenant: str, act: str, purpose: str, scope: Sequence[str], author: Author) -> dict[str, Any]:
        """What the tenant's trail is told of a change."""
        return {
            "schema": "venturi.event/1",
            "kind": f"aggregation.consent.{act}",
            "tenant_actor": tenant,
            "tenant_target": tenant,
            "actor": {"type": "tenant", "id": author.principal, "person": author.person},
            "consent": {"act": act, "purpose": purpose, "scope": list(scope)},
            "trace": {"trace_id": author.trace_id},
        }

    @asynccontextmanager
    async def _alone(self, tenant: str) -> AsyncIterator[None]:
        """Nobody else, in this process or another, changes the tenant's consent or contributes under it."""
        async with self._turns[tenant], self._pools[tenant].acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            yield
