"""Tokens that an issuer signed and that say what no token may: made where an issuer lends its key.

The signature is right; whoever refuses one has looked at what it says. What a verifier may take by policy (a clock a
few minutes off, an audience among others) is not among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA384

from tenantproof.clients.exchange import new_probe
from tenantproof.clients.tokens import Claims, base64url
from tenantproof.model.profile import OneTime
from tenantproof.probes.forging.extensions import HEADERS
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.material import changed
from tenantproof.probes.forging.raw import octets, sign

_HOUR = 3600
_FAR = 4_102_444_800
"""Seconds since the epoch in 2100."""
_TYPES = {"J125", "J126", "J127"}
Edits: TypeAlias = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, repr=False)
class Lent:
    """A lent key, and the good token that it makes: header, claims, and whom another issuer vouches for.

    `tenant` is whom its subject belongs to. `rsa_key` is one more, of the same issuer; `published` are the members of
    its key set that are halves of either. `once` says which of its tokens are for one use, None if none is.
    """

    tenant: str
    key: ec.EllipticCurvePrivateKey
    header: Mapping[str, Any]  # Any: JSON
    claims: Mapping[str, Any]  # Any: JSON
    audience: str
    other_issuer: str
    other_kid: str
    other_subject: str
    rsa_key: rsa.RSAPrivateKey | None = None
    published: tuple[Claims, ...] = ()
    once: OneTime | None = None

    def fresh(self) -> dict[str, Any]:
        """The claims of a token that nobody has seen; where all tokens are for one use, none else would do."""
        named = {"jti", self.once.claim if self.once else "jti"}
        return {**self.claims, **{name: new_probe() for name in named}}

    def good(self) -> str:
        """A token that must do."""
        return self.sign(self.header, self.fresh())

    def edited(self, header: Mapping[str, object] | None = None, claims: Mapping[str, object] | None = None) -> str:
        """A token with members changed, well signed; an ellipsis takes a member out."""
        return self.sign(changed(self.header, header or {}), changed(self.fresh(), claims or {}))

    def sign(self, header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes) -> str:
        """Any header and claims, with the lent key's ES256 signature."""
        text = f"{base64url(octets(header))}.{base64url(octets(claims))}"
        return f"{text}.{base64url(sign(self.key, text.encode(), 'ES256'))}"


def issued(lent: Lent) -> Iterator[Forgery]:
    """Every token of these kinds, class by class."""
    for ident, edits in _claims(lent, time.time()).items():
        for name, claims in edits.items():
            yield Forgery(ident, f"{name}, signed", lent.edited(claims=claims))
    for ident, (_, _, variants) in HEADERS.items():
        # Whether typ matters is for RFC 9068 to say, and so only where the good token follows it.
        if ident not in _TYPES or (ident != "J127" and lent.header.get("typ") == "at+jwt"):
            for name, members in variants.items():
                yield Forgery(ident, f"{name}, signed", lent.edited(members))
    for ident, name, make in _OTHERS:
        yield Forgery(ident, f"{name}, signed", make(lent))


def boundaries(now: float) -> Mapping[str, Mapping[str, object]]:
    """Claims at the edges of time, from which a verifier's leeway can be read; none of them is wrong by itself."""
    ended = {f"exp {seconds} s ago": {"exp": int(now) - seconds, "iat": int(now) - _HOUR} for seconds in (1, 4, 6, 61)}
    early = {f"nbf in {seconds} s": {"nbf": int(now) + seconds} for seconds in (4, 61, 301)}
    return {**ended, **early, "exp in 2 s": {"exp": int(now) + 2}}


