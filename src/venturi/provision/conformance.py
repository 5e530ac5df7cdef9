"""What the conformance issuer publishes beside its own key: keys for RSA signatures, and keys that sign nothing.

Whoever examines the deployment is lent the private halves of them all, so only the deployment's care keeps tokens by a
key for encryption out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venturi.identity.jwk import public_jwk, public_rsa_jwk

Jwk: TypeAlias = dict[str, str | list[str]]
ALGORITHMS = ("ES256", "RS256", "PS256")


def published(curve_pem: str, rsa_pem: str) -> tuple[Jwk, ...]:
    """The JWKs of these private keys (PEM), P-256 and RSA. Raises TypeError when they are of another kind."""
    curve, modulus = (load_pem_private_key(pem.encode(), password=None) for pem in (curve_pem, rsa_pem))
    if not isinstance(curve, ec.EllipticCurvePrivateKey) or not isinstance(modulus, rsa.RSAPrivateKey):
        raise TypeError("not the keys of the conformance issuer")
    return (*_for_signatures(modulus.public_key()), *_for_other_uses(curve.public_key(), modulus.public_key()))


def _for_signatures(modulus: rsa.RSAPublicKey) -> Iterator[Jwk]:
    yield {**public_rsa_jwk(modulus, "RS256")}
    yield {**public_rsa_jwk(modulus, "PS256")}


def _for_other_uses(curve: ec.EllipticCurvePublicKey, modulus: rsa.RSAPublicKey) -> Iterator[Jwk]:
    """RFC 7517 sections 4.2 to 4.4: a use, operations or an algorithm that are not those of a signature."""
    point = {name: value for name, value in public_jwk(curve).items() if name not in ("use", "alg")}
    kid = point["kid"]
    yield {**point, "kid": f"{kid}.enc", "use": "enc"}
    yield {**point, "kid": f"{kid}.derive", "key_ops": ["deriveKey", "deriveBits"]}
    yield {**point, "kid": f"{kid}.agree", "use": "sig", "alg": "ECDH-ES"}
    yield {**public_rsa_jwk(modulus, "RS256"), "kid": f"{kid}.wrap", "use": "enc"}
