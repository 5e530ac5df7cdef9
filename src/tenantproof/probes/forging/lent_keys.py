"""Keys that an issuer lends, as its key set has them, and what only their holder can forge with them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tenantproof.clients.exchange import new_probe
from tenantproof.clients.redaction import one_line
from tenantproof.clients.secrets import reveal
from tenantproof.clients.tokens import Claims, Token, base64url, parse
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import LentHmac, LentKey
from tenantproof.probes.forging import arithmetic, catalogue, confused
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.issued import Lent
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import PrivateKey, jwk, sign, signing_input
from tenantproof.probes.forging.rsa_signatures import RawRsa, pkcs1, pss
from tenantproof.probes.forging.witness import witness_of

_ALMOST = {"RS256": ("J110", pkcs1), "PS256": ("J111", pss)}
"""Algorithm to the class of signatures that are almost its own."""
_VALID_SECONDS = 300


def read_lent(settings: LentKey, like: Token, key_set: Sequence[Claims], audience: str) -> Lent:
    """The lent keys with the good token that they make, in the likeness of a genuine one.

    `key_set` is the issuer's. Raises UsageError when a key is of another kind than it should be.
    """
    key = load_pem_private_key(reveal(settings.key, "tokens.test_key.key").encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UsageError("tokens.test_key.key is no P-256 private key; lend one that signs ES256")
    rsa_key = _read_rsa(settings)
    mine = _of(key, key_set)
    return Lent(
        tenant=settings.tenant,
        key=key,
        header={**like.header, "kid": next((each.get("kid") for each in mine if _signs(each, "ES256")), "")},
        claims=good_claims(settings, like),
        audience=audience,
        other_issuer=str(like.payload.get("iss", "")),
        other_kid=str(like.header.get("kid", "")),
        other_subject=str(like.payload.get("sub", "")),
        rsa_key=rsa_key,
        published=(*mine, *(_of(rsa_key, key_set) if rsa_key else ())),
        once=settings.one_time,
    )


def good_claims(settings: LentKey | LentHmac, like: Token) -> dict[str, Any]:  # Any: JSON
    """The claims of a good token of the lent key's issuer, in the likeness of a genuine one, valid from now."""
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + _VALID_SECONDS}
    named = {"iss": settings.issuer, "sub": settings.subject, "jti": new_probe(), **settings.claims}
    return {**like.payload, **{name: each for name, each in times.items() if name in like.payload}, **named}


def good_by_rsa(lent: Lent, *, fresh: bool = False) -> Iterator[tuple[str, str]]:
    """For each RSA algorithm that the issuer publishes the lent key for: its name and a token that must do.

    `fresh` gives each an id of its own; otherwise the same token is made each time.
    """
    if lent.rsa_key is None:
        return
    for algorithm, header in _headers(lent).items():
        text = signing_input(header, lent.fresh() if fresh else lent.claims)
        yield algorithm, f"{text}.{base64url(sign(lent.rsa_key, text.encode(), algorithm))}"


def signature_forgeries(lent: Lent) -> Iterator[Forgery]:
    """J110 and J111: signatures that are almost right. J113: right ones by keys that are there for something else."""
    if lent.rsa_key:
        raw = RawRsa(lent.rsa_key)
        for algorithm, token in good_by_rsa(lent):
            yield from _almost_signed(raw, algorithm, parse(token), lent.published)
    for key in lent.published:
        yield from _misused(lent, key)


def likened(lent: Lent) -> Iterator[Forgery]:
    """What forgers make of a genuine token by an RSA key and its public half, where other tokens are of a curve."""
    for algorithm, token in good_by_rsa(lent):
        material = rsa_material(lent, token)
        for each in catalogue.forge(material, (confused.FAMILY, arithmetic.FAMILY)):
            if witness_of(each.token, material.base, lent.published, (*_ALMOST, "ES256")).is_forgery:
                yield Forgery(each.klass, f"{each.name}, {algorithm}", each.token)


def rsa_material(lent: Lent, token: str) -> Material:
    """A good token by the RSA key as a forger has it: with one more for another time, and the published keys."""
    later = lent.edited(claims={"jti": new_probe()})
    return Material.in_own_name(parse(token), parse(later), lent.published)


def _almost_signed(raw: RawRsa, algorithm: str, good: Token, published: Sequence[Claims]) -> Iterator[Forgery]:
    """The good token under signatures that are almost its own, but for those that a witness takes for right."""
    klass, almost = _ALMOST[algorithm]
    text = good.text.rpartition(".")[0]
    for name, signature in almost(raw, text.encode()):
        token = f"{text}.{base64url(signature)}"
        if witness_of(token, good, published, (algorithm,)).is_forgery:
            yield Forgery(klass, name, token)


def _misused(lent: Lent, key: Claims) -> Iterator[Forgery]:
    """Tokens under the id of a published key, with algorithms that the key is not there for."""
    private: PrivateKey | None = lent.rsa_key if key.get("kty") == "RSA" else lent.key
    if private is None:
        return
    for algorithm in _ALMOST if key.get("kty") == "RSA" else ("ES256",):
        if not _signs(key, algorithm):
            text = signing_input({**lent.header, "alg": algorithm, "kid": key.get("kid", "")}, lent.claims)
            about = ", ".join(f"{name} {one_line(str(key[name]))}" for name in ("use", "key_ops", "alg") if name in key)
            name = f"{algorithm} by a key with {about}"
            yield Forgery("J113", name, f"{text}.{base64url(sign(private, text.encode(), algorithm))}")


def _headers(lent: Lent) -> dict[str, dict[str, Any]]:  # Any: JSON
    """RSA algorithm to the header of a good token, for those that a published key is there for."""
    found = {}
    for algorithm in _ALMOST:
        kids = [each.get("kid") for each in lent.published if each.get("kty") == "RSA" and _signs(each, algorithm)]
        if kids:
            found[algorithm] = {**lent.header, "alg": algorithm, "kid": kids[0]}
    return found


def _signs(key: Claims, algorithm: str) -> bool:
    """Whether a JWK is there for signatures with the algorithm (RFC 7517 sections 4.2 to 4.4)."""
    operations = key.get("key_ops", ["verify"])
    is_for_signatures = key.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    return is_for_signatures and key.get("alg", algorithm) == algorithm


def _of(key: PrivateKey, key_set: Sequence[Claims]) -> tuple[Claims, ...]:
    """The members of a key set that are the public half of a key, whatever they are said to be for."""
    half: Mapping[str, Any] = {name: value for name, value in jwk(key).items() if name in ("kty", "x", "y", "n", "e")}
    return tuple(each for each in key_set if half.items() <= dict(each).items())


def _read_rsa(settings: LentKey) -> rsa.RSAPrivateKey | None:
    if settings.rsa_key is None:
        return None
    key = load_pem_private_key(reveal(settings.rsa_key, "tokens.test_key.rsa_key").encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UsageError("tokens.test_key.rsa_key is no RSA private key; lend one that signs RS256 or PS256")
    return key
