"""Family A: no algorithm, in every spelling, with and without what is left of a signature."""

from __future__ import annotations

from itertools import product

from tenantproof.clients.tokens import base64url
from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact, mac, signing_input

FAMILY = Family("A", "unsigned")
_CASINGS = tuple("".join(letters) for letters in product(*((each, each.upper()) for each in "none")))


@FAMILY.of("J001", "alg none, no signature", "RFC 8725 3.1; RFC 7518 3.6, 8.5")
def _plain(material: Material) -> Variants:
    yield "", compact(material.head(alg="none"), material.payload, b"")


@FAMILY.of("J002", "alg none in another casing", "RFC 8725 3.1; RFC 7515 4.1.1")
def _casings(material: Material) -> Variants:
    for casing in _CASINGS:
        if casing != "none":
            yield f"alg {casing}, no signature", compact(material.head(alg=casing), material.payload, b"")


@FAMILY.of("J003", "alg none, the signature kept", "RFC 7518 3.6")
def _with_the_signature(material: Material) -> Variants:
    for casing in ("none", "None", "NONE", "nOnE"):
        yield f"alg {casing}, the signature kept", material.kept_under(material.head(alg=casing))


@FAMILY.of("J004", "alg none, some signature", "RFC 7518 3.6")
def _with_junk(material: Material) -> Variants:
    for name, junk in (("three octets", bytes(3)), ("64 octets", bytes(range(64)))):
        yield f"alg none, {name} of signature", compact(material.head(alg="none"), material.payload, junk)


@FAMILY.of("J005", "alg none in two segments", "RFC 7515 7.1")
def _two_segments(material: Material) -> Variants:
    yield "", signing_input(material.head(alg="none"), material.payload)


@FAMILY.of("J006", "alg none among blanks", "RFC 7515 4.1.1, 10.13")
def _padded(material: Material) -> Variants:
    blanks = {"a space after": "none ", "a space before": " none", "a tab before": "\tnone", "a NUL after": "none\0"}
    for name, spelling in blanks.items():
        yield f"alg none, {name}", compact(material.head(alg=spelling), material.payload, b"")


@FAMILY.of("J007", "alg none in letters that look alike", "RFC 7515 5.3, 10.13")
def _look_alikes(material: Material) -> Variants:
    forms = {"Cyrillic": "n\u043ene", "full width": "\uff4e\uff4f\uff4e\uff45", "combining": "no\u0301ne"}
    for name, spelling in forms.items():
        yield f"alg none, {name}", compact(material.head(alg=spelling), material.payload, b"")


@FAMILY.of("J008", "alg none and nothing else in the header", "RFC 8725 3.1, 3.11")
def _bare(material: Material) -> Variants:
    yield "", compact({"alg": "none"}, material.payload, b"")


@FAMILY.of("J009", "alg none with an HMAC by the empty key", "RFC 7518 3.6")
def _with_an_empty_mac(material: Material) -> Variants:
    text = signing_input(material.head(alg="none"), material.payload)
    yield "", f"{text}.{base64url(mac(b'', text))}"


@FAMILY.of("J010", "alg missing", "RFC 7515 4.1.1")
def _missing(material: Material) -> Variants:
    yield "alg missing, the signature kept", material.kept_under(material.head(alg=...))
    yield "alg missing, no signature", compact(material.head(alg=...), material.payload, b"")
