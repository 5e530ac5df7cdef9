"""Forgeries: tokens that a correct verifier refuses, each made from a genuine one.

Class numbers (J001 and so on) are those of the catalogue of token forgeries; the references are to RFC 7515 (JWS),
RFC 7519 (JWT) and RFC 8725 (best current practices).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantproof.clients.tokens import Claims, Token, base64url
from tenantproof.probes.public_keys import public_key

_NONE = ("none", "None", "NONE", "nOnE")
_ELSEWHERE = "https://keys.invalid/jwks"
"""RFC 2606 reserves .invalid: nobody is ever contacted under it."""


@dataclass(frozen=True, repr=False)
class Forgery:
    """A forged token: its class, what was done, and the text that goes into the Authorization header."""

    name: str
    family: str
    token: str


@dataclass(frozen=True, repr=False)
class Material:
    """What forgeries are made of: a token to imitate, another genuine one, and the public keys of the first's issuer.

    `kept` is the signature that a forger has at hand: the imitated token's own, or, when that token is somebody
    else's, the one of his own token, which is then `other`.
    """

    base: Token
    other: Token
    kept: bytes
    keys: tuple[Claims, ...]
    own_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def in_own_name(cls, own: Token, other: Token, keys: tuple[Claims, ...]) -> Material:
        """A forger changes his own token; `keys` are those of its issuer."""
        return cls(own, other, own.signature, keys)

    @classmethod
    def in_anothers_name(cls, own: Token, victim: Token, keys: tuple[Claims, ...]) -> Material:
        """A forger knows what the victim's token says, and the victim's issuer's public `keys`; not its signature."""
        return cls(victim, own, own.signature, keys)


def of_families(material: Material, families: Iterable[str]) -> tuple[Forgery, ...]:
    """Every forgery of the named families that can be made of the material. None of them is a genuine token."""
    made = tuple(forgery for family in families for forgery in FAMILIES[family](material))
    genuine = {material.base.text, material.other.text}
    assert not genuine & {forgery.token for forgery in made}, "a forgery that is genuine proves nothing"
    return made


def unsigned(material: Material) -> Iterator[Forgery]:
    """No algorithm, in every spelling, with and without what is left of a signature (J001 to J005, J010)."""
    kept = base64url(material.kept)
    for spelling in _NONE:
        header = {**material.base.header, "alg": spelling}
        yield _forged(f"alg {spelling}, no signature", "unsigned", header, material.base.payload, "")
        yield _forged(f"alg {spelling}, the signature kept", "unsigned", header, material.base.payload, kept)
    bare = _signing_input({"alg": "none"}, material.base.payload)
    yield Forgery("alg none and nothing else in the header", "unsigned", f"{bare}.")
    yield Forgery("alg none in two segments", "unsigned", bare)
    without = {name: value for name, value in material.base.header.items() if name != "alg"}
    yield _forged("alg missing", "unsigned", without, material.base.payload, kept)
    yield _forged("alg padded with a space", "unsigned", {**without, "alg": "none "}, material.base.payload, "")


def damaged(material: Material) -> Iterator[Forgery]:
    """The signature removed, damaged or not that of the payload (J011 to J019)."""
    signature, kept = material.kept, base64url(material.kept)
    body = ".".join(material.base.segments[:2])
    yield Forgery("empty signature", "damaged", f"{body}.")
    yield Forgery("signature cut off with its dot", "damaged", body)
    yield Forgery("signature of zeros", "damaged", f"{body}.{base64url(bytes(len(signature)))}")
    yield Forgery("signature cut in half", "damaged", f"{body}.{base64url(signature[: len(signature) // 2])}")
    yield Forgery("signature longer by an octet", "damaged", f"{body}.{base64url(signature + bytes(1))}")
    for place, name in ((0, "first"), (len(signature) - 1, "last")):
        flipped = bytes(octet ^ (index == place) for index, octet in enumerate(signature))
        yield Forgery(f"a bit of the {name} octet of the signature flipped", "damaged", f"{body}.{base64url(flipped)}")
    yield Forgery("the signature of another token", "damaged", f"{body}.{base64url(material.other.signature)}")
    yield Forgery("a fourth segment", "damaged", f"{body}.{kept}.{kept}")
    yield Forgery("header and payload swapped", "damaged", ".".join([*reversed(body.split(".")), kept]))


def tampered(material: Material) -> Iterator[Forgery]:
    """Claims changed under the old signature (J011): each of those that a verifier goes by."""
    payload, issuer = material.base.payload, material.other.payload.get("iss")
    changes: dict[str, Callable[[], Claims]] = {
        "scope widened": lambda: {**payload, "scope": "admin attributions:read attributions:write audit:read"},
        "exp a day later": lambda: {**payload, "exp": _later(payload.get("exp"))},
        "exp removed": lambda: _without(payload, "exp"),
        "aud removed": lambda: _without(payload, "aud"),
        "aud somebody else": lambda: {**payload, "aud": "https://elsewhere.invalid"},
        "iss removed": lambda: _without(payload, "iss"),
        "iss another tenant's": lambda: {**payload, "iss": issuer},
        "sub another tenant's": lambda: {**payload, "sub": material.other.payload.get("sub")},
        "a tenant claim added": lambda: {**payload, "tenant": "admin", "tenant_id": "admin", "org_id": "admin"},
    }
    kept = base64url(material.kept)
    for name, change in changes.items():
        if (changed := change()) != payload:
            yield _forged(name, "tampered", material.base.header, changed, kept)
    yield Forgery("claims twice, the second one other", "tampered", _twice(material, kept))


