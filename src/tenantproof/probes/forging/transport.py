"""Family P: where and how a token travels (RFC 6750, RFC 9110 section 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from tenantproof.clients.exchange import Headers
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import compact, signed

Sendings: TypeAlias = Iterator[tuple[str, Headers, str]]
"""Names, the headers that take the place of Authorization, and the query."""


@dataclass(frozen=True, kw_only=True)
class TransportClass:
    """One class of this family."""

    ident: str
    name: str
    violates: str
    make: Callable[[str], Sendings]
    """From a forged token."""
    family: str = "P transport"
    needs: str = ""

    def of(self, material: Material) -> Iterator[Forgery]:
        """Its forgeries: the forged token is one without a signature, and one by a key of the forger's own."""
        seen: set[tuple[Headers, str]] = set()
        for kind, forged in _forged(material).items():
            for name, headers, query in self.make(forged):
                if (headers, query) not in seen:
                    seen.add((headers, query))
                    yield Forgery(self.ident, f"{name}, {kind}", forged, headers, query)


def _forged(material: Material) -> Mapping[str, str]:
    """Two forged tokens that name what the genuine one names."""
    return {
        "alg none": compact(material.head(alg="none"), material.payload, b""),
        "a key of its own": signed(material.header, material.payload, material.key_of(material.algorithm)),
    }


def _bearer(token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {token}")


def _spaced(forged: str) -> Sendings:
    for name, scheme in (("bearer in lower case", "bearer "), ("two spaces", "Bearer  "), ("a tab", "Bearer\t")):
        yield name, (("Authorization", f"{scheme}{forged}"),), ""


def _schemes(forged: str) -> Sendings:
    for scheme in ("Basic", "Token", "JWT", "DPoP", "Negotiate"):
        yield f"scheme {scheme}", (("Authorization", f"{scheme} {forged}"),), ""
    yield "no scheme", (("Authorization", forged),), ""


def _twice(forged: str) -> Sendings:
    yield "the header twice", (_bearer(forged), _bearer(forged)), ""
    yield "an empty header first", (("Authorization", ""), _bearer(forged)), ""


def _in_the_query(forged: str) -> Sendings:
    yield "in the query alone", (), f"access_token={quote(forged)}"
    yield "in the query and the header", (_bearer(forged),), f"access_token={quote(forged)}"


def _in_a_cookie(forged: str) -> Sendings:
    for name in ("access_token", "session", "jwt"):
        yield f"in the cookie {name}", (("Cookie", f"{name}={forged}"),), ""


def _in_a_form(forged: str) -> Sendings:
    form = ("Content-Type", "application/x-www-form-urlencoded")
    yield "a form announced", (form, _bearer(forged)), ""


def _joined(forged: str) -> Sendings:
    yield "joined by a comma", (("Authorization", f"Bearer {forged}, Bearer {forged}"),), ""
    yield "joined by a space", (("Authorization", f"Bearer {forged} {forged}"),), ""


def _elsewhere(forged: str) -> Sendings:
    for name in (
        "X-Forwarded-Access-Token",
        "X-Auth-Token",
        "X-Access-Token",
        "Proxy-Authorization",
        "X-Forwarded-Authorization",
        "X-Original-Authorization",
    ):
        prefix = "Bearer " if name.endswith("Authorization") else ""
        yield f"in {name}", ((name, f"{prefix}{forged}"),), ""


def _meaningless(_: str) -> Sendings:
    for word in ("x", "null", "undefined", "0", "e30.e30.e30", "a.b.c", "Bearer"):
        yield f"Bearer {word}", (("Authorization", f"Bearer {word}"),), ""


CLASSES = tuple(
    TransportClass(ident=ident, name=name, violates=violates, make=make)
    for ident, name, violates, make in (
        ("J186", "another spelling of the scheme", "RFC 6750 2.1; RFC 9110 11.1", _spaced),
        ("J187", "another scheme", "RFC 6750 2.1", _schemes),
        ("J188", "two Authorization headers", "RFC 9110 5.3", _twice),
        ("J189", "in the query", "RFC 6750 2", _in_the_query),
        ("J190", "in a cookie", "RFC 6750 2", _in_a_cookie),
        ("J191", "in a form", "RFC 6750 2.2", _in_a_form),
        ("J192", "two tokens in one header", "RFC 9110 5.3", _joined),
        ("J193", "in a header of a gateway", "CWE-290", _elsewhere),
        ("J194", "well-formed and meaningless", "RFC 6750 3.1", _meaningless),
    )
)
"""A forged token alone, in every place. Genuine and forged together: `disagreeing`."""


def disagreeing(genuine: str, forged: str) -> Sendings:
    """A genuine token of the caller's and a forged one in another's name, together in one request (J188 to J192).

    Whoever authenticates the one and authorizes by the other lets the caller in at the other's.
    """
    yield "genuine header first", (_bearer(genuine), _bearer(forged)), ""
    yield "forged header first", (_bearer(forged), _bearer(genuine)), ""
    yield "genuine header, forged query", (_bearer(genuine),), f"access_token={quote(forged)}"
    yield "genuine header, forged cookie", (_bearer(genuine), ("Cookie", f"access_token={forged}")), ""
    yield "joined, genuine first", (("Authorization", f"Bearer {genuine}, Bearer {forged}"),), ""
    yield "joined, forged first", (("Authorization", f"Bearer {forged}, Bearer {genuine}"),), ""
    yield (
        "genuine header, forged X-Forwarded-Access-Token",
        (
            _bearer(genuine),
            ("X-Forwarded-Access-Token", forged),
        ),
        "",
    )
