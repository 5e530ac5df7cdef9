"""Family F: the token brings the key along that is to verify it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tenantproof.clients.tokens import base64url
from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import PrivateKey, compact, jwk, maced, signed

FAMILY = Family("F", "brought key")
_VIOLATES = "RFC 8725 3.10, 2.9; RFC 7515 4.1.3; CVE-2018-0114"


def _with_jwk(material: Material, algorithm: str, key: PrivateKey, **more: object) -> str:
    """A token whose header holds the key that signed it. `more` are members of the JWK."""
    return signed(material.head(alg=algorithm, jwk={**jwk(key), **more}), material.payload, key)


@FAMILY.of("J065", "an RSA key in jwk", _VIOLATES)
def _rsa_key(material: Material) -> Variants:
    yield "", _with_jwk(material, "RS256", material.own.rsa)


@FAMILY.of("J066", "a curve's key in jwk", _VIOLATES)
def _ec_key(material: Material) -> Variants:
    yield "", _with_jwk(material, "ES256", material.own.ec)


@FAMILY.of("J067", "a symmetric key in jwk", _VIOLATES)
def _symmetric_key(material: Material) -> Variants:
    secret = b"a secret that everybody can read"
    header = material.head(jwk={"kty": "oct", "k": base64url(secret)})
    yield "", maced(header, material.payload, secret)


@FAMILY.of("J068", "an Ed25519 key in jwk", _VIOLATES)
def _ed_key(material: Material) -> Variants:
    yield "", _with_jwk(material, "EdDSA", material.own.ed)


@FAMILY.of("J069", "next to nothing in jwk", _VIOLATES)
def _empty_key(material: Material) -> Variants:
    values: Mapping[str, object] = {"an empty jwk": {}, "jwk null": None, "jwk without kty": {"k": ""}}
    for name, value in values.items():
        yield f"{name}, no signature", compact(material.head(jwk=value), material.payload, b"")
        yield f"{name}, HMAC by the empty key", maced(material.head(jwk=value), material.payload, b"")


@FAMILY.of("J070", "a key in jwk under the issuer's kid", _VIOLATES)
def _under_the_kid(material: Material) -> Variants:
    yield "", _with_jwk(material, "ES256", material.own.ec, kid=material.header.get("kid", ""))


@FAMILY.of("J071", "a key set in the header", _VIOLATES)
def _key_set(material: Material) -> Variants:
    kid = material.header.get("kid", "")
    keys = [{**jwk(material.own.ec), "kid": kid, "alg": "ES256"}]
    for name, value in (("jwks", {"keys": keys}), ("keys", keys)):
        yield (
            f"a key set in {name}",
            signed(material.head(alg="ES256", **{name: value}), material.payload, material.own.ec),
        )


@FAMILY.of("J072", "an RSA key in jwk with PS256", _VIOLATES)
def _pss_key(material: Material) -> Variants:
    yield "", _with_jwk(material, "PS256", material.own.rsa)


def _chained(material: Material, **members: Any) -> str:  # noqa: ANN401  # whatever a header may hold
    return signed(material.head(alg="ES256", **members), material.payload, material.own.ec)


@FAMILY.of("J073", "a certificate of its own in x5c", "RFC 7515 4.1.6; RFC 8725 3.10")
def _certificate(material: Material) -> Variants:
    yield "", _chained(material, x5c=[base64.b64encode(material.own.certificate).decode()])


@FAMILY.of("J074", "something else in x5c", "RFC 7515 4.1.6")
def _malformed_certificate(material: Material) -> Variants:
    armoured = base64.encodebytes(material.own.certificate).decode()
    yield (
        "a PEM in x5c",
        _chained(material, x5c=[f"-----BEGIN CERTIFICATE-----\n{armoured}-----END CERTIFICATE-----\n"]),
    )
    yield "no certificate in x5c", _chained(material, x5c=["AAAA"])
    yield "x5c a string", _chained(material, x5c=base64.b64encode(material.own.certificate).decode())


@FAMILY.of("J075", "a certificate of its own with its thumbprints", "RFC 7515 4.1.7, 4.1.8")
def _thumbprints(material: Material) -> Variants:
    der = material.own.certificate
    prints = {
        "x5t": base64url(hashlib.sha1(der).digest()),  # noqa: S324  # RFC 7515 says SHA-1
        "x5t#S256": base64url(hashlib.sha256(der).digest()),
    }
    yield "with x5c", _chained(material, x5c=[base64.b64encode(der).decode()], **prints)
    yield "without x5c", _chained(material, **prints)


@FAMILY.of("J076", "a leaf of its own under a trusted root", "RFC 7515 4.1.6; RFC 5280")
def _under_a_root(material: Material) -> Variants:
    root = trusted_root()
    named = material.own.certified(root.subject)
    chains = {"that names it": [named], "that does not": [material.own.certificate], "twice": [named, named]}
    for name, leaves in chains.items():
        chain = [*leaves, root.public_bytes(Encoding.DER)]
        yield f"a leaf {name}, and a root", _chained(material, x5c=[base64.b64encode(each).decode() for each in chain])


@cache
def trusted_root() -> x509.Certificate:
    """The shortest of the roots that everybody trusts, from the bundle of certifi."""
    begin, bundle = "-----BEGIN CERTIFICATE-----", Path(certifi.where()).read_text(encoding="utf-8")
    # Some of the others have serial numbers that their reader warns of.
    return x509.load_pem_x509_certificate((begin + min(bundle.split(begin)[1:], key=len)).encode())
