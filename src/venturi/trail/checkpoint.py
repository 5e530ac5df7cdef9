"""Signed heads of a trail: checkpoints in the form of C2SP tlog-checkpoint, signed as C2SP signed-note says."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from venturi.trail.signer import Signs

_ED25519 = b"\x01"
"""The signature type of a note's Ed25519 key (C2SP signed-note, "Signatures")."""


class BadCheckpoint(ValueError):
    """The note is not a checkpoint of this log by this key; the message says which of the two."""


@dataclass(frozen=True)
class Checkpoint:
    """The head of a tree: whose it is, how many leaves it has, and its root of 32 bytes; what else it says, by line."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def body(self) -> str:
        """The text that is signed, with its final newline."""
        more = "".join(f"{line}\n" for line in self.extensions)
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{more}"


def origin_of(tenant: str, epoch: int) -> str:
    """The name of one tree. A tree that is begun anew gets another epoch, so no proof of the old one fits it."""
    return f"venturi.example/audit/{tenant}/{epoch}"


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """The four bytes that tell keys of the same name apart."""
    return hashlib.sha256(f"{name}\n".encode() + _ED25519 + key.public_bytes_raw()).digest()[:4]


def verifier_key(name: str, key: Ed25519PublicKey) -> str:
    """The public key as the note tools write it: name, key id and key, joined by plus signs."""
    return f"{name}+{key_id(name, key).hex()}+{base64.b64encode(_ED25519 + key.public_bytes_raw()).decode()}"


def sign(checkpoint: Checkpoint, key: Signs) -> str:
    """The checkpoint as a signed note; the key's name is the log's origin."""
    body = checkpoint.body()
    blob = key_id(checkpoint.origin, key.public_key()) + key.sign(body.encode())
    return f"{body}\n\u2014 {checkpoint.origin} {base64.b64encode(blob).decode()}\n"


def verify(note: str, origin: str, key: Ed25519PublicKey) -> Checkpoint:
    """The checkpoint in a note, once this log's key is seen to have signed it. Raises BadCheckpoint."""
    body, divider, signatures = note.rpartition("\n\n")
    lines = body.split("\n")
    if not divider or len(lines) < 3 or lines[0] != origin:
        raise BadCheckpoint(f"not a checkpoint of {origin}")
    _signed(f"{body}\n", signatures, origin, key)
    return Checkpoint(origin, _size(lines[1]), _root(lines[2]))


def _signed(body: str, signatures: str, name: str, key: Ed25519PublicKey) -> None:
    prefix = f"\u2014 {name} "
    for line in signatures.removesuffix("\n").split("\n"):
        blob = _base64(line.removeprefix(prefix)) if line.startswith(prefix) else b""
        if blob[:4] != key_id(name, key):
            continue
        try:
            key.verify(blob[4:], body.encode())
        except InvalidSignature:
            raise BadCheckpoint(f"the signature of {name} does not fit the checkpoint") from None
        return
    raise BadCheckpoint(f"no signature by the key of {name}")


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or (text != "0" and text.startswith("0")):
        raise BadCheckpoint(f"{text!r} is not a tree size")
    return int(text)


def _root(text: str) -> bytes:
    root = _base64(text)
    if len(root) != 32:
        raise BadCheckpoint("the root has not 32 bytes")
    return root


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadCheckpoint("not base64") from None
