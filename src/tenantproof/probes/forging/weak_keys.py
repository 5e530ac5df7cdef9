"""Family C: HMAC keys that can be guessed."""

from __future__ import annotations

from urllib.parse import urlsplit

from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import maced

FAMILY = Family("C", "guessed key")
ABSENT = ("null", "undefined", "None", "nil", "[object Object]", "false", "NaN")
"""What an absent key becomes when it is made a string."""
DEFAULTS = ("secret", "changeit", "changethis", "change-me", "your-256-bit-secret", "password", "jwt_secret", "test")
"""Keys that examples and templates carry."""


@FAMILY.of("J029", "HMAC by the empty key", "RFC 8725 3.5; RFC 7518 3.2")
def _empty(material: Material) -> Variants:
    for bits in ("256", "384", "512"):
        yield f"HS{bits} with an empty key", maced(material.header, material.payload, b"", bits)


@FAMILY.of("J030", "HMAC by a key of zeros", "RFC 8725 3.5")
def _zeros(material: Material) -> Variants:
    # Up to a block, HMAC can't tell zeros from no key at all: J029 has that token.
    for length in (65, 128):
        yield f"HS256 with {length} zero octets for a key", maced(material.header, material.payload, bytes(length))


@FAMILY.of("J033", "HMAC by a word of the deployment", "RFC 8725 3.5")
def _of_the_deployment(material: Material) -> Variants:
    for name, word in deployment_words(material).items():
        yield f"HS256 with {name} for a key", maced(material.header, material.payload, word.encode())
    for word in DEFAULTS:
        yield f"HS256 with {word!r} for a key", maced(material.header, material.payload, word.encode())


@FAMILY.of("J034", "HMAC by the name of nothing", "RFC 8725 3.5")
def _of_nothing(material: Material) -> Variants:
    for word in ABSENT:
        yield f"HS256 with {word!r} for a key", maced(material.header, material.payload, word.encode())


@FAMILY.of("J036", "HMAC by a tenant's public name", "RFC 8725 3.5, 3.8")
def _of_a_tenant(material: Material) -> Variants:
    for whose, claims in (("its own", material.payload), ("another tenant's", material.other.payload)):
        for name in ("iss", "sub"):
            if isinstance(word := claims.get(name), str):
                yield f"HS256 with {whose} {name} for a key", maced(material.header, material.payload, word.encode())


def deployment_words(material: Material) -> dict[str, str]:
    """What a token and its issuer say of themselves, by what it is; a lazy key may be among it."""
    said = {name: material.payload.get(name) for name in ("iss", "aud", "client_id", "azp", "jti")}
    said["kid"] = material.header.get("kid")
    words = {f"the {name}": value for name, value in said.items() if isinstance(value, str) and value}
    issuer = urlsplit(words.get("the iss", ""))
    more = {"the issuer's host": issuer.netloc, "the issuer's last step": issuer.path.rpartition("/")[2]}
    return words | {name: word for name, word in more.items() if word}


FAMILY.open("J031", "HMAC by a word of a list", "RFC 8725 2.2, 3.5; RFC 7518 3.2", "an HS token, searched offline")
FAMILY.open("J032", "HMAC by a number or a few letters", "RFC 8725 3.5", "an HS token, searched offline")
FAMILY.open("J035", "HMAC by a key shorter than its hash", "RFC 7518 3.2", "two lent HS keys, one of them too short")
