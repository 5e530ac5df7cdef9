"""What a trail answers: receipts, pages and proofs."""

from __future__ import annotations

from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from venturi.identity.strict import b64url
from venturi.trail.signer import Signs


class Receipt(msgspec.Struct, frozen=True):
    """The trail's signed word that an event is at `seq`. `leaf_hash` has 32 bytes, `signature` 64."""

    seq: int
    leaf_hash: bytes
    signature: bytes

    def header(self) -> str:
        """As the header `Audit-Receipt` says it: seq, leaf hash in hex, signature in base64url, joined by dots."""
        return f"{self.seq}.{self.leaf_hash.hex()}.{b64url(self.signature)}"


class Entry(msgspec.Struct, frozen=True):
    """An event as it is read: `leaf_hash` (hex) is the RFC 6962 leaf hash of the event's canonical JSON."""

    seq: int
    leaf_hash: str
    event: dict[str, Any]  # JSON


class Page(msgspec.Struct, frozen=True):
    """Some events in order; `next` is the `after` of the page behind it, None at the end. `size` is the whole tree."""

    events: list[Entry]
    next: int | None
    size: int


class InclusionProof(msgspec.Struct, frozen=True):
    """An audit path from leaf `seq` to the root of `size` leaves; hashes in hex."""

    seq: int
    size: int
    leaf_hash: str
    root: str
    hashes: list[str]


class ConsistencyProof(msgspec.Struct, frozen=True, rename={"old": "from", "new": "to"}):
    """That the tree of `new` leaves begins with the tree of `old`; hashes in hex."""

    old: int
    new: int
    old_root: str
    new_root: str
    hashes: list[str]


def statement(origin: str, seq: int, leaf_hash: bytes) -> bytes:
    """The bytes that a receipt signs; they can't be taken for a checkpoint, whose second line is a number."""
    return f"{origin}\nreceipt\n{seq}\n{leaf_hash.hex()}\n".encode()


def signed_receipt(origin: str, seq: int, leaf_hash: bytes, key: Signs) -> Receipt:
    """A receipt for the leaf at `seq` of the log."""
    return Receipt(seq, leaf_hash, key.sign(statement(origin, seq, leaf_hash)))


def is_genuine(receipt: Receipt, origin: str, key: Ed25519PublicKey) -> bool:
    """Whether the log's key signed exactly this receipt."""
    try:
        key.verify(receipt.signature, statement(origin, receipt.seq, receipt.leaf_hash))
    except InvalidSignature:
        return False
    return True
