"""Family L: JSON that two readers read differently."""

from __future__ import annotations

import json

from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact, octets

FAMILY = Family("L", "JSON")
_UNIQUE = "RFC 7515 4; RFC 8725 2.6"
_STRICT = "RFC 7515 10.12; RFC 8259"


def _members(value: dict[str, object]) -> str:
    """The members of an object without its braces."""
    return octets(value).decode()[1:-1]


@FAMILY.of("J142", "alg twice in the header", _UNIQUE)
def _alg_twice(material: Material) -> Variants:
    rest, real = _members(material.head(alg=...)), json.dumps(material.algorithm)
    for name, first, last in (("none last", real, '"none"'), ("none first", '"none"', real)):
        header = f'{{"alg":{first},{rest},"alg":{last}}}'.encode()
        yield f"{name}, no signature", compact(header, material.payload, b"")
        yield f"{name}, the signature kept", material.kept_under(header)


@FAMILY.of("J143", "a claim twice", "RFC 7519 4; RFC 8725 2.6")
def _claim_twice(material: Material) -> Variants:
    once, again = _members(material.claims()), _members(dict(material.other.payload))
    for name, text in (
        ("another tenant's last", f"{{{once},{again}}}"),
        ("another tenant's first", f"{{{again},{once}}}"),
    ):
        yield f"every claim twice, {name}", material.kept_under(material.header, text.encode())
    for claim in ("sub", "iss", "tenant_id", "scope"):
        text = f'{{{once},"{claim}":"admin"}}'
        yield f"{claim} twice", material.kept_under(material.header, text.encode())


@FAMILY.of("J144", "blanks and marks around the JSON", "RFC 8259 8.1; RFC 8725 3.7")
def _blanks(material: Material) -> Variants:
    header = octets(material.head(alg="none"))
    around = {"a mark": b"\xef\xbb\xbf%s", "a line break before": b"\n%s", "blanks after": b"%s \t\r\n"}
    around |= {"a form feed": b"\x0c%s", "a NUL after": b"%s\0"}
    for name, frame in around.items():
        yield f"{name}, alg none", compact(frame % header, material.payload, b"")
        yield f"{name}, the signature kept", material.kept_under(frame % octets(material.header))


@FAMILY.of("J145", "names written as escapes", "RFC 7515 10.13")
def _escaped(material: Material) -> Variants:
    rest = _members(material.head(alg=...))
    for name, member in (
        ("name", r'"a\u006cg":"none"'),
        ("value", r'"alg":"n\u006fne"'),
        ("both", r'"\u0061lg":"\u006eone"'),
    ):
        yield f"alg none, its {name} escaped", compact(f"{{{member},{rest}}}".encode(), material.payload, b"")


@FAMILY.of("J146", "another encoding of characters", "RFC 8725 3.7")
def _encoded(material: Material) -> Variants:
    header, claims = (octets(each).decode() for each in (material.head(alg="none"), material.payload))
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield f"a header in {name}", compact(header.encode(name), material.payload, b"")
        yield f"claims in {name}", material.kept_under(material.header, claims.encode(name))


@FAMILY.of("J147", "names in capitals", "RFC 7515 4")
def _capitals(material: Material) -> Variants:
    for name in ("ALG", "Alg"):
        yield f"{name} none, alg missing", compact({name: "none", **material.head(alg=...)}, material.payload, b"")
        yield f"{name} none, alg kept", compact(material.head(**{name: "none"}), material.payload, b"")


@FAMILY.of("J148", "JSON as people write it", _STRICT)
def _loose(material: Material) -> Variants:
    text = octets(material.head(alg="none")).decode()
    forms = {
        "a comma too many": f"{text[:-1]},}}",
        "single quotes": text.replace('"', "'"),
        "a comment": f"/* */{text}",
        "something after": f"{text}garbage",
        "an object after": f"{text}{{}}",
        "names without quotes": text.replace('"alg"', "alg"),
    }
    for name, form in forms.items():
        yield f"{name}, alg none", compact(form.encode(), material.payload, b"")


@FAMILY.of("J149", "a header that is no object", "RFC 7515 5.2")
def _no_object(material: Material) -> Variants:
    for text in ("[]", "null", '""', "1", "true", '"none"', '["alg","none"]'):
        yield f"the header {text}", compact(text.encode(), material.payload, b"")
        yield f"the payload {text}", material.kept_under(material.header, text.encode())


@FAMILY.of("J150", "names that every object has", "CWE-1321")
def _prototypes(material: Material) -> Variants:
    for name in ("__proto__", "constructor"):
        header = f'{{"{name}":{{"alg":"none"}},{_members(material.head(alg=...))}}}'
        yield f"{name} in the header", compact(header.encode(), material.payload, b"")
        claims = material.claims(**{name: {"tenant": "admin", "admin": True}})
        yield f"{name} in the claims", material.kept_under(material.header, claims)


@FAMILY.of("J151", "JSON without measure", _STRICT)
def _immense(material: Material) -> Variants:
    rest = _members(material.claims(exp=...))
    deep = b"[" * 900 + b"]" * 900
    yield "nested 900 deep", material.kept_under(material.header, b'{"a":' + deep + b"}")
    for name, number in (
        ("a number of 400 digits", "9" * 400),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e999", "1e999"),
    ):
        yield f"exp {name}", material.kept_under(material.header, f'{{"exp":{number},{rest}}}'.encode())


@FAMILY.of("J152", "half a character", "RFC 8725 3.7")
def _surrogates(material: Material) -> Variants:
    rest = _members(material.claims(sub=...))
    yield "an escaped surrogate in sub", material.kept_under(material.header, rf'{{"sub":"\ud800",{rest}}}'.encode())
    yield (
        "octets that are no UTF-8 in sub",
        material.kept_under(material.header, b'{"sub":"\xff\xfe",' + rest.encode() + b"}"),
    )
