"""Family B: the signature removed, damaged, or not that of the payload."""

from __future__ import annotations

from collections.abc import Mapping

from tenantproof.clients.tokens import base64url
from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import octets, sign, signed

FAMILY = Family("B", "damaged")


def body(material: Material) -> str:
    """The header and the payload as they were issued."""
    return ".".join(material.base.segments[:2])


@FAMILY.of("J011", "claims changed, the signature kept", "RFC 8725 3.3; RFC 7515 5.2")
def _changed_claims(material: Material) -> Variants:
    other = material.other.payload
    for name in ("iss", "sub", "client_id", "jti"):
        if name in other and other[name] != material.payload.get(name):
            yield (
                f"{name} of another tenant's token",
                material.kept_under(material.header, material.claims(**{name: other[name]})),
            )
    yield "all claims of another tenant's token", material.kept_under(material.header, other)


@FAMILY.of("J012", "empty signature", "RFC 7515 5.2")
def _empty_signature(material: Material) -> Variants:
    yield "", f"{body(material)}."


@FAMILY.of("J013", "signature cut off with its dot", "RFC 7515 7.1")
def _no_signature(material: Material) -> Variants:
    yield "", body(material)


@FAMILY.of("J014", "a word for a signature", "RFC 7515 5.2")
def _words(material: Material) -> Variants:
    for word in ("null", "undefined", "none"):
        yield f"signature {word}", f"{body(material)}.{word}"


@FAMILY.of("J015", "signature cut short", "RFC 8725 3.3")
def _cut_short(material: Material) -> Variants:
    kept, text = material.kept, base64url(material.kept)
    yield "four characters short", f"{body(material)}.{text[:-4]}"
    yield "half a signature", f"{body(material)}.{base64url(kept[: len(kept) // 2])}"
    yield "one octet of a signature", f"{body(material)}.{base64url(kept[:1])}"
    yield "one octet short", f"{body(material)}.{base64url(kept[:-1])}"


@FAMILY.of("J016", "signature of zeros", "RFC 8725 3.4")
def _zeros(material: Material) -> Variants:
    yield "", f"{body(material)}.{base64url(bytes(len(material.kept)))}"


@FAMILY.of("J017", "signature longer", "RFC 8725 3.4")
def _longer(material: Material) -> Variants:
    for name, tail in (("by a zero octet", b"\0"), ("by eight octets", b"\x01" * 8)):
        yield f"signature longer {name}", f"{body(material)}.{base64url(material.kept + tail)}"
    yield "signature after a zero octet", f"{body(material)}.{base64url(bytes(1) + material.kept)}"


@FAMILY.of("J018", "a bit of the signature flipped", "RFC 7515 5.2")
def _flipped(material: Material) -> Variants:
    last = len(material.kept) - 1
    for place, name in ((0, "first"), (last // 2, "middle"), (last, "last")):
        turned = bytes(octet ^ (index == place) for index, octet in enumerate(material.kept))
        yield f"a bit of the {name} octet flipped", f"{body(material)}.{base64url(turned)}"


@FAMILY.of("J019", "a fourth segment", "RFC 7515 7.1")
def _fourth_segment(material: Material) -> Variants:
    text = f"{body(material)}.{base64url(material.kept)}"
    yield "a fourth segment", f"{text}.e30"
    yield "an empty fourth segment", f"{text}."


@FAMILY.of("J020", "no header", "RFC 7515 5.2")
def _no_header(material: Material) -> Variants:
    rest = f"{material.base.segments[1]}.{base64url(material.kept)}"
    yield "an empty header", f".{rest}"
    yield "the header cut off with its dot", rest


@FAMILY.of("J021", "an empty payload", "RFC 7515 5.2")
def _no_payload(material: Material) -> Variants:
    yield "", f"{material.base.segments[0]}..{base64url(material.kept)}"


@FAMILY.of("J022", "next to nothing", "RFC 7515 7.1; RFC 6750 3.1")
def _next_to_nothing(material: Material) -> Variants:
    yield "the header alone", material.base.segments[0]
    yield "two dots", ".."
    yield "an empty token", ""


@FAMILY.of("J023", "header and payload swapped", "RFC 7515 7.1")
def _swapped(material: Material) -> Variants:
    header, payload, _ = material.base.segments
    yield "", f"{payload}.{header}.{base64url(material.kept)}"


@FAMILY.of("J024", "a key of its own", "RFC 8725 3.1; RFC 7515 5.2")
def _own_key(material: Material) -> Variants:
    algorithm = material.algorithm
    yield "a key of its own", signed(material.header, material.payload, material.key_of(algorithm))
    for other in ("ES256", "RS256", "PS256", "EdDSA"):
        if other != algorithm:
            yield (
                f"a key of its own, {other}",
                signed(material.head(alg=other), material.payload, material.key_of(other)),
            )
    yield "a key of its own and no kid", signed(material.head(kid=...), material.payload, material.key_of(algorithm))


@FAMILY.of("J025", "a signature over the JSON, not over the segments", "RFC 7515 5.1")
def _over_the_json(material: Material) -> Variants:
    key = material.key_of(material.algorithm)
    joined = octets(material.header) + b"." + octets(material.payload)
    yield "", f"{body(material)}.{base64url(sign(key, joined, material.algorithm))}"


@FAMILY.of("J026", "the signature of another token", "RFC 7515 5.2")
def _anothers_signature(material: Material) -> Variants:
    others: Mapping[str, bytes] = {
        "of another tenant's token": material.other.signature,
        **({"of another token of its own": material.spare.signature} if material.spare else {}),
    }
    for name, signature in others.items():
        if signature != material.base.signature:
            yield f"the signature {name}", f"{body(material)}.{base64url(signature)}"


FAMILY.open("J027", "a signature that an error message gave away", "CVE-2019-7644", "an error that tells it")
FAMILY.open("J028", "effects of a token before it is verified", "RFC 8725 3.10", "the trail, decided by TK-3")
