"""An authenticator application and a security key: codes by RFC 6238, assertions by W3C Web Authentication."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tenantproof.clients.tokens import base64url
from tenantproof.model.errors import UsageError
from tenantproof.model.legal_path import FACTOR_MESSAGE

STEP_SECONDS = 30
_PRESENT_AND_VERIFIED = 0x05


def step_now() -> int:
    """The step that we are in."""
    return int(time.time() // STEP_SECONDS)


def code_of(secret: str, step: int) -> str:
    """The six digits of a step, by a secret in base32. Raises UsageError when it is not that."""
    try:
        key = base64.b32decode(secret.strip().upper())
    except ValueError:
        raise UsageError("the secret of a code is not base32; lend it as authenticator applications take it") from None
    mac = hmac.digest(key, struct.pack(">Q", step), "sha1")
    number = int.from_bytes(mac[mac[-1] & 15 :][:4]) & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


@dataclass(frozen=True)
class Ceremony:
    """What a browser and a security key are asked for; each of these may be wrong on purpose."""

    step: str
    request: str
    digest: str
    origin: str
    relying_party: str
    counter: int
    flags: int = _PRESENT_AND_VERIFIED
    kind: str = "webauthn.get"


def use_key(pem: str, credential: str, challenge: str, how: Ceremony) -> dict[str, str]:
    """The `mfa` member of a step. Raises UsageError when the key is no P-256 key.

    What the browser is given for a challenge is the SHA-256 of the lines that other factors sign.
    """
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError("a security key in the profile is no P-256 key; webauthn needs one")
    said = FACTOR_MESSAGE
    values = {"step": how.step, "id": how.request, "digest": how.digest, "challenge": challenge}
    for name, value in values.items():
        said = said.replace(f"{{{name}}}", value)
    asked = base64url(hashlib.sha256(said.encode()).digest())
    client_data = json.dumps(
        {"type": how.kind, "challenge": asked, "origin": how.origin, "crossOrigin": False}, separators=(",", ":")
    ).encode()
    ours = hashlib.sha256(how.relying_party.encode()).digest()
    data = ours + bytes([how.flags]) + how.counter.to_bytes(4, "big")
    signature = key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
    return {
        "challenge": challenge,
        "credential": credential,
        "client_data": base64url(client_data),
        "authenticator_data": base64url(data),
        "signature": base64url(signature),
    }
