"""Public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6), and signatures by them (section 3).

P-256 keys sign ES256. An RSA key signs RS256 or PS256, whichever its JWK says, and never both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from venturi.identity.strict import b64url, read_b64url, write_json

_BYTES = 32
_HASH = ec.ECDSA(SHA256())
_SCHEMES: Mapping[str, padding.AsymmetricPadding] = {
    "RS256": padding.PKCS1v15(),
    # The salt is as long as the hash (RFC 7518 section 3.5).
    "PS256": padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size),
}
_LEAST_BITS = 2048
_EXPONENT = 65537


@dataclass(frozen=True)
class RsaKey:
    """An RSA key and the one algorithm that it signs with (RFC 8725 section 3.1)."""

    public: rsa.RSAPublicKey
    algorithm: str


VerifyingKey: TypeAlias = ec.EllipticCurvePublicKey | RsaKey


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The public key as a JWK for ES256, its `kid` being its thumbprint (RFC 7638)."""
    numbers = key.public_numbers()
    point = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    # The members are in the order that RFC 7638 section 3 hashes them in.
    return {**point, "kid": b64url(hashlib.sha256(write_json(point)).digest()), "use": "sig", "alg": "ES256"}


def public_rsa_jwk(key: rsa.RSAPublicKey, algorithm: str) -> dict[str, str]:
    """The public key as a JWK for RS256 or PS256, its `kid` being its thumbprint and the algorithm."""
    numbers = key.public_numbers()
    known = {"e": _integer(numbers.e), "kty": "RSA", "n": _integer(numbers.n)}
    kid = f"{b64url(hashlib.sha256(write_json(known)).digest())}.{algorithm}"
    return {**known, "kid": kid, "use": "sig", "alg": algorithm}


def read_jwk(jwk: Mapping[str, Any]) -> VerifyingKey:
    """The public key of a JWK. Raises ValueError unless it is meant for signatures that we verify."""
    if jwk.get("use", "sig") != "sig" or not _may_verify(jwk.get("key_ops", ["verify"])):
        raise ValueError("not a key for signatures")
    return _read_rsa(jwk) if jwk.get("kty") == "RSA" else _read_p256(jwk)


def _may_verify(operations: object) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _read_p256(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise ValueError("not a P-256 key")
    if jwk.get("alg", "ES256") != "ES256":
        raise ValueError("not a key for ES256 signatures")
    x, y = (read_b64url(str(jwk.get(name, ""))) for name in ("x", "y"))
    if len(x) != _BYTES or len(y) != _BYTES:
        raise ValueError("a coordinate is not 32 bytes long")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
    return numbers.public_key()


def _read_rsa(jwk: Mapping[str, Any]) -> RsaKey:
    algorithm = jwk.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _SCHEMES:
        raise ValueError("not a key for RS256 or PS256 signatures")
    modulus, exponent = (int.from_bytes(read_b64url(str(jwk.get(name, ""))), "big") for name in ("n", "e"))
    if modulus.bit_length() < _LEAST_BITS or exponent != _EXPONENT:
        raise ValueError("an RSA key that is too weak (RFC 7518 section 3.3)")
    return RsaKey(rsa.RSAPublicNumbers(exponent, modulus).public_key(), algorithm)


def verifies(key: VerifyingKey, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Whether this is a signature of the message by this key, with the algorithm that the key is for."""
    if isinstance(key, RsaKey):
        return algorithm == key.algorithm and _verifies_rsa(key, message, signature)
    return algorithm == "ES256" and verifies_es256(key, message, signature)


def _verifies_rsa(key: RsaKey, message: bytes, signature: bytes) -> bool:
    try:
        key.public.verify(signature, message, _SCHEMES[key.algorithm], SHA256())
    except InvalidSignature:
        return False
    return True


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


def _integer(value: int) -> str:
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
