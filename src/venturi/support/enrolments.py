"""Codes and security keys that people enrolled, in the control database, each with a counter that only counts up."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    import asyncpg

Kind: TypeAlias = Literal["totp", "webauthn"]
MOST_FAILURES = 5
LOCKED_SECONDS = 300.0
"""A code has a million values; whoever guesses gets five tries in this time (RFC 4226 section 7.3)."""
_NONCE_BYTES = 12


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """One enrolled factor. `material`: a code's secret, or a key's public half as PEM."""

    principal: str
    kind: Kind
    credential: str
    material: bytes


class Enrolments:
    """The table second_factors. A code's secret is sealed there under `key` (32 bytes), which no database holds."""

    def __init__(self, pool: asyncpg.Pool, key: bytes) -> None:
        self._pool, self._key = pool, key

    async def find(self, principal: str, kind: Kind, credential: str, now: float) -> Enrolment | None:
        """The principal's factor, None when there is none or when it was tried wrongly too often of late."""
        row = await self._pool.fetchrow(
            "SELECT principal, kind, credential, material FROM second_factors"
            " WHERE principal = $1 AND kind = $2 AND credential = $3 AND (failures < $4 OR failed_at < $5)",
            *(principal, kind, credential, MOST_FAILURES, now - LOCKED_SECONDS),
        )
        if row is None:
            return None
        found = msgspec.convert(dict(row), Enrolment)
        return self._opened(found) if kind == "totp" else found

    async def count_up(self, enrolment: Enrolment, counter: int) -> bool:
        """Use a counter up. False when it was reached before: of two who present the same, one gets it.

        A key that doesn't count says 0 every time (section 6.1.1); that stands as long as it never said anything else.
        """
        used = await self._pool.fetchval(
            "UPDATE second_factors SET counter = $4, failures = 0"
            " WHERE principal = $1 AND kind = $2 AND credential = $3"
            " AND (counter < $4 OR (kind = 'webauthn' AND counter = 0 AND $4 = 0)) RETURNING true",
            *(enrolment.principal, enrolment.kind, enrolment.credential, counter),
        )
        return bool(used)

    async def failed(self, enrolment: Enrolment, now: float) -> None:
        """Remember a wrong try."""
        await self._pool.execute(
            "UPDATE second_factors SET failed_at = $4, failures = CASE WHEN failed_at < $5 THEN 1 ELSE failures + 1 END"
            " WHERE principal = $1 AND kind = $2 AND credential = $3",
            *(enrolment.principal, enrolment.kind, enrolment.credential, now, now - LOCKED_SECONDS),
        )

    def _opened(self, enrolment: Enrolment) -> Enrolment | None:
        blob = enrolment.material
        try:
            secret = AESGCM(self._key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], place(enrolment.principal))
        except (InvalidTag, ValueError):
            # A row of somebody else's, or a key that was changed. Never an empty secret: its codes anybody can tell.
            return None
        return msgspec.structs.replace(enrolment, material=secret)


def sealed(key: bytes, principal: str, secret: bytes) -> bytes:
    """A code's secret as the table holds it."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, place(principal))


def place(principal: str) -> bytes:
    """What a sealed secret is bound to: moved to another's row it does not open."""
    return b"venturi-totp/1\n" + principal.encode()
