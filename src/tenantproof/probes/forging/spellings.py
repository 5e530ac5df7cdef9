"""Family M and its kin: other spellings of a valid token.

None is a forgery: the claims are the issuer's. Whoever accepts one can't deny a token by its text, so they are sent and
reported apart, and never count against a claim about forgeries.
"""

from __future__ import annotations

import string

from tenantproof.probes.forging.arithmetic import as_der, malleable
from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material

FAMILY = Family("M", "spelling")
_VIOLATES = "RFC 7515 2, C; RFC 4648 3.3, 3.5"
_ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

FAMILY.of("J107", "ECDSA with n - s for s", "RFC 8725 3.4")(malleable)
FAMILY.of("J108", "ECDSA in DER", "RFC 7518 3.4")(as_der)


@FAMILY.of("J153", "padded base64", _VIOLATES)
def _padded(material: Material) -> Variants:
    for place, name in enumerate(("header", "payload", "signature")):
        segments = list(material.base.segments)
        segments[place] += "=" * (-len(segments[place]) % 4)
        if tuple(segments) != material.base.segments:
            yield f"padding after the {name}", ".".join(segments)


@FAMILY.of("J154", "the other base64 alphabet", _VIOLATES)
def _other_alphabet(material: Material) -> Variants:
    text = material.base.text.replace("-", "+").replace("_", "/")
    if text != material.base.text:
        yield "", text


@FAMILY.of("J155", "bits left over in base64", _VIOLATES)
def _trailing_bits(material: Material) -> Variants:
    for place, name in enumerate(("header", "payload", "signature")):
        segments = list(material.base.segments)
        if len(segments[place]) % 4 in {2, 3}:
            last = _ALPHABET.index(segments[place][-1])
            segments[place] = segments[place][:-1] + _ALPHABET[last ^ 1]
            yield f"bits left over in the {name}", ".".join(segments)


@FAMILY.of("J156", "foreign characters in base64", _VIOLATES)
def _foreign(material: Material) -> Variants:
    text = material.base.text
    for name, character in (("a space", " "), ("a tab", "\t"), ("a star", "*")):
        yield f"{name} before the last character", f"{text[:-1]}{character}{text[-1]}"


@FAMILY.of("J157", "something around the token", _VIOLATES)
def _around(material: Material) -> Variants:
    text = material.base.text
    yield from (
        ("a comma", f"{text},"),
        ("quotes", f'"{text}"'),
        ("an angle", f"<{text}>"),
        ("a dot", f".{text}"),
    )
