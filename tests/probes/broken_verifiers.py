"""Verifiers with one gap each: what a tired programmer's verifier takes, besides genuine tokens (families A to G)."""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantproof.probes.forging import confused, weak_keys
from tenantproof.probes.forging.brought_keys import trusted_root
from tenantproof.probes.forging.published import published
from tests.probes.broken_seeing import Seen, lenient

Gap: TypeAlias = Callable[[Seen], bool]

WORDS = ("null", "undefined", "none")
ALIKE = str.maketrans("о", "o")  # noqa: RUF001  # that is the point


def differ_in(s: Seen, names: Iterable[str]) -> bool:
    """The header is genuine, and of the claims only these differ."""
    same = {name: each for name, each in s.c.items() if name not in names}
    return s.segments[0] == s.m.base.segments[0] and same == {
        name: each for name, each in s.m.payload.items() if name not in names
    }


def bits_off(s: Seen) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(s.sig, s.m.kept, strict=False)) if len(s.sig) == 64 else 99


def by_rendering(form: Callable[[Any], Iterable[tuple[str, bytes]]], *bits: str) -> Gap:
    """Takes the public key in one of its forms for a secret."""

    def gap(s: Seen) -> bool:
        return str(s.alg) in {f"HS{each}" for each in bits} and any(
            s.mac(secret) for key in s.m.named for _, secret in form(key)
        )

    return gap


def odd_alg(*values: object) -> Gap:
    """Skips what it does not understand, or goes on with what is there."""

    def gap(s: Seen) -> bool:
        known = any(type(s.alg) is type(value) and s.alg == value for value in values)
        return known and (not s.sig or s.kept or s.mac(b"", bits="256"))

    return gap


def brought(alg: str, kty: str) -> Gap:
    """Takes the key out of the token."""

    def gap(s: Seen) -> bool:
        key = s.h.get("jwk")
        return isinstance(key, dict) and key.get("kty") == kty and s.alg == alg and "kid" not in key and s.by_own

    return gap


def chained(s: Seen) -> list[bytes]:
    chain = s.h.get("x5c")
    try:
        return [base64.b64decode(each, validate=True) for each in chain] if isinstance(chain, list) else []
    except ValueError:
        return []


def leads_to_own(address: object) -> bool:
    """Whether the forger's key is what is published at an address."""
    if not isinstance(address, str) or not address.startswith("http://"):
        return False
    parts = urlsplit(address)
    said = published("", parts.path + (f"?{parts.query}" if parts.query else ""))
    return b'"kty"' in said.body


def by_certificate(s: Seen) -> bool:
    for der in chained(s):
        try:
            key = x509.load_der_x509_certificate(der).public_key()
        except ValueError:
            continue
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_bytes(*form) == s.m.own.ec.public_key().public_bytes(*form):
            return s.by(s.m.own.ec)
    return False


def named(s: Seen, *members: str) -> str:
    """The address that the header names in one of the members."""
    return next((str(s.h[name]) for name in members if name in s.h), "")


def follows(step: str, *members: str) -> Gap:
    """Fetches the key from where the token says, by way of one member."""
    return lambda s: f"/{step}/" in named(s, *members) and leads_to_own(named(s, *members)) and s.by(s.m.own.ec)


