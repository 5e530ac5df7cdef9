"""Reads public keys out of JSON Web Keys (RFC 7517, RFC 7518 section 6)."""

from __future__ import annotations

from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import InvalidKeyError, PyJWK, PyJWKError

from tenantproof.clients.tokens import Claims

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


def public_key(jwk: Claims) -> PublicKey | None:
    """The key, or None when it is of a kind that we do not know or can't be read."""
    try:
        key: Any = PyJWK.from_dict(dict(jwk)).key  # Any: PyJWT types it as a union over all of its algorithms
    except (PyJWKError, InvalidKeyError, ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey) else None


def verifies(text: str, jwk: Claims, algorithms: tuple[str, ...]) -> bool:
    """Whether the token's signature is one of the key's: the witness that a genuine token is genuine."""
    import jwt

    try:
        key = PyJWK.from_dict(dict(jwk))
        jwt.decode_complete(text, key, algorithms=list(algorithms), options={"verify_aud": False, "verify_exp": False})
    except (PyJWKError, jwt.PyJWTError, ValueError, TypeError):
        return False
    return True