def confused(material: Material) -> Iterator[Forgery]:
    """The public key used as a shared secret (J037 to J050) and the empty key (J029)."""
    header = {**material.base.header, "alg": "HS256"}
    signing_input = _signing_input(header, material.base.payload)
    yield Forgery("HS256 with an empty key", "confused", f"{signing_input}.{_hs256(b'', signing_input)}")
    for key in _candidates(material):
        for form, octets in _renderings(key):
            name = f"HS256 with the public key as {form}"
            yield Forgery(name, "confused", f"{signing_input}.{_hs256(octets, signing_input)}")


def own_keyed(material: Material) -> Iterator[Forgery]:
    """Signed with a key of our own, and a header that says where to find it (J024, J065 to J076 and family G)."""
    key = material.own_key
    jwk = _jwk(key)
    base = {**material.base.header, "alg": "ES256"}
    headers: dict[str, Mapping[str, object]] = {
        "a key of its own": base,
        "a key of its own and no kid": _without(base, "kid"),
        "jwk in the header": {**base, "jwk": jwk},
        "jwk in the header under the issuer's kid": {**base, "jwk": {**jwk, "kid": base.get("kid", "")}},
        "jku elsewhere": {**base, "jku": _ELSEWHERE},
        "x5u elsewhere": {**base, "x5u": _ELSEWHERE},
        "kid a path": {**base, "kid": "../../../../dev/null"},
        "kid a URL": {**base, "kid": _ELSEWHERE},
        "kid a query": {**base, "kid": "x' UNION SELECT 'key"},
        "kid unknown": {**base, "kid": "nobody"},
        "crit unknown": {**base, "crit": ["isolation"], "isolation": True},
    }
    for name, header in headers.items():
        yield _signed(name, "own key", header, material.base.payload, key)
    empty = _signing_input({**base, "alg": "HS256", "kid": "/dev/null"}, material.base.payload)
    yield Forgery("kid /dev/null and HS256 with an empty key", "own key", f"{empty}.{_hs256(b'', empty)}")
    yield _signed("typ of an id token", "own key", {**base, "typ": "JWT"}, material.base.payload, key)
    asking = {**material.base.header, "crit": ["isolation"], "isolation": True}
    kept = base64url(material.kept)
    yield _forged("crit unknown under the old signature", "own key", asking, material.base.payload, kept)


def _forged(name: str, family: str, header: Claims, payload: Claims, signature: str) -> Forgery:
    return Forgery(name, family, f"{_signing_input(header, payload)}.{signature}")


def _signed(name: str, family: str, header: Claims, payload: Claims, key: ec.EllipticCurvePrivateKey) -> Forgery:
    signing_input = _signing_input(header, payload)
    r, s = utils.decode_dss_signature(key.sign(signing_input.encode(), ec.ECDSA(SHA256())))
    return Forgery(name, family, f"{signing_input}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}")


def _signing_input(header: Claims, payload: Claims) -> str:
    return ".".join(base64url(json.dumps(each, separators=(",", ":")).encode()) for each in (header, payload))


def _twice(material: Material, signature: str) -> str:
    """Every claim twice, the second time as the other tenant's token has it: parsers differ in which one they take."""
    once = json.dumps(dict(material.base.payload), separators=(",", ":"))
    again = json.dumps(dict(material.other.payload), separators=(",", ":"))
    payload = f"{once[:-1]},{again[1:]}"
    return f"{material.base.segments[0]}.{base64url(payload.encode())}.{signature}"


def _hs256(key: bytes, signing_input: str) -> str:
    return base64url(hmac.new(key, signing_input.encode(), hashlib.sha256).digest())


def _candidates(material: Material) -> tuple[Claims, ...]:
    """The issuer's keys that the genuine token may have been signed with."""
    kid = material.base.header.get("kid")
    named = tuple(key for key in material.keys if key.get("kid") == kid)
    return named or material.keys


def _renderings(jwk: Claims) -> Iterator[tuple[str, bytes]]:
    """The public key in the forms that a careless verifier may hand to an HMAC."""
    yield "JWK", json.dumps(dict(jwk)).encode()
    yield "JWK without spaces", json.dumps(dict(jwk), separators=(",", ":")).encode()
    yield "sorted JWK", json.dumps(dict(jwk), separators=(",", ":"), sort_keys=True).encode()
    key = public_key(jwk)
    if key is None:
        return
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "PEM", pem
    yield "PEM without its last line break", pem.strip()
    yield "DER", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    x, y = (base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256"}


def _without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


def _later(moment: object) -> object:
    return moment + 86_400 if isinstance(moment, int | float) else 4_102_444_800


FAMILIES: Mapping[str, Callable[[Material], Iterator[Forgery]]] = {
    "unsigned": unsigned,
    "damaged": damaged,
    "tampered": tampered,
    "confused": confused,
    "own key": own_keyed,
}
"""All families, by the name that their forgeries carry."""