UNSIGNED: dict[str, Gap] = {
    "J001": lambda s: s.n == 3 and s.alg == "none" and not s.sigtext and s.plain,
    "J002": lambda s: s.alg != "none" and str(s.alg).lower() == "none" and str(s.alg).isascii() and not s.sigtext,
    "J003": lambda s: str(s.alg).lower() == "none" and s.kept and s.plain,
    "J004": lambda s: s.alg == "none" and bool(s.sig) and not s.kept and not s.mac(b"", bits="256"),
    "J005": lambda s: s.n == 2 and s.alg == "none",
    "J006": lambda s: s.alg != "none" and str(s.alg).strip(" \t\0") == "none",
    "J007": lambda s: not str(s.alg).isascii() and _folded(str(s.alg)) == "none",
    "J008": lambda s: s.h == {"alg": "none"} and not s.sig,
    "J009": lambda s: s.alg == "none" and s.mac(b"", bits="256"),
    "J010": lambda s: bool(s.h) and s.alg is ... and (s.kept or not s.sig) and s.h.keys() < s.m.header.keys(),
    "J011": lambda s: s.kept and not s.same_body and differ_in(s, s.m.other.payload),
    "J012": lambda s: s.n == 3 and not s.sigtext and s.same_body,
    "J013": lambda s: s.token == ".".join(s.m.base.segments[:2]),
    "J014": lambda s: s.same_body and s.sigtext in WORDS,
    "J015": lambda s: s.same_body and 0 < len(s.sig) < len(s.m.kept) and s.m.kept.startswith(s.sig),
    "J016": lambda s: s.same_body and len(s.sig) == 64 and not any(s.sig),
    "J017": lambda s: s.same_body and s.m.kept in s.sig and len(s.sig) > len(s.m.kept) and s.n == 3,
    "J018": lambda s: s.same_body and bits_off(s) == 1,
    "J019": lambda s: s.n == 4 and ".".join(s.segments[:3]) == s.m.base.text,
    "J020": lambda s: s.segments[-2:] == list(s.m.base.segments[1:]) and (s.n == 2 or not s.segments[0]),
    "J021": lambda s: s.n == 3 and not s.segments[1] and s.kept,
    "J022": lambda s: s.token in {"", "..", s.m.base.segments[0]},
    "J023": lambda s: s.segments[:2] == [s.m.base.segments[1], s.m.base.segments[0]],
    "J024": lambda s: s.by_own and s.h.keys() <= s.m.header.keys() and s.c == s.m.payload and s.kid in [_kid(s), ...],
    "J025": lambda s: s.by(s.m.own.ec, s.head + b"." + s.body),
    "J026": lambda s: s.same_body and s.sig in {s.m.other.signature, s.m.spare.signature if s.m.spare else b""},
    "J029": lambda s: s.plain and s.mac(b""),
    "J030": lambda s: s.plain and any(s.mac(bytes(length)) for length in (65, 128)),
    "J033": lambda s: s.plain and any(s.mac(word.encode()) for word in _words(s)),
    "J034": lambda s: s.plain and any(s.mac(word.encode()) for word in weak_keys.ABSENT),
    "J036": lambda s: (
        s.plain and any(s.mac(str(c.get(n)).encode()) for c in (s.m.payload, s.m.other.payload) for n in ("iss", "sub"))
    ),
}
CONFUSED: dict[str, Gap] = {
    "J037": by_rendering(confused.as_pem, "256"),
    "J038": by_rendering(confused.as_bare_pem, "256"),
    "J039": by_rendering(confused.as_crlf, "256"),
    "J040": by_rendering(confused.as_padded, "256"),
    "J041": by_rendering(confused.as_der, "256"),
    "J046": by_rendering(confused.as_jwk, "256"),
    "J047": lambda s: any(s.mac(text.encode()) for text in _key_sets(s)),
    "J048": by_rendering(confused.renderings, "384", "512"),
    "J050": by_rendering(confused.as_point, "256"),
    "J051": lambda s: any(s.mac(secret) for secret in _of_the_server(s)),
    "J052": odd_alg(""),
    "J053": odd_alg(None),
    "J054": odd_alg(" HS256 ", "\tHS256", "HS256\0", "HS256\n"),
    "J055": odd_alg("hs256", "es256", "Hs256"),
    "J056": odd_alg(["none", "HS256"], ["HS256"], ["none"], []),
    "J057": odd_alg({}, 0, 1, True, False, {"alg": "none"}),
    "J058": odd_alg("HS1", "MD5", "tenantproof"),
    "J059": odd_alg("HS256,none", "none,HS256", "HS256 none"),
    "J060": odd_alg("dir", "RSA-OAEP", "A128KW"),
    "J061": odd_alg("RS1", "NONE256", "HS256none"),
    "J062": lambda s: s.plain and s.kept and str(s.alg) in {"RS256", "PS256", "ES384", "EdDSA", "HS256", "ES256K"},
    "J064": lambda s: (
        s.json.get("header", {}).get("alg") in {"none", "HS256"}
        and "alg" not in _object(s.json.get("protected"))
        and "protected" in s.json
    ),
}
BROUGHT: dict[str, Gap] = {
    "J065": brought("RS256", "RSA"),
    "J066": brought("ES256", "EC"),
    "J067": lambda s: _jwk(s).get("kty") == "oct" and s.mac(lenient(str(_jwk(s).get("k", "")))),
    "J068": brought("EdDSA", "OKP"),
    "J069": lambda s: "jwk" in s.h and not _jwk(s).get("kty") and (not s.sig or s.mac(b"")),
    "J070": lambda s: _jwk(s).get("kid") == _kid(s) and s.by(s.m.own.ec),
    "J071": lambda s: bool({"jwks", "keys"} & s.h.keys()) and s.by(s.m.own.ec),
    "J072": brought("PS256", "RSA"),
    "J073": lambda s: "x5t" not in s.h and by_certificate(s),
    "J074": lambda s: "x5c" in s.h and not by_certificate(s) and s.by(s.m.own.ec),
    "J075": lambda s: s.h.get("x5t#S256") == _thumbprint(s) and s.by(s.m.own.ec),
    "J076": lambda s: trusted_root().public_bytes(Encoding.DER) in chained(s) and by_certificate(s),
    "J077": follows("J077", "jku"),
    "J078": follows("J078", "jku"),
    "J079": lambda s: str(s.h.get("jku")).startswith(str(s.m.payload.get("iss"))) and s.by(s.m.own.ec),
    "J080": lambda s: (
        urlsplit(str(s.m.payload.get("iss"))).netloc in _unquoted(s.h.get("jku"))
        and not str(s.h.get("jku")).startswith(str(s.m.payload.get("iss")))
        and "/J080" in str(s.h.get("jku"))
        and s.by(s.m.own.ec)
    ),
    "J081": lambda s: str(s.h.get("jku")).startswith("file:///dev/null") and s.mac(b""),
    "J082": lambda s: "/J082/" in str([*s.h.values()]),
    "J083": lambda s: "/J083/" in str(s.h.get("x5u")) and s.by(s.m.own.ec),
    "J084": lambda s: ("/redirect/" in str(s.h.get("x5u")) or "file:" in str(s.h.get("x5u"))) and s.by(s.m.own.ec),
    "J085": lambda s: "/J085" in str(s.c.get("iss")) and s.by(s.m.own.ec),
    "J086": lambda s: "/J086/" in str([*s.h.values(), *s.c.values()]) and s.by(s.m.own.ec),
    "J087": lambda s: "/J087/" in str(s.kid) and (s.by(s.m.own.ec) or s.mac(b"")),
}


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(ALIKE))
    return "".join(each for each in plain if not unicodedata.combining(each))


def _kid(s: Seen) -> object:
    return s.m.header.get("kid")


def _words(s: Seen) -> list[str]:
    return [*weak_keys.deployment_words(s.m).values(), *weak_keys.DEFAULTS]


def _key_sets(s: Seen) -> list[str]:
    keys = {"keys": [dict(key) for key in s.m.keys]}
    return [json.dumps(keys), json.dumps(keys, separators=(",", ":"))]


def _jwk(s: Seen) -> dict[str, Any]:
    key = s.h.get("jwk")
    return key if isinstance(key, dict) else {}


def _object(text: object) -> dict[str, Any]:
    try:
        value = json.loads(lenient(str(text)))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _of_the_server(s: Seen) -> list[bytes]:
    """What an operator may have copied from the server's certificate into the place of a secret."""
    key = x509.load_der_x509_certificate(s.m.certificate).public_key()
    return [s.m.certificate, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)]


def _thumbprint(s: Seen) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(s.m.own.certificate).digest()).rstrip(b"=").decode()


def _unquoted(address: object) -> str:
    from urllib.parse import unquote

    return unquote(str(address))
