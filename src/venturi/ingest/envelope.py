"""The form in which an event lies in a topic: its subject sealed under one key, all else under the subject's own.

A broker, its disks and its backups hold nothing that can be read without the tenant's key; and shredding a subject's
key erases the subject from the log too, which nobody can rewrite.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from venturi.ingest.events import Event, decoded, encoded

STREAM = "~stream"
"""The name that the key for subjects' names goes by. No subject can have it."""


class Sealer(Protocol):
    """What the envelope asks of the vault."""

    async def seal(self, tenant: str, subject: str, record: str, field: str, plaintext: str, /) -> bytes:
        """Encrypt one field for its place."""
        ...

    async def open(self, tenant: str, subject: str, record: str, field: str, blob: bytes, /) -> str:
        """Decrypt one field of that place."""
        ...


class Malformed(ValueError):
    """The message is not one that ingest wrote."""


class _Envelope(msgspec.Struct, frozen=True, array_like=True):
    place: str
    subject: bytes
    event: bytes
    version: int = 1


async def seal(vault: Sealer, tenant: str, place: str, event: Event) -> bytes:
    """An event as a message; `place` (batch and position) is bound into it.

    Raises VaultError when the tenant's key can't be used or the subject was erased.
    """
    subject = await vault.seal(tenant, STREAM, place, "subject", event.subject_id)
    body = await vault.seal(tenant, event.subject_id, place, "event", encoded(event).decode())
    return msgspec.msgpack.encode(_Envelope(place=place, subject=subject, event=body))


async def unseal(vault: Sealer, tenant: str, message: bytes) -> Event:
    """The event in a message of this tenant's topic. Raises Malformed and VaultError."""
    try:
        envelope = msgspec.msgpack.decode(message, type=_Envelope)
    except (msgspec.DecodeError, ValueError):
        raise Malformed("not an envelope") from None
    if envelope.version != 1:
        raise Malformed(f"an envelope of version {envelope.version}")
    subject = await vault.open(tenant, STREAM, envelope.place, "subject", envelope.subject)
    body = await vault.open(tenant, subject, envelope.place, "event", envelope.event)
    try:
        event = decoded(body)
    except (msgspec.DecodeError, ValueError):
        raise Malformed("not an event") from None
    if event.subject_id != subject:
        raise Malformed("an event of another subject")
    return event