def _claims(lent: Lent, now: float) -> dict[str, Edits]:
    issuer, audience, moment = str(lent.claims["iss"]), lent.audience, int(now)
    return {
        "J158": {"exp a day ago": {"exp": moment - 24 * _HOUR, "iat": moment - 25 * _HOUR, "nbf": ...}},
        "J159": {"exp removed": {"exp": ...}},
        "J160": {f"exp {value!r}": {"exp": value} for value in (str(_FAR), None, True, [_FAR], {"n": _FAR}, -1, 0, "")},
        "J161": {"exp an hour ago": {"exp": moment - _HOUR, "iat": moment - 2 * _HOUR, "nbf": ...}},
        "J162": {"nbf in an hour": {"nbf": moment + _HOUR}, "nbf in words": {"nbf": "tomorrow"}},
        "J164": {
            "iss removed": {"iss": ...},
            "iss and a slash": {"iss": f"{issuer}/"},
            "iss in capitals": {"iss": issuer.upper()},
            "iss and more": {"iss": f"{issuer}.keys.invalid"},
            "iss cut short": {"iss": issuer[:-1]},
            "iss null": {"iss": None},
            "iss of another issuer": {"iss": lent.other_issuer, "sub": lent.other_subject},
        },
        "J165": {
            "iss an array": {"iss": [issuer]},
            "iss an array of both": {"iss": ["https://elsewhere.invalid", issuer]},
        },
        "J166": {
            "aud removed": {"aud": ...},
            "aud empty": {"aud": ""},
            "aud an empty array": {"aud": []},
            "aud a star": {"aud": "*"},
            "aud null": {"aud": None},
            "aud and more": {"aud": f"{audience}.elsewhere.invalid"},
            "aud cut short": {"aud": audience[:-1]},
            "aud inside of another": {"aud": f"https://elsewhere.invalid/?{audience}"},
            "aud others": {"aud": ["https://elsewhere.invalid", f"{audience}/other"]},
            "aud the name of a member": {"aud": {audience: True}},
            "aud in capitals": {"aud": audience.upper()},
        },
        # A token that is bound to a key is no bearer token (RFC 9449 section 7.2, RFC 8705 section 3).
        "J177": {
            "bound to a DPoP key": {"cnf": {"jkt": base64url(bytes(32))}},
            "bound to a certificate": {"cnf": {"x5t#S256": base64url(bytes(32))}},
        },
        "J168": {f"sub {value!r}": {"sub": value} for value in (None, 0, "", ["a"], True, "admin", "*")}
        | {"sub removed": {"sub": ...}, "sub and a blank": {"sub": f"{lent.claims['sub']} "}},
    }


def _with_other_kid(lent: Lent) -> str:
    return lent.edited({"kid": lent.other_kid}, {"iss": lent.other_issuer, "sub": lent.other_subject})


def _wider(lent: Lent) -> str:
    """ES384 by a key of another curve: one algorithm to a key."""
    text = f"{base64url(octets({**lent.header, 'alg': 'ES384'}))}.{base64url(octets(lent.claims))}"
    r, s = utils.decode_dss_signature(lent.key.sign(text.encode(), ec.ECDSA(SHA384())))
    return f"{text}.{base64url(r.to_bytes(48, 'big') + s.to_bytes(48, 'big'))}"


def _unencoded(lent: Lent) -> str:
    """RFC 7797: the signature is over the payload itself, which a JWT forbids."""
    head = base64url(octets({**lent.header, "b64": False, "crit": ["b64"]}))
    claims = octets(lent.claims)
    return f"{head}.{base64url(claims)}.{base64url(sign(lent.key, head.encode() + b'.' + claims, 'ES256'))}"


def _nested(lent: Lent) -> str:
    """A good token inside of another: what it says is not what the outer one says."""
    return lent.sign({**lent.header, "cty": "JWT"}, lent.good().encode())


def _alg_twice(lent: Lent) -> str:
    return lent.sign(octets(lent.header)[:-1] + b',"alg":"none"}', lent.claims)


_OTHERS: tuple[tuple[str, str, Callable[[Lent], str]], ...] = (
    ("J101", "kid of another issuer's key", _with_other_kid),
    ("J063", "ES384 by a P-256 key", _wider),
    ("J055", "alg in lower case", lambda lent: lent.edited({"alg": "es256"})),
    ("J056", "alg an array", lambda lent: lent.edited({"alg": ["ES256"]})),
    ("J062", "alg ES256K", lambda lent: lent.edited({"alg": "ES256K"})),
    ("J010", "alg missing", lambda lent: lent.edited({"alg": ...})),
    ("J120", "b64 false with crit", _unencoded),
    ("J132", "a token inside of a token", _nested),
    ("J142", "alg none last", _alg_twice),
    ("J149", "claims an array", lambda lent: lent.sign(lent.header, b"[]")),
    ("J151", "exp NaN", lambda lent: lent.sign(lent.header, octets(lent.claims)[:-1] + b',"exp":NaN}')),
    ("J151", "exp 1e999", lambda lent: lent.sign(lent.header, octets(lent.claims)[:-1] + b',"exp":1e999}')),
)
