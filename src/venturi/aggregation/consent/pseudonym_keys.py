"""The key under which a tenant's persons are hashed before they leave: made once, sealed by the tenant's own key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncpg

_PLACE = ("aggregation", "pseudonym-key", "key")  # subject, record and field, as the vault binds them


class Sealer(Protocol):
    """What we need of the vault."""

    async def seal(self, tenant: str, subject: str, record: str, field: str, text: str, /) -> bytes:
        """Encrypt under the tenant's key."""

    async def open(self, tenant: str, subject: str, record: str, field: str, sealed: bytes, /) -> str:
        """Decrypt what was sealed for exactly this tenant and place."""


class PseudonymKeys:
    """Hands out each tenant's key.

    It outlives a revocation on purpose: under a new key everybody would seem to have left and somebody else to have
    come, and no release could be held back for the few who really did.
    """

    def __init__(self, pools: Mapping[str, asyncpg.Pool], vault: Sealer) -> None:
        self._pools, self._vault = pools, vault

    async def of(self, tenant: str) -> bytes:
        """The tenant's key, 32 bytes, made at the first call. Raises VaultError without the tenant's KMS key."""
        sealed = await self._stored(tenant)
        if sealed is None:
            fresh = await self._vault.seal(tenant, *_PLACE, secrets.token_hex(32))
            await self._pools[tenant].execute(
                "INSERT INTO pseudonym_keys (sealed) VALUES ($1) ON CONFLICT DO NOTHING", fresh
            )
            sealed = await self._stored(tenant)
            assert sealed is not None
        return bytes.fromhex(await self._vault.open(tenant, *_PLACE, sealed))

    async def _stored(self, tenant: str) -> bytes | None:
        sealed: bytes | None = await self._pools[tenant].fetchval("SELECT sealed FROM pseudonym_keys")
        return sealed
