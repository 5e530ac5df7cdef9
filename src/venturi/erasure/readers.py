"""Everything of ours that reads subjects' data, asked whether it still can."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from venturi.vault.errors import KeyUnavailable, Unrecoverable
from venturi.vault.vault import Vault

if TYPE_CHECKING:
    import asyncpg


class Reader(Protocol):
    """One way to the data. `subject` None: anything of the tenant at all."""

    name: str

    async def can_read(self, tenant: str, subject: str | None) -> bool:
        """Whether it still gets plaintext."""
        ...


class VaultReader:
    """The vault with its caches: every reader of records goes through it."""

    name = "vault"

    def __init__(self, vault: Vault, pools: Mapping[str, asyncpg.Pool]) -> None:
        self._vault = vault
        self._pools = pools

    async def can_read(self, tenant: str, subject: str | None) -> bool:
        """Whether the subject's data key, or that of any subject of the tenant, is still to be had."""
        subjects = [subject] if subject is not None else await self._some(tenant)
        return any([await self._opens(tenant, each) for each in subjects])

    async def _opens(self, tenant: str, subject: str) -> bool:
        try:
            await self._vault.data_key(tenant, subject, create=False)
        except (Unrecoverable, KeyUnavailable):
            return False
        return True

    async def _some(self, tenant: str) -> list[str]:
        """One key stands for all: they are wrapped by the same KMS key."""
        rows = await self._pools[tenant].fetch("SELECT subject FROM subject_keys WHERE wrapped IS NOT NULL LIMIT 3")
        return [row["subject"] for row in rows]


class LinkReader:
    """Whoever holds a link to an export that still works."""

    name = "export links"

    def __init__(self, pools: Mapping[str, asyncpg.Pool]) -> None:
        self._pools = pools

    async def can_read(self, tenant: str, subject: str | None) -> bool:
        """Whether a link to an export is still open; each may hold any subject."""
        del subject
        now = datetime.now(UTC)
        return bool(await self._pools[tenant].fetchval("SELECT count(*) FROM exports WHERE link_until > $1", now))
