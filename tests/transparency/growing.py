"""A log to be judged: trees and proofs by the RFC's own definitions, signed heads and receipts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tenantproof.clients.transparency.notes import NoteKey, key_ident

ORIGIN = "log.example/audit/acme/1"
SIGNER = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, over leaf hashes."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    middle = cut(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:middle]) + mth(leaves[middle:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    middle = cut(len(leaves))
    if index < middle:
        return [*path(index, leaves[:middle]), mth(leaves[middle:])]
    return [*path(index - middle, leaves[middle:]), mth(leaves[:middle])]


def proof(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [mth(leaves)]
    middle = cut(len(leaves))
    if old <= middle:
        return [*proof(old, leaves[:middle], whole=whole), mth(leaves[middle:])]
    return [*proof(old - middle, leaves[middle:], whole=False), mth(leaves[:middle])]


def cut(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def key_of(signer: Ed25519PrivateKey = SIGNER, name: str = ORIGIN) -> NoteKey:
    raw = signer.public_key().public_bytes_raw()
    return NoteKey(name, key_ident(name, raw), raw)


def key_text(signer: Ed25519PrivateKey = SIGNER, name: str = ORIGIN) -> str:
    key = key_of(signer, name)
    return f"{name}+{key.ident.hex()}+{base64.b64encode(bytes([1]) + key.raw).decode()}"


def signature_line(text: str, signer: Ed25519PrivateKey = SIGNER, name: str = ORIGIN) -> str:
    blob = key_of(signer, name).ident + signer.sign(text.encode())
    return f"\u2014 {name} {base64.b64encode(blob).decode()}\n"


def signed(text: str) -> str:
    return f"{text}\n{signature_line(text)}"


def note_of(
    size: int, root: bytes, *, origin: str = ORIGIN, signer: Ed25519PrivateKey = SIGNER, more: str = "", name: str = ""
) -> str:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n{more}"
    return f"{text}\n{signature_line(text, signer, name or origin)}"


def receipt_of(seq: int, leaf: bytes, signer: Ed25519PrivateKey = SIGNER, origin: str = ORIGIN) -> str:
    signature = signer.sign(f"{origin}\nreceipt\n{seq}\n{leaf.hex()}\n".encode())
    return f"{seq}.{leaf.hex()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
