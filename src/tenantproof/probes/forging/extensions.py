"""Family J: crit, b64, zip, typ and cty: what a token asks of its reader."""

from __future__ import annotations

import zlib

from tenantproof.clients.tokens import base64url
from tenantproof.probes.forging.families import Family, Maker, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact, mac, octets, sign, signed

FAMILY = Family("J", "extension")
_CRIT = "RFC 7515 4.1.11"
HEADERS: dict[str, tuple[str, str, dict[str, dict[str, object]]]] = {
    "J114": (
        "crit unknown",
        f"{_CRIT}; CVE-2025-59420",
        {
            "crit unknown": {"crit": ["isolation"], "isolation": True},
            "crit unknown and dotted": {"crit": ["http://keys.invalid/x"], "http://keys.invalid/x": 1},
        },
    ),
    "J115": ("crit empty", _CRIT, {"crit empty": {"crit": []}}),
    "J116": ("crit of a registered member", _CRIT, {"crit alg": {"crit": ["alg"]}, "crit typ": {"crit": ["typ"]}}),
    "J117": ("crit of an absent member", _CRIT, {"crit absent": {"crit": ["absent"]}}),
    "J118": (
        "crit malformed",
        _CRIT,
        {
            "crit twice": {"crit": ["isolation", "isolation"], "isolation": 1},
            "crit a string": {"crit": "isolation", "isolation": 1},
            "crit an object": {"crit": {}},
        },
    ),
    "J123": ("zip unknown", "RFC 7516 4.1.3", {"zip GZIP": {"zip": "GZIP"}, "zip an array": {"zip": ["DEF"]}}),
    "J125": (
        "typ missing or misspelt",
        "RFC 8725 3.11",
        {
            "typ missing": {"typ": ...},
            "typ JOSE": {"typ": "JOSE"},
            "typ with a NUL": {"typ": "at+jwt\0"},
            "typ a number": {"typ": 1},
            "typ an array": {"typ": ["at+jwt"]},
        },
    ),
    "J126": (
        "typ of another kind of token",
        "RFC 8725 3.11, 3.12; RFC 9068 4",
        {
            f"typ {kind}": {"typ": kind}
            for kind in ("JWT", "id_token", "refresh", "logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt")
        },
    ),
    "J127": ("cty of what it is not", "RFC 7519 5.2", {"cty JWT": {"cty": "JWT"}, "cty XML": {"cty": "text/xml"}}),
}
"""Members that the header gets, by variant, by class: unsigned here, and signed where an issuer lends its key."""


def _maker(variants: dict[str, dict[str, object]]) -> Maker:
    def make(material: Material) -> Variants:
        for name, members in variants.items():
            header = material.head(**members)
            if header == material.header:
                continue
            yield f"{name}, the signature kept", material.kept_under(header)
            yield f"{name}, a key of its own", signed(header, material.payload, material.key_of(material.algorithm))

    return make


for _ident, (_name, _violates, _variants) in HEADERS.items():
    FAMILY.of(_ident, _name, _violates)(_maker(_variants))


@FAMILY.of("J119", "crit in an unprotected header", _CRIT)
def _unprotected_crit(material: Material) -> Variants:
    payload, kept = base64url(octets(material.payload)), base64url(material.kept)
    value = {
        "payload": payload,
        "protected": base64url(octets(material.header)),
        "header": {"crit": ["isolation"], "isolation": True},
        "signature": kept,
    }
    yield "", octets(value).decode()


@FAMILY.of("J120", "b64 false with crit", "RFC 7797 3, 6")
def _unencoded(material: Material) -> Variants:
    header = base64url(octets(material.head(b64=False, crit=["b64"])))
    claims = octets(material.payload)
    key = material.key_of(material.algorithm)
    signature = base64url(sign(key, header.encode() + b"." + claims, material.algorithm))
    yield "the payload detached", f"{header}..{signature}"
    yield "the payload encoded all the same", f"{header}.{base64url(claims)}.{signature}"


@FAMILY.of("J121", "b64 false without crit", "RFC 7797 6")
def _unencoded_unasked(material: Material) -> Variants:
    header = material.head(b64=False)
    yield "the signature kept", material.kept_under(header)
    yield (
        "HMAC by the empty key",
        compact(material.head(b64=False, alg="HS256"), material.payload, mac(b"", octets(material.payload))),
    )


@FAMILY.of("J122", "zip DEF in a signed token", "RFC 7516 4.1.3; RFC 8725 3.6")
def _deflated(material: Material) -> Variants:
    squeezed = _deflate(octets(material.payload))
    yield "the signature kept", material.kept_under(material.head(zip="DEF"), squeezed)
    yield "no signature", compact(material.head(zip="DEF", alg="none"), squeezed, b"")


@FAMILY.of("J124", "zip bomb", "RFC 8725 3.6; CVE-2024-33664")
def _bomb(material: Material) -> Variants:
    yield "a mebibyte in a kibibyte", material.kept_under(material.head(zip="DEF"), _deflate(bytes(1 << 20)))


def _deflate(data: bytes) -> bytes:
    """Raw DEFLATE (RFC 1951), as JWE has it."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeezer.compress(data) + squeezer.flush()
