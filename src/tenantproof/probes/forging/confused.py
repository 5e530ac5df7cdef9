"""Family D: the public key taken for a shared secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantproof.clients.tokens import Claims, unbase64
from tenantproof.probes.forging.families import Family, Maker, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import maced
from tenantproof.probes.public_keys import PublicKey, public_key

FAMILY = Family("D", "confused")
_VIOLATES = "RFC 8725 3.1, 2.1; CVE-2016-10555; CVE-2016-5431"
Renderings = Iterator[tuple[str, bytes]]


def _pem(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def as_pem(jwk: Claims) -> Renderings:
    """The file that the documentation tells everybody to download."""
    if key := public_key(jwk):
        yield "PEM", _pem(key)


def as_bare_pem(jwk: Claims) -> Renderings:
    """The same, stripped."""
    if key := public_key(jwk):
        yield "PEM without its last line break", _pem(key).strip()


def as_crlf(jwk: Claims) -> Renderings:
    """The same, from another system."""
    if key := public_key(jwk):
        yield "PEM with CRLF", _pem(key).replace(b"\n", b"\r\n")


def as_padded(jwk: Claims) -> Renderings:
    """The same, after a blank."""
    if key := public_key(jwk):
        yield "PEM after a line break", b"\n" + _pem(key)
        yield "PEM after a space", b" " + _pem(key)


def as_der(jwk: Claims) -> Renderings:
    """The key itself, and the text between the lines of the PEM."""
    if key := public_key(jwk):
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        yield "DER", der
        yield "base64 of the DER", b"".join(_pem(key).splitlines()[1:-1])


def as_pkcs1(jwk: Claims) -> Renderings:
    """The older form of RSA keys."""
    if isinstance(key := public_key(jwk), rsa.RSAPublicKey):
        yield "PKCS#1 PEM", key.public_bytes(Encoding.PEM, PublicFormat.PKCS1)


def as_pkcs1_der(jwk: Claims) -> Renderings:
    """The same without its armour."""
    if isinstance(key := public_key(jwk), rsa.RSAPublicKey):
        yield "PKCS#1 DER", key.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def as_certificate(jwk: Claims) -> Renderings:
    """The first certificate of x5c, when the key set has any."""
    chain = jwk.get("x5c")
    if isinstance(chain, list) and chain and isinstance(chain[0], str):
        yield "x5c", chain[0].encode()


def as_modulus(jwk: Claims) -> Renderings:
    """The modulus, as text and as octets."""
    if isinstance(modulus := jwk.get("n"), str):
        yield "the modulus", modulus.encode()
        yield "the modulus's octets", unbase64(modulus)


def as_jwk(jwk: Claims) -> Renderings:
    """The JWK, in the spellings that serializers give it."""
    yield "JWK", json.dumps(dict(jwk)).encode()
    yield "JWK without spaces", json.dumps(dict(jwk), separators=(",", ":")).encode()
    yield "sorted JWK", json.dumps(dict(jwk), separators=(",", ":"), sort_keys=True).encode()


def as_point(jwk: Claims) -> Renderings:
    """A curve's point, in the forms that a careless reader may take it in."""
    key = public_key(jwk)
    if isinstance(key, ed25519.Ed25519PublicKey):
        yield "the raw key", key.public_bytes_raw()
    if isinstance(key, ec.EllipticCurvePublicKey):
        yield "the point", key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        yield "the compressed point", key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        numbers, length = key.public_numbers(), (key.curve.key_size + 7) // 8
        yield "x", numbers.x.to_bytes(length, "big")
        yield "the text of x", str(jwk.get("x", "")).encode()


def renderings(jwk: Claims) -> Renderings:
    """All forms of a key."""
    for form in (*_FORMS.values(), as_point):
        yield from form(jwk)


_FORMS: dict[str, Callable[[Claims], Renderings]] = {
    "J037": as_pem,
    "J038": as_bare_pem,
    "J039": as_crlf,
    "J040": as_padded,
    "J041": as_der,
    "J042": as_pkcs1,
    "J043": as_pkcs1_der,
    "J044": as_certificate,
    "J045": as_modulus,
    "J046": as_jwk,
}
_NAMES = {
    "J037": "PEM",
    "J038": "stripped PEM",
    "J039": "PEM with CRLF",
    "J040": "PEM after a blank",
    "J041": "DER",
    "J042": "PKCS#1 PEM",
    "J043": "PKCS#1 DER",
    "J044": "certificate",
    "J045": "modulus",
    "J046": "JWK",
}


def _maker(form: Callable[[Claims], Renderings]) -> Maker:
    def make(material: Material) -> Variants:
        for key in material.named:
            for name, secret in form(key):
                yield f"HS256 with the public key as {name}", maced(material.header, material.payload, secret)

    return make


for _ident, _form in _FORMS.items():
    FAMILY.of(_ident, f"HMAC by the public key as {_NAMES[_ident]}", _VIOLATES, "public key")(_maker(_form))


@FAMILY.of("J047", "HMAC by the JWK set's text", _VIOLATES, "public key")
def _as_key_set(material: Material) -> Variants:
    if not material.keys:
        return
    keys = {"keys": [dict(key) for key in material.keys]}
    for name, text in (("", json.dumps(keys)), (" without spaces", json.dumps(keys, separators=(",", ":")))):
        yield f"HS256 with the JWK set{name}", maced(material.header, material.payload, text.encode())


@FAMILY.of("J048", "HMAC of another width by the public key", "RFC 8725 3.1", "public key")
def _wider(material: Material) -> Variants:
    for key in material.named:
        for form, secret in renderings(key):
            for bits in ("384", "512"):
                yield f"HS{bits} with the public key as {form}", maced(material.header, material.payload, secret, bits)


@FAMILY.of(
    "J049", "HMAC by a public key computed from two tokens", "RFC 8725 3.1", "two tokens by RS256, RS384 or RS512"
)
def _by_a_computed_key(material: Material) -> Variants:
    for key in material.recovered:
        for form, secret in renderings(key):
            for bits in ("256", "384", "512"):
                name = f"HS{bits} with the key of two tokens as {form}"
                yield name, maced(material.header, material.payload, secret, bits)


@FAMILY.of("J050", "HMAC by the public key's point", "RFC 8725 3.1", "public key")
def _by_the_point(material: Material) -> Variants:
    for key in material.named:
        for form, secret in as_point(key):
            yield f"HS256 with the public key as {form}", maced(material.header, material.payload, secret)


@FAMILY.of("J051", "HMAC by the public key of the TLS certificate", "RFC 8725 3.1", "TLS at the target")
def _by_the_certificate(material: Material) -> Variants:
    if not material.certificate:
        return
    shown = x509.load_der_x509_certificate(material.certificate)
    key = shown.public_key()
    forms = {
        "certificate (PEM)": shown.public_bytes(Encoding.PEM),
        "certificate (DER)": material.certificate,
        "public key (PEM)": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "public key (DER)": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    }
    for form, secret in forms.items():
        yield f"HS256 with the server's {form}", maced(material.header, material.payload, secret)
