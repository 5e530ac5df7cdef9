"""Looks principals up by issuer and subject, in the control database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

_COLUMNS = "issuer, subject, id, tenant, kind, person, mfa_public_key"


@dataclass(frozen=True)
class DirectoryRow:
    """One principal: `tenant` is None for the vendor's own people, `mfa_public_key` a P-256 public key in PEM."""

    issuer: str
    subject: str
    id: str
    tenant: str | None
    kind: str
    person: str
    mfa_public_key: str | None


class Directory:
    """The table of principals. The only place that says which tenant a subject belongs to."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find(self, issuer: str, subject: str) -> DirectoryRow | None:
        """The principal that this issuer knows by this subject, or None."""
        row = await self._pool.fetchrow(
            f"SELECT {_COLUMNS} FROM principals WHERE issuer = $1 AND subject = $2",  # noqa: S608  # our own constant
            issuer,
            subject,
        )
        return None if row is None else DirectoryRow(*row.values())

    async def principal(self, principal_id: str) -> DirectoryRow | None:
        """The principal with this id, or None."""
        row = await self._pool.fetchrow(
            f"SELECT {_COLUMNS} FROM principals WHERE id = $1",  # noqa: S608  # our own constant
            principal_id,
        )
        return None if row is None else DirectoryRow(*row.values())

    async def mfa_public_key(self, principal_id: str) -> str | None:
        """The principal's second-factor key (PEM), or None when it has none."""
        row = await self.principal(principal_id)
        return None if row is None else row.mfa_public_key
