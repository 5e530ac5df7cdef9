"""The second factor: an ES256 key that signs what exactly is being done."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Keys: TypeAlias = Callable[[str], Awaitable[str | None]]
"""Principal id to its public key (PEM), asked anew each time: a factor that was removed is gone at once."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}", re.ASCII)


class Assertion(msgspec.Struct, frozen=True):
    """A challenge of 32 bytes and the signature over it of 64 bytes, r then s; both base64url without padding."""

    challenge: str
    signature: str


def statement(verb: str, request_id: str, digest: str, challenge: str) -> bytes:
    """The bytes that a second factor signs."""
    return f"venturi-mfa/1\n{verb}\n{request_id}\n{digest}\n{challenge}".encode()


def read(given: object) -> Assertion | None:
    """An assertion from what a client sent, None when it is not one in its strict form."""
    if isinstance(given, Assertion):
        given = {"challenge": given.challenge, "signature": given.signature}
    if not isinstance(given, Mapping):
        return None
    challenge, signature = given.get("challenge"), given.get("signature")
    if not isinstance(challenge, str) or not isinstance(signature, str):
        return None
    if not _CHALLENGE.fullmatch(challenge):
        return None
    return Assertion(challenge, signature)


class SecondFactor:
    """Verifies assertions against the key that the directory holds for the principal at this moment."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def verify(self, principal_id: str, verb: str, request_id: str, digest: str, assertion: Assertion) -> bool:
        """Whether the principal's own key signed exactly this step."""
        raw = _raw(assertion.signature)
        pem = await self._keys(principal_id)
        if raw is None or pem is None:
            return False
        return self.is_signed(pem, raw, statement(verb, request_id, digest, assertion.challenge))

    def is_signed(self, pem: str, signature: bytes, message: bytes) -> bool:
        """Whether `signature` (64 bytes) over `message` is by the P-256 key in `pem`."""
        key = load_pem_public_key(pem.encode())
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            return False
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        try:
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def _raw(text: str) -> bytes | None:
    if not _SIGNATURE.fullmatch(text):
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "==")
    except binascii.Error:
        return None
    # 86 characters hold four bits more than 64 bytes; only one spelling is accepted.
    spelling = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return raw if len(raw) == 64 and spelling == text else None
