"""Destroys subjects' keys, records what becomes of a tenant's key, and certifies what nobody can read any more."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from venturi.erasure.certificate import Certificate, SignedCertificate, sign, signed, spelled
from venturi.erasure.errors import NothingToErase, StillReadable
from venturi.erasure.key_state import KeyState, KeyWatch
from venturi.erasure.readers import Reader
from venturi.trail.event import hashed
from venturi.vault.vault import Vault

if TYPE_CHECKING:
    import asyncpg

    from venturi.trail.trail import Receipt, Trail

Event: TypeAlias = Mapping[str, Any]
"""The members that every event of one request shares: who, from where, which trace."""

LONGEST_WAIT = timedelta(days=30)
"""The longest time that KMS lets a key wait for its deletion (KMS API Reference, ScheduleKeyDeletion)."""
COVERS = ("note",)
LEAVES = ("id", "subject_id", "touchpoint", "conversion", "channel", "weight", "created_at", "exports already made")


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One erasure as it is stored. `subject_hash` None: the whole tenant. `certificate` None: not certified yet."""

    id: str
    subject_hash: str | None
    requested_by: str
    requested_at: datetime
    certificate: str | None = None
    signature: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Shelves:
    """What erasure works on: pools of each tenant's two logins, its trail, and the key that signs for it."""

    app: Mapping[str, asyncpg.Pool]
    guard: Mapping[str, asyncpg.Pool]
    trails: Mapping[str, Trail]
    signers: Mapping[str, Ed25519PrivateKey]


