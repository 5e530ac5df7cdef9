"""Builds tokens octet for octet: no library decides what may be sent."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from tenantproof.clients.tokens import base64url

Json: TypeAlias = Mapping[str, Any] | bytes
"""A JSON object to be written compactly, or the octets that are to stand in its place. Any: a forgery may say all."""
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_HASHES: Mapping[str, HashAlgorithm] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}


def octets(value: Json) -> bytes:
    """The octets of a segment before they are encoded."""
    return value if isinstance(value, bytes) else json.dumps(dict(value), separators=(",", ":")).encode()


def signing_input(header: Json, payload: Json) -> str:
    """The two first segments and the dot between them (RFC 7515 section 5.1)."""
    return f"{base64url(octets(header))}.{base64url(octets(payload))}"


def compact(header: Json, payload: Json, signature: bytes) -> str:
    """A JWS in compact form with whatever signature."""
    return f"{signing_input(header, payload)}.{base64url(signature)}"


def mac(key: bytes, message: str | bytes, bits: str = "256") -> bytes:
    """The HMAC that HS256, HS384 or HS512 asks for."""
    return hmac.digest(key, message if isinstance(message, bytes) else message.encode(), f"sha{bits}")


def maced(header: Mapping[str, Any], payload: Json, key: bytes, bits: str = "256") -> str:
    """A token whose signature is an HMAC by `key`; its header says HS256, HS384 or HS512."""
    text = signing_input({**header, "alg": f"HS{bits}"}, payload)
    return f"{text}.{base64url(mac(key, text, bits))}"


def signed(header: Mapping[str, Any], payload: Json, key: PrivateKey) -> str:
    """A token signed by `key` with the algorithm that its header names.

    An RSA key makes a PS signature when the name begins so, and an RS signature otherwise.
    """
    text = signing_input(header, payload)
    return f"{text}.{base64url(sign(key, text.encode(), str(header.get('alg', ''))))}"


def sign(key: PrivateKey, message: bytes, algorithm: str = "") -> bytes:
    """A signature as a JWS carries it (RFC 7518 sections 3.3 to 3.5, RFC 8037)."""
    digest = _HASHES.get(algorithm[-3:], SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return key.sign(message, pss if algorithm.startswith("PS") else padding.PKCS1v15(), digest)
    length = (key.curve.key_size + 7) // 8
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(length, "big") + s.to_bytes(length, "big")


def jwk(key: PrivateKey) -> dict[str, Any]:
    """The public half as a JWK (RFC 7518 section 6, RFC 8037 section 2)."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(public.public_bytes_raw()), "use": "sig"}
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e), "use": "sig"}
    point = public.public_numbers()
    length = (public.curve.key_size + 7) // 8
    x, y = (base64url(each.to_bytes(length, "big")) for each in (point.x, point.y))
    return {"kty": "EC", "crv": f"P-{public.curve.key_size}", "x": x, "y": y, "use": "sig"}


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
