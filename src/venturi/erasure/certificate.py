"""The certificate of an erasure: two dates, what was destroyed, and the signature of the tenant's trail over both."""

from __future__ import annotations

import base64
from typing import Any, TypeAlias

import msgspec
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SCHEMA = "venturi.erasure-certificate/1"
Body: TypeAlias = dict[str, Any]
"""A certificate as JSON."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure came to. Times are UTC, ISO 8601.

    `unreadable_since`: from when on no reader of ours could read. `unrecoverable_from`: when the last thing with which
    it could be made readable again is gone; `until_then` says what that is.
    """

    id: str
    tenant: str
    kind: str
    """`subject` or `tenant`."""
    subject_hash: str | None
    """`sha256:` and the digest of the subject's id."""
    key_arn: str
    """The KMS key that wrapped what was destroyed, or that was itself taken away."""
    key_state: str
    """What KMS said of the key when the certificate was issued: `usable`, `pending-deletion` or `gone`."""
    requested_at: str
    unreadable_since: str
    unrecoverable_from: str
    until_then: str
    covers: tuple[str, ...]
    """The fields that were encrypted, and are unreadable now."""
    leaves: tuple[str, ...]
    """What is not encrypted under the key that was destroyed, and is still there."""
    readers: tuple[str, ...]
    """Every reader that tried to read and could not."""
    receipt: str
    """The trail's receipt of the erasure, as the header Audit-Receipt says it."""
    schema: str = SCHEMA


class SignedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate, the key that signed it, and what holds true of it now.

    The signature is Ed25519 over the schema's name, a newline, and the certificate's canonical JSON (RFC 8785).
    `standing`: `unreadable` before the second date, `unrecoverable` from then on, `withdrawn` when the tenant made its
    key usable again before.
    """

    certificate: Body
    signer: str
    signature: str
    standing: str


def spelled(certificate: Certificate) -> bytes:
    """The certificate's one spelling, which is signed and stored."""
    return rfc8785.dumps(msgspec.to_builtins(certificate))


def sign(text: bytes, key: Ed25519PrivateKey) -> bytes:
    """The signature of a certificate in its one spelling."""
    return key.sign(_signed(text))


def signed(text: bytes, signature: bytes, signer: str, standing: str) -> SignedCertificate:
    """A stored certificate as it is handed out; `signer` is the trail's public key as signed notes name it."""
    return SignedCertificate(
        certificate=msgspec.json.decode(text, type=Body),
        signer=signer,
        signature=base64.b64encode(signature).decode(),
        standing=standing,
    )


def is_genuine(certificate: SignedCertificate, key: Ed25519PublicKey) -> bool:
    """Whether the tenant's trail key signed exactly this certificate."""
    try:
        key.verify(base64.b64decode(certificate.signature), _signed(rfc8785.dumps(certificate.certificate)))
    except InvalidSignature:
        return False
    return True


def _signed(text: bytes) -> bytes:
    return f"{SCHEMA}\n".encode() + text
