"""Readers with one gap each (families H to P): of key ids, arithmetic, extensions, structure, JSON and places."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from tenantproof.clients.exchange import Headers
from tenantproof.probes.forging import key_ids
from tenantproof.probes.forging.arithmetic import ORDERS
from tenantproof.probes.forging.extensions import HEADERS
from tests.probes.broken_seeing import Seen, lenient
from tests.probes.broken_verifiers import Gap

_MARKS = (b"\xff\xfe", b"\xfe\xff")


def leads_to(ident: str) -> Gap:
    """Looks the key up by a kid that it did not choose, and finds what the forger knew that it would."""
    known = [*key_ids.SHARED[ident][1]]

    def gap(s: Seen) -> bool:
        return any(type(s.kid) is type(kid) and s.kid == kid and (s.mac(secret) or s.by_own) for kid, secret in known)

    return gap


def ignores(ident: str) -> Gap:
    """Reads over members of the header that it should have stopped at."""
    variants = list(HEADERS[ident][2].values())

    def gap(s: Seen) -> bool:
        return (s.kept or s.by_own) and any(
            all(s.h.get(name, ...) == value for name, value in members.items()) for members in variants
        )

    return gap


def edited(*names: str) -> Gap:
    """Signs off the rest and forgets these claims."""

    def gap(s: Seen) -> bool:
        now, was = ({k: v for k, v in each.items() if k not in names} for each in (s.c, s.m.payload))
        return s.kept and s.segments[0] == s.m.base.segments[0] and now == was and bool(s.c) and s.c != s.m.payload

    return gap


def found_in(*headers: str) -> Gap:
    """Looks for a token in a place where none may stand, and believes what it finds."""

    def gap(s: Seen) -> bool:
        return any(name in headers and s.token in value for name, value in s.forgery.headers or ())

    return gap


KEY_IDS: dict[str, Gap] = {ident: leads_to(ident) for ident in key_ids.SHARED}
KEY_IDS |= {
    "J098": lambda s: isinstance(s.kid, str) and s.kid.partition("\0")[0] == "/dev/null" != s.kid and s.mac(b""),
    "J100": lambda s: isinstance(s.kid, str) and len(s.kid) > 1000 and s.mac(b""),
    "J101": lambda s: s.kid == s.m.other.header.get("kid") and (s.kept or not s.sig),
    "J102": lambda s: s.kid in s.m.withdrawn and (s.kept or not s.sig or s.mac(b"") or s.by(s.m.own.ec)),
    "J104": lambda s: (
        s.kept
        and isinstance(s.kid, str)
        and s.kid != s.m.header.get("kid")
        and s.kid.strip(" \0").lower() == str(s.m.header.get("kid")).lower()
    ),
}
ARITHMETIC: dict[str, Gap] = {
    "J105": lambda s: (
        str(s.alg) in ORDERS
        and bool(s.sig)
        and s.c == s.m.payload
        and not s.same_body | any(s.sig.replace(b"\x30\x06\x02\x01\x00\x02\x01\x00", b""))
    ),
    "J106": lambda s: (
        len(s.sig) == 64
        and {int.from_bytes(half, "big") % ORDERS["ES256"][1] for half in (s.sig[:32], s.sig[32:])}
        <= {0, 1, ORDERS["ES256"][1] - 1}
        and any(s.sig)
    ),
}
EXTENSIONS: dict[str, Gap] = {ident: ignores(ident) for ident in HEADERS}
EXTENSIONS |= {
    "J119": lambda s: "crit" in _dict(s.json.get("header")) and "signature" in s.json,
    "J120": lambda s: (
        s.h.get("b64") is False
        and "crit" in s.h
        and s.by(s.m.own.ec, s.segments[0].encode() + b"." + (s.body or _claims(s)))
    ),
    "J121": lambda s: s.h.get("b64") is False and "crit" not in s.h and (s.kept or s.mac(b"", _claims(s))),
    "J122": lambda s: s.h.get("zip") == "DEF" and _inflated(s.body) == s.m.payload,
    "J124": lambda s: s.h.get("zip") == "DEF" and len(_raw_inflated(s.body)) > 100_000,
}
STRUCTURES: dict[str, Gap] = {
    "J128": lambda s: s.json.keys() == {"payload", "protected", "signature"} and _protected(s).keys() >= {"typ"},
    "J129": lambda s: len(s.json.get("signatures", [])) > 1,
    "J130": lambda s: _dict(s.json.get("header")).get("alg") == "none" and "alg" in {**_protected(s), **_none(s)},
    "J131": lambda s: s.token.startswith("{") and s.token.count(".") >= 2 and "signature" in s.token,
    "J132": lambda s: s.h.get("cty") == "JWT" and _inner(s).get("alg") == "none",
    "J133": lambda s: s.h.get("cty") == "JWT" and _inner(s).get("alg") == "HS256",
    "J134": lambda s: s.n == 5 and s.alg == "ECDH-ES" and "y" in _dict(s.h.get("epk")) and bool(any(_epk(s))),
    "J135": lambda s: s.n == 5 and s.alg == "dir" and s.h.get("enc") == "A128GCM",
    "J136": lambda s: s.n == 5 and s.alg in {"RSA1_5", "RSA-OAEP", "A128KW"},
    "J137": lambda s: s.n == 5 and "p2c" in s.h,
    "J138": lambda s: s.n == 5 and s.alg == "ECDH-ES" and set(_epk(s)) in ({0}, {1}),
    "J139": lambda s: s.n == 5 and s.h.get("enc") == "A128CBC-HS256",
    "J140": lambda s: s.n == 3 and "enc" in s.h and (s.kept or not s.sig),
    "J141": lambda s: s.n == 3 and not s.segments[1] and (s.by(s.m.own.ec, _detached(s)) or not s.sig),
}
QUIRKS: dict[str, Gap] = {
    "J142": lambda s: s.head.count(b'"alg"') == 2 and b"none" in s.head and b'"x":{' not in s.head,
    "J143": lambda s: s.kept and len(_pairs(s.body)) > len(s.c) > 0,
    "J144": lambda s: s.head.strip(b"\xef\xbb\xbf \t\r\n\x0c\0") != s.head and s.head[:2] not in _MARKS,
    "J145": lambda s: b"\\u00" in s.head and s.alg == "none",
    "J146": lambda s: (b'\0"' in s.head or b'"\0' in s.head) or (s.kept and (b'"\0' in s.body or b'\0"' in s.body)),
    "J147": lambda s: any(name != "alg" and name.lower() == "alg" and s.h[name] == "none" for name in s.h),
    "J148": lambda s: not s.h and b"none" in s.head and b"alg" in s.head and s.n == 3 and s.head[:1] in b"{/",
    "J149": lambda s: _is_no_object(s.head) or (s.kept and _is_no_object(s.body)),
    "J150": lambda s: any({"__proto__", "constructor"} & each.keys() for each in (s.h, s.c)),
    "J151": lambda s: s.kept and any(each in s.body for each in (b"[[[[[[", b"9" * 99, b"NaN", b"Infinity", b"1e999")),
    "J152": lambda s: s.kept and (b"\\ud800" in s.body or b"\xff\xfe" in s.body),
}
EDITED: dict[str, Gap] = {
    "J158": edited("exp"),
    "J159": lambda s: edited("exp")(s) and "exp" not in s.c,
    "J160": lambda s: edited("exp")(s) and "exp" in s.c,
    "J162": edited("nbf"),
    "J163": edited("iat"),
    "J164": edited("iss"),
    "J165": lambda s: edited("iss")(s) and isinstance(s.c.get("iss"), list),
    "J166": edited("aud"),
    "J168": edited("sub"),
    "J170": edited("scope", "role", "roles", "is_admin"),
    "J171": lambda s: edited("tenant", "tenant_id", "org_id", "tid", "realm", "azp")(s) and "admin" in s.c.values(),
    "J172": lambda s: edited("tenant", "tenant_id")(s) and s.c.get("tenant", 1) in (None, "", "*", ["a", "b"]),
    "J173": edited("tenant_id", "org"),
    "J174": lambda s: edited("tenant", "tenant_id")(s) and s.c.get("tenant") in ("__system__", "default", 0, "root"),
    "J175": lambda s: s.kept and s.segments[0] == s.m.base.segments[0] and _juggled(s.c, s.m.payload),
    "J176": lambda s: edited("sub")(s) and any(each in str(s.c.get("sub")) for each in ("'", "../", "\r", "{{", "\0")),
}
PLACES: dict[str, Gap] = {
    "J186": lambda s: _scheme(s.forgery.headers).lower() == "bearer" and _scheme(s.forgery.headers) != "Bearer",
    "J187": lambda s: _value(s.forgery.headers).partition(" ")[0] in {"Basic", "Token", "JWT", "DPoP", "Negotiate"},
    "J188": lambda s: sum(name == "Authorization" for name, _ in s.forgery.headers or ()) == 2,
    "J189": lambda s: "access_token=" in s.forgery.query,
    "J190": found_in("Cookie"),
    "J191": lambda s: any(name == "Content-Type" for name, _ in s.forgery.headers or ()),
    "J192": lambda s: _value(s.forgery.headers).count(s.token) == 2,
    "J193": found_in("X-Forwarded-Access-Token", "X-Auth-Token", "X-Access-Token", "X-Forwarded-Authorization"),
    "J194": lambda s: _value(s.forgery.headers) in {"Bearer x", "Bearer null", "Bearer undefined", "Bearer a.b.c"},
}


def _value(headers: Headers | None) -> str:
    return next((value for name, value in headers or () if name == "Authorization"), "")


def _scheme(headers: Headers | None) -> str:
    value = _value(headers)
    return value[: 1 + len(value.rstrip()) - len(value.lstrip()) + 5].split(" ")[0] if "  " not in value else "bearer"


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _protected(s: Seen) -> Mapping[str, Any]:
    return _dict(_parsed(lenient(str(s.json.get("protected", "")))))


def _none(s: Seen) -> Mapping[str, Any]:
    return _dict(s.json.get("header"))


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return ...


def _is_no_object(data: bytes) -> bool:
    value = _parsed(data)
    return value is not ... and not isinstance(value, dict)


def _pairs(data: bytes) -> list[str]:
    found: list[str] = []

    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found[:] = [name for name, _ in pairs]
        return dict(pairs)

    try:
        json.loads(data, object_pairs_hook=hook)
    except (ValueError, RecursionError):
        return []
    return found


def _inner(s: Seen) -> Mapping[str, Any]:
    return _dict(_parsed(lenient(s.body.decode("latin-1").split(".")[0])))


def _epk(s: Seen) -> tuple[int, int]:
    epk = _dict(s.h.get("epk"))
    x, y = (int.from_bytes(lenient(str(epk.get(each, ""))), "big") for each in ("x", "y"))
    return x, y


def _claims(s: Seen) -> bytes:
    return json.dumps(dict(s.m.payload), separators=(",", ":")).encode()


def _detached(s: Seen) -> bytes:
    return ".".join(s.m.base.segments[:1]).encode() + b"." + _encoded(s)


def _encoded(s: Seen) -> bytes:
    from tenantproof.clients.tokens import base64url

    return base64url(_claims(s)).encode()


def _raw_inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data, -15)
    except zlib.error:
        return b""


def _inflated(data: bytes) -> object:
    return _parsed(_raw_inflated(data))


def _juggled(now: Mapping[str, Any], was: Mapping[str, Any]) -> bool:
    odd = [name for name in {*now, *was} if now.get(name, ...) != was.get(name, ...)]
    return len(odd) == 1 and now.get(odd[0], ...) in (None, True, False, 0, "")