class Eraser:
    """Erases within one tenant at a time. `backups`: how long a copy of a wrapped data key may outlive its row."""

    def __init__(
        self,
        shelves: Shelves,
        vault: Vault,
        watch: KeyWatch,
        readers: Sequence[Reader],
        backups: timedelta,
        clock: Callable[[], float],
    ) -> None:
        self._shelves, self._vault, self._watch, self._readers = shelves, vault, watch, readers
        self._backups, self._clock = backups, clock

    async def shred(self, tenant: str, subject: str, who: str, event: Event) -> SignedCertificate:
        """Erase one subject and certify it. Doing it again gives the same certificate.

        Raises NothingToErase without a key of that subject, StillReadable while any reader can still read it,
        KeyUnavailable and TrailUnavailable.
        """
        found = await self._opened(tenant, hashed(subject), who, event, subject)
        if found.certificate is None:
            await self.destroy(tenant, subject)
            found = await self._certified(tenant, found, subject, event)
        return await self._handed_out(tenant, found)

    async def begin(self, tenant: str, who: str, event: Event) -> Erasure:
        """Record that the whole tenant is to be erased. Its own account takes the key away; we may not and cannot."""
        return await self._opened(tenant, None, who, event, None)

    async def settle(self, tenant: str, event: Event) -> KeyState:
        """Certify the open erasure of the tenant if its key is on the way out. Returns what KMS says of the key.

        A key that is merely disabled erases nothing, for it can be enabled again. Raises StillReadable.
        """
        state = await self._watch.state(tenant)
        if state in (KeyState.PENDING, KeyState.GONE):
            for each in await self._stored(tenant, "subject_hash IS NULL AND certificate IS NULL"):
                await self._certified(tenant, each, None, event, state)
        return state

    async def certificates(self, tenant: str, ident: str | None = None) -> list[SignedCertificate]:
        """The tenant's certificates, or the one with that id; the latest first."""
        condition = "certificate IS NOT NULL" if ident is None else "certificate IS NOT NULL AND id = $1"
        found = await self._stored(tenant, condition, *(() if ident is None else (ident,)))
        return [await self._handed_out(tenant, each) for each in found]

    async def destroy(self, tenant: str, subject: str) -> None:
        """Destroy the subject's wrapped key, and drop it from every cache here."""
        await self._vault.shred(tenant, subject)

    async def still_reading(self, tenant: str, subject: str | None) -> list[str]:
        """The readers that can still read."""
        return [reader.name for reader in self._readers if await reader.can_read(tenant, subject)]

    async def _opened(
        self, tenant: str, subject_hash: str | None, who: str, event: Event, subject: str | None
    ) -> Erasure:
        """The erasure, begun unless it was before; the event commits with it."""
        same = "certificate IS NULL AND subject_hash IS NULL" if subject_hash is None else "subject_hash = $1"
        known = await self._stored(tenant, same, *(() if subject_hash is None else (subject_hash,)))
        if known:
            return known[0]
        if subject is not None:
            await self._require_known(tenant, subject)
        made = Erasure(
            id=f"era_{secrets.token_hex(8)}", subject_hash=subject_hash, requested_by=who, requested_at=self._now()
        )
        async with self._shelves.trails[tenant].transaction() as (connection, append):
            done = await connection.execute(
                "INSERT INTO erasures (id, subject_hash, requested_by, requested_at) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT DO NOTHING",
                made.id,
                made.subject_hash,
                who,
                made.requested_at,
            )
            if done == "INSERT 0 1":  # and not somebody else's, a moment before
                await append({**event, **_said("requested", made)})
        return (await self._stored(tenant, same, *(() if subject_hash is None else (subject_hash,))))[0]

    async def _require_known(self, tenant: str, subject: str) -> None:
        row = await self._shelves.app[tenant].fetchval("SELECT 1 FROM subject_keys WHERE subject = $1", subject)
        if row is None:
            raise NothingToErase("There is nothing of that subject.")

    async def _certified(
        self, tenant: str, erasure: Erasure, subject: str | None, event: Event, state: KeyState = KeyState.USABLE
    ) -> Erasure:
        """Certify, unless somebody can still read. The trail's event and the certificate commit together."""
        if reading := await self.still_reading(tenant, subject):
            raise StillReadable(f"Still readable through: {', '.join(reading)}.")
        now = self._now()
        async with self._shelves.trails[tenant].transaction() as (connection, append):
            receipt = await append({**event, **_said("certified", erasure)})
            text = spelled(self.certificate(tenant, erasure, state, now, receipt))
            await connection.execute(
                "UPDATE erasures SET certificate = $2, signature = $3 WHERE id = $1 AND certificate IS NULL",
                erasure.id,
                text.decode(),
                sign(text, self._shelves.signers[tenant]),
            )
        return (await self._stored(tenant, "id = $1", erasure.id))[0]

    def certificate(
        self, tenant: str, erasure: Erasure, state: KeyState, now: datetime, receipt: Receipt
    ) -> Certificate:
        """What is certified."""
        until, because = self.horizon(state, now, one_subject=erasure.subject_hash is not None)
        return Certificate(
            id=erasure.id,
            tenant=tenant,
            kind="tenant" if erasure.subject_hash is None else "subject",
            subject_hash=erasure.subject_hash,
            key_arn=self._watch.arn(tenant),
            key_state=state.value,
            requested_at=_stamp(erasure.requested_at),
            unreadable_since=_stamp(now),
            unrecoverable_from=_stamp(until),
            until_then=because,
            covers=COVERS,
            leaves=LEAVES,
            readers=tuple(reader.name for reader in self._readers),
            receipt=receipt.header(),
        )

    def horizon(self, state: KeyState, now: datetime, *, one_subject: bool) -> tuple[datetime, str]:
        """From when on nothing can bring the data back, and what could until then."""
        if one_subject:
            return now + self._backups, "Backups of the database hold the wrapped data key, and the tenant's key lives."
        if state is KeyState.GONE:
            return now, "Nothing: the key does not exist any more."
        return now + LONGEST_WAIT, "The tenant's account can cancel the deletion of its key."

    async def _handed_out(self, tenant: str, erasure: Erasure) -> SignedCertificate:
        assert erasure.certificate is not None
        assert erasure.signature is not None
        text = erasure.certificate.encode()
        made = signed(text, erasure.signature, self._shelves.trails[tenant].verifier_key, "unreadable")
        until = datetime.fromisoformat(made.certificate["unrecoverable_from"])
        standing = "unrecoverable" if self._now() >= until else "unreadable"
        if erasure.subject_hash is None and await self._watch.state(tenant) in (KeyState.USABLE, KeyState.DISABLED):
            standing = "withdrawn"
        return signed(text, erasure.signature, made.signer, standing)

    async def _stored(self, tenant: str, condition: str, *arguments: object) -> list[Erasure]:
        columns = "id, subject_hash, requested_by, requested_at, certificate, signature"
        rows = await self._shelves.guard[tenant].fetch(
            f"SELECT {columns} FROM erasures WHERE {condition} ORDER BY requested_at DESC LIMIT 100",  # noqa: S608
            *arguments,
        )
        return [Erasure(**dict(row)) for row in rows]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _said(step: str, erasure: Erasure) -> dict[str, object]:
    return {
        "kind": "erasure",
        "action": f"erasure.{step}",
        "object": {
            "type": "tenant" if erasure.subject_hash is None else "subject",
            "id_hash": erasure.subject_hash,
            "count": 1,
        },
        "erasure": {"id": erasure.id, "requested_by": erasure.requested_by},
        "decision": {"outcome": "allow", "rule": None, "reason": None},
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
