"""Signed notes and the checkpoints in them: C2SP signed-note and tlog-checkpoint, Ed25519 signatures.

https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tenantproof.clients.transparency.merkle import LARGEST, WIDTH

_ED25519 = 1
_SIGNATURE = re.compile("\u2014 (?P<name>[^\\s+]+) (?P<blob>[A-Za-z0-9+/]+={0,2})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_LARGEST_NOTE, _MOST_SIGNATURES = 65_536, 16


class NoteError(ValueError):
    """The note says nothing that can be relied on; the message says why."""


@dataclass(frozen=True)
class NoteKey:
    """Somebody whose signature counts: a name, the four bytes that tell its keys apart, and the raw public key."""

    name: str
    ident: bytes
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """A key as the note tools write it: NAME+HEX+BASE64. Raises NoteError for another form or a wrong key id."""
        name, _, rest = text.strip().partition("+")
        ident, _, blob = rest.partition("+")
        data = _base64(blob)
        if not name or len(data) != 1 + WIDTH or data[0] != _ED25519:
            raise NoteError(f"{text!r} is no Ed25519 key of a log; it looks like NAME+8 hex digits+base64")
        if ident.lower() != key_ident(name, data[1:]).hex():
            raise NoteError(f"the key of {name} does not belong to the key id {ident!r}")
        return cls(name, bytes.fromhex(ident), data[1:])

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether this key made the signature over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log as it was signed: `root` has 32 bytes, `extensions` are the lines behind it.

    `others` are the names of those who signed it besides the log.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def key_ident(name: str, raw: bytes) -> bytes:
    """The key id of an Ed25519 key: the first four bytes of a hash over name, kind and key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([_ED25519]) + raw).digest()[:4]


def opened(note: str, key: NoteKey, *, origin: str = "") -> Checkpoint:
    """The checkpoint in a note, once the key is seen to have signed it.

    `origin` is the log that it must be of; the key's name, unless said. Raises NoteError.
    """
    text, signatures = _parted(note)
    by_key = [blob for name, blob in signatures if name == key.name and blob[:4] == key.ident]
    if not by_key:
        raise NoteError(f"no signature by the key of {key.name}")
    if not all(key.signed(text.encode(), blob[4:]) for blob in by_key):
        raise NoteError(f"the signature of {key.name} does not fit what it stands under")
    others = tuple(name for name, blob in signatures if (name, blob[:4]) != (key.name, key.ident))
    head = _checkpoint(text, others)
    if head.origin != (origin or key.name):
        raise NoteError(f"it is the head of {head.origin!r}, not of {origin or key.name!r}")
    return head


def cosigners(note: str, witnesses: Sequence[NoteKey], log: NoteKey) -> tuple[str, ...]:
    """Those of the witnesses who signed the note. One whose key is the log's own is no witness and does not count."""
    text, signatures = _parted(note)
    return tuple(
        witness.name
        for witness in witnesses
        if witness.raw != log.raw
        and any(
            name == witness.name and blob[:4] == witness.ident and witness.signed(text.encode(), blob[4:])
            for name, blob in signatures
        )
    )


def unchecked(note: str) -> Checkpoint:
    """What a note says, whoever signed it: enough to name its log, never to trust it. Raises NoteError."""
    text, signatures = _parted(note)
    return _checkpoint(text, tuple(name for name, _ in signatures))


def _parted(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The signed text with its last line break, and the signatures."""
    if len(note) > _LARGEST_NOTE or any(ord(character) < 0x20 and character != "\n" for character in note):
        raise NoteError("it holds control characters, or more than any note does")
    body, divider, tail = note.rpartition("\n\n")
    if not divider or not tail.endswith("\n"):
        raise NoteError("it is no signed note: a blank line, signatures and a line break are wanted at its end")
    lines = tail[:-1].split("\n")
    if not 0 < len(lines) <= _MOST_SIGNATURES:
        raise NoteError(f"it has {len(lines)} signatures")
    return f"{body}\n", list(_signatures(lines))


def _signatures(lines: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for line in lines:
        found = _SIGNATURE.fullmatch(line)
        if found is None:
            raise NoteError("a line under it is no signature")
        blob = _base64(found["blob"])
        if len(blob) < 5:
            raise NoteError("a signature under it is too short to name a key")
        yield found["name"], blob


def _checkpoint(text: str, others: tuple[str, ...]) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not lines[0] or not all(lines[3:]):
        raise NoteError("it is no checkpoint: an origin, a size and a root are wanted, one a line")
    if not _NUMBER.fullmatch(lines[1]) or int(lines[1]) > LARGEST:
        raise NoteError(f"{lines[1][:40]!r} is no size of a tree")
    root = _base64(lines[2])
    if len(root) != WIDTH:
        raise NoteError(f"its root has {len(root)} bytes")
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:]), others)


def _base64(text: str) -> bytes:
    """Strictly: the one spelling of these bytes and no other."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("what should be base64 is not") from None
    if base64.b64encode(data).decode() != text:
        raise NoteError("its base64 has another spelling than the bytes have")
    return data
