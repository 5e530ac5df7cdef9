"""P-256 keys as JSON Web Keys (RFC 7517, RFC 7518 section 6.2), and ES256 signatures by them (section 3.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from venturi.identity.strict import b64url, read_b64url, write_json

_BYTES = 32
_HASH = ec.ECDSA(SHA256())


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The public key as a JWK for ES256, its `kid` being its thumbprint (RFC 7638)."""
    numbers = key.public_numbers()
    point = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    # The members are in the order that RFC 7638 section 3 hashes them in.
    return {**point, "kid": b64url(hashlib.sha256(write_json(point)).digest()), "use": "sig", "alg": "ES256"}


def read_jwk(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """The public key of a JWK. Raises ValueError unless it is a P-256 key meant for ES256 signatures."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise ValueError("not a P-256 key")
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", "ES256") != "ES256":
        raise ValueError("not a key for ES256 signatures")
    x, y = (read_b64url(str(jwk.get(name, ""))) for name in ("x", "y"))
    if len(x) != _BYTES or len(y) != _BYTES:
        raise ValueError("a coordinate is not 32 bytes long")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
    return numbers.public_key()


def sign_es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """ES256 signature, 64 bytes: r and s one after the other."""
    r, s = decode_dss_signature(key.sign(message, _HASH))
    return r.to_bytes(_BYTES, "big") + s.to_bytes(_BYTES, "big")


def verifies_es256(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Whether this is an ES256 signature of the message by this key."""
    if len(signature) != 2 * _BYTES:
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:_BYTES], signature[_BYTES:]))
    try:
        key.verify(encode_dss_signature(r, s), message, _HASH)
    except InvalidSignature:
        return False
    return True


def _coordinate(value: int) -> str:
    return b64url(value.to_bytes(_BYTES, "big"))
