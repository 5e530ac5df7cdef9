"""Seals fields under their subject's data key and opens them again, for exactly the place they were sealed for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from venturi.vault.cache import DataKeyCache
from venturi.vault.errors import KeyUnavailable, Tampered, Unrecoverable
from venturi.vault.freshness import is_first_use
from venturi.vault.kms import KeyService
from venturi.vault.rows import SubjectKeys, WrappedKey

if TYPE_CHECKING:
    import asyncpg

_VERSION = b"\x01"
_NONCE_BYTES = 12


class Vault:
    """Envelope encryption per subject (AES-256-GCM).

    `keys` maps a tenant to the ARN of its KMS key, `pools` a tenant to a pool of its own database.
    """

    def __init__(
        self,
        kms: KeyService,
        keys: Mapping[str, str],
        pools: Mapping[str, asyncpg.Pool],
        cache: DataKeyCache | None = None,
    ) -> None:
        self._kms = kms
        self._keys = keys
        self._rows = SubjectKeys(pools)
        self._cache = cache or DataKeyCache()
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def seal(self, tenant: str, subject: str, record: str, field: str, plaintext: str) -> bytes:
        """Encrypt one field. A subject's first field makes its data key.

        Raises Unrecoverable for a shredded subject, KeyUnavailable when the tenant's key can't be used.
        """
        key = await self.data_key(tenant, subject, create=True)
        nonce = os.urandom(_NONCE_BYTES)
        place = self.place(tenant, subject, record, field)
        return _VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext.encode(), place)

    async def open(self, tenant: str, subject: str, record: str, field: str, blob: bytes) -> str:
        """Decrypt one field, sealed for this very place.

        Raises Tampered for any other ciphertext, Unrecoverable without a key, KeyUnavailable when it can't be used.
        """
        key = await self.data_key(tenant, subject, create=False)
        if blob[:1] != _VERSION:
            raise Tampered(f"a field of {tenant} has a format that we never wrote")
        nonce, sealed = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, sealed, self.place(tenant, subject, record, field)).decode()
        except (InvalidTag, ValueError):
            raise Tampered(f"a field of {tenant} is not what was sealed there") from None

    async def shred(self, tenant: str, subject: str) -> bool:
        """Destroy a subject's wrapped key and every cached copy here. False when it had none.

        Other processes may hold the key for as long as their cache does; backups, until the tenant's key is destroyed.
        """
        # In turn: whoever found the row a moment ago still asks KMS, and would put the key into the cache after us.
        async with self._turn(tenant, subject):
            try:
                return await self._rows.shred(tenant, subject)
            finally:
                self._cache.forget(tenant, subject)

    async def data_key(self, tenant: str, subject: str, *, create: bool) -> bytes:
        """The subject's plaintext data key, from the cache or from KMS; the first of a request is from KMS."""
        async with self._turn(tenant, subject):  # or a page of one subject's records would ask KMS once for each
            held = self._cache.find(tenant, subject)
            if held is not None and not self.must_ask(tenant):
                return held
            try:
                key = await self._fetch(tenant, subject, create=create)
            except KeyUnavailable:
                # The tenant has taken its key away: what we still hold of it goes at once.
                self._cache.forget(tenant)
                raise
            self._cache.keep(tenant, subject, key)
            return key

    def _turn(self, tenant: str, subject: str) -> asyncio.Lock:
        return self._turns.setdefault((tenant, subject), asyncio.Lock())

    def must_ask(self, tenant: str) -> bool:
        """Whether KMS has to be asked although the key is in the cache."""
        return is_first_use(tenant)

    async def _fetch(self, tenant: str, subject: str, *, create: bool) -> bytes:
        row = await self._rows.find(tenant, subject)
        if row is None and create:
            made = await self._kms.generate_data_key(self._keys[tenant], self.context(tenant, subject))
            # Two processes may write a subject's first field at once; the row decides whose key it is.
            row = await self._rows.keep(tenant, subject, WrappedKey(made.wrapped, self._keys[tenant]))
            if row.wrapped == made.wrapped:
                return made.plaintext
        if row is None or row.wrapped is None:
            self._cache.forget(tenant, subject)
            raise Unrecoverable(f"a subject of {tenant} has no data key")
        return await self._kms.decrypt(self._keys[tenant], row.wrapped, self.context(tenant, subject))

    def context(self, tenant: str, subject: str) -> dict[str, str]:
        """The encryption context that binds a wrapped key to its subject; the key policy demands the tenant in it."""
        return {"tenant": tenant, "subject": subject}

    def place(self, *names: str) -> bytes:
        """Where a field belongs, as associated data: every name with its length, or two places could read alike."""
        parts = [b"venturi-field/1", *(name.encode() for name in names)]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
