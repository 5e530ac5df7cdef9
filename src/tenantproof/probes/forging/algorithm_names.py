"""Family E: values of the alg member at the edges of what a verifier may expect."""

from __future__ import annotations

from tenantproof.clients.tokens import base64url
from tenantproof.probes.forging.families import Family, Maker, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact, mac, octets, signing_input

FAMILY = Family("E", "algorithm")
_VIOLATES = "RFC 7515 4.1.1; RFC 8725 3.1"
_VALUES: dict[str, tuple[str, tuple[object, ...]]] = {
    "J052": ("alg empty", ("",)),
    "J053": ("alg null", (None,)),
    "J054": ("alg among blanks", (" HS256 ", "\tHS256", "HS256\0", "HS256\n")),
    "J055": ("alg in lower case", ("hs256", "es256", "Hs256")),
    "J056": ("alg an array", (["none", "HS256"], ["HS256"], ["none"], [])),
    "J057": ("alg an object, a number or a boolean", ({}, 0, 1, True, False, {"alg": "none"})),
    "J058": ("alg unknown", ("HS1", "MD5", "tenantproof")),
    "J059": ("alg a list in a string", ("HS256,none", "none,HS256", "HS256 none")),
    "J060": ("alg of an encryption", ("dir", "RSA-OAEP", "A128KW")),
    "J061": ("alg withdrawn or like none", ("RS1", "NONE256", "HS256none")),
}
_SWAPS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES256K", "ES384", "ES512", "EdDSA", "HS256")


def _maker(values: tuple[object, ...]) -> Maker:
    def make(material: Material) -> Variants:
        for value in values:
            header = material.head(alg=value)
            text = signing_input(header, material.payload)
            yield f"alg {value!r}, no signature", compact(header, material.payload, b"")
            yield f"alg {value!r}, the signature kept", material.kept_under(header)
            yield f"alg {value!r}, HMAC by the empty key", f"{text}.{base64url(mac(b'', text))}"

    return make


for _ident, (_name, _values) in _VALUES.items():
    FAMILY.of(_ident, _name, _VIOLATES)(_maker(_values))


@FAMILY.of("J062", "alg of another kind, the signature kept", "RFC 8725 3.1, 3.2")
def _swapped(material: Material) -> Variants:
    for algorithm in _SWAPS:
        if algorithm != material.algorithm:
            yield f"alg {algorithm}, the signature kept", material.kept_under(material.head(alg=algorithm))


@FAMILY.of("J064", "alg in an unprotected header", "RFC 7515 7.2; GHSA-jc38-x7x8-2xc8")
def _unprotected(material: Material) -> Variants:
    for algorithm in ("none", "HS256"):
        protected = base64url(octets(material.head(alg=...)))
        payload = base64url(octets(material.payload))
        signature = base64url(mac(b"", f"{protected}.{payload}")) if algorithm == "HS256" else ""
        yield (
            f"alg {algorithm} in an unprotected header",
            octets(
                {"payload": payload, "protected": protected, "header": {"alg": algorithm}, "signature": signature}
            ).decode(),
        )


FAMILY.open("J063", "another algorithm than the key is for", "RFC 8725 3.1; RFC 7518 3", "issuer")
