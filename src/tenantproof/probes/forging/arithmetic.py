"""Family I: signatures that satisfy careless arithmetic."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa, utils

from tenantproof.clients.tokens import base64url
from tenantproof.probes.forging.damaged import body
from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact
from tenantproof.probes.public_keys import public_key

FAMILY = Family("I", "arithmetic")
ORDERS = {
    "ES256": (32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    "ES384": (
        48,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
    "ES512": (66, (1 << 521) - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7),
}
"""Octets of a coordinate, and the order of the group (SEC 2), by algorithm."""


@FAMILY.of("J105", "ECDSA r and s zero", "RFC 8725 3.4; CVE-2022-21449")
def _psychic(material: Material) -> Variants:
    for algorithm, (length, _) in ORDERS.items():
        yield f"{algorithm}, r and s zero", compact(material.head(alg=algorithm), material.payload, bytes(2 * length))
    yield "r and s zero in DER", compact(material.head(alg="ES256"), material.payload, utils.encode_dss_signature(0, 0))


@FAMILY.of("J106", "ECDSA r and s at the edges", "RFC 8725 3.4")
def _edges(material: Material) -> Variants:
    algorithm = material.algorithm if material.algorithm in ORDERS else "ES256"
    length, order = ORDERS[algorithm]
    values = {"0": 0, "1": 1, "n-1": order - 1, "n": order}
    for first, r in values.items():
        for second, s in values.items():
            pair = r.to_bytes(length, "big") + s.to_bytes(length, "big")
            # Zero twice is J105 when the imitated token's own algorithm is a curve's.
            if pair.strip(b"\0") or material.algorithm not in ORDERS:
                yield f"r = {first}, s = {second}", compact(material.head(alg=algorithm), material.payload, pair)


@FAMILY.of("J109", "RSA signature at the edges", "RFC 8725 3.4", "public key")
def _rsa_edges(material: Material) -> Variants:
    for key in material.named:
        if not isinstance(public := public_key(key), rsa.RSAPublicKey):
            continue
        modulus, length = public.public_numbers().n, public.key_size // 8
        unreduced = int.from_bytes(material.kept, "big") + modulus
        for name, value in (("0", 0), ("1", 1), ("n-1", modulus - 1), ("n", modulus), ("unreduced", unreduced)):
            signature = value.to_bytes(length + (value.bit_length() > 8 * length), "big")
            yield f"signature {name}", f"{body(material)}.{base64url(signature)}"


def malleable(material: Material) -> Variants:
    """The same signature with n - s for s: a valid one, and so a spelling rather than a forgery (J107)."""
    for algorithm, (length, order) in ORDERS.items():
        if material.algorithm == algorithm and len(material.kept) == 2 * length:
            r, s = material.kept[:length], int.from_bytes(material.kept[length:], "big")
            yield "n - s for s", f"{body(material)}.{base64url(r + (order - s).to_bytes(length, 'big'))}"


def as_der(material: Material) -> Variants:
    """The same signature in ASN.1 (J108)."""
    if material.algorithm in ORDERS:
        half = len(material.kept) // 2
        r, s = (int.from_bytes(each, "big") for each in (material.kept[:half], material.kept[half:]))
        yield "the signature in DER", f"{body(material)}.{base64url(utils.encode_dss_signature(r, s))}"


FAMILY.open("J110", "PKCS#1 v1.5 padding", "RFC 8725 3.3; RFC 8017 8.2.2", "a lent RSA key for RS256")
FAMILY.open("J111", "PSS salt, hash and mask", "RFC 7518 3.5; RFC 8017 9.1.2", "a lent RSA key for PS256")
FAMILY.open("J112", "a weak key in the key set", "RFC 7518 3.3", "the key set, decided by inspection")
FAMILY.open("J113", "a key for another use", "RFC 7517 4.2, 4.3, 4.4", "a lent key that is published for another use")
