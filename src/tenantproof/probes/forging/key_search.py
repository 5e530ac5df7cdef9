"""Searches for the key of an HMAC-signed token offline: no request, any number of guesses (family C, J031 to J034).

The words are our own: what examples, templates and defaults carry, and what the deployment says of itself, in the
variations that people make of them. Nothing is copied from a published list.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tenantproof.clients.tokens import Claims, Token
from tenantproof.probes.forging.weak_keys import ABSENT, DEFAULTS

_BITS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
_CHUNK = 4096
_INNER = bytes(each ^ 0x36 for each in range(256))
_OUTER = bytes(each ^ 0x5C for each in range(256))
_STEMS = (
    "secret key token jwt auth api admin user test dev prod local demo example sample default changeme change please "
    "password passw0rd pass letmein welcome master root super private public shared signing hmac sha256 hs256 session "
    "cookie oauth bearer access refresh app service server client web mobile backend node express flask django rails "
    "spring laravel symfony phoenix next nest keycloak super-secret my-secret your-secret top-secret very-secret secure"
)
_ENDINGS = (
    "",
    "1",
    "12",
    "123",
    "1234",
    "12345",
    "123456",
    "!",
    "!!",
    "?",
    "@123",
    "#1",
    "2023",
    "2024",
    "2025",
    "2026",
)
_JOINTS = ("", "-", "_")


@dataclass(frozen=True)
class Searched:
    """What a search came to: `found` is the guess itself, for whoever owns the token; `tried` counts the guesses."""

    tried: int
    found: bytes | None = None
    skipped: str = ""
    """Why nothing was tried."""


def search(token: Token, *, claims: Iterable[Claims] = (), digits: int = 6) -> Searched:
    """Look for the key of a token: words, the deployment's own names, all numbers of up to `digits` digits."""
    algorithm = str(token.header.get("alg", ""))
    if algorithm not in _BITS:
        return Searched(0, skipped=f"{algorithm or 'no algorithm'} has no shared key that could be guessed")
    text = ".".join(token.segments[:2]).encode()
    return crack(text, token.signature, guesses((token.header, token.payload, *claims), digits), _BITS[algorithm])


def crack(message: bytes, wanted: bytes, keys: Iterable[bytes], name: str = "sha256") -> Searched:
    """Try keys until one makes the HMAC of the message (RFC 2104)."""
    digest: Any = getattr(hashlib, name)  # Any: it is one of three constructors
    block = digest().block_size
    waiting, tried = iter(keys), 0
    while chunk := list(islice(waiting, _CHUNK)):
        # Two hashes written out: hmac.new spends most of its time on what does not matter here.
        padded = [(key if len(key) <= block else digest(key).digest()).ljust(block, b"\0") for key in chunk]
        made = [
            digest(each.translate(_OUTER) + digest(each.translate(_INNER) + message).digest()).digest()
            for each in padded
        ]
        if wanted in made:
            return Searched(tried + made.index(wanted) + 1, chunk[made.index(wanted)])
        tried += len(chunk)
    return Searched(tried)


def guesses(said: Iterable[Claims], digits: int) -> Iterator[bytes]:
    """Every guess: the likeliest first, each once but for a few words that are also somebody's name."""
    yield b""
    yield from (word.encode() for word in (*ABSENT, *DEFAULTS))
    yield from _varied(deployment_names(said), _ENDINGS)
    yield from _varied(_STEMS.split(), _ENDINGS)
    yield from (f"{pair}{ending}".encode() for pair in pairs() for ending in _ENDINGS[:4])
    for length in range(1, digits + 1):
        yield from (b"%0*d" % (length, number) for number in range(10**length))
    yield from (bytes(pair) for pair in itertools.product(b"abcdefghijklmnopqrstuvwxyz0123456789", repeat=3))


def pairs() -> Iterator[str]:
    """Each two of the stems, in the ways that people join words."""
    stems = _STEMS.split()
    return (f"{a}{joint}{b}" for a in stems for b in stems if a != b for joint in _JOINTS)


def deployment_names(said: Iterable[Claims]) -> list[str]:
    """What tokens say of their deployment, whole and in pieces."""
    found: dict[str, None] = {}
    for claims in said:
        for value in claims.values():
            if isinstance(value, str) and 0 < len(value) <= 200:
                found[value] = None
                found.update(dict.fromkeys(_pieces(value)))
    return list(found)


def _pieces(value: str) -> Iterator[str]:
    bare = value.replace("https://", "").replace("http://", "")
    for mark in "/:.-_":
        bare = bare.replace(mark, " ")
    yield from (piece for piece in bare.split() if len(piece) > 1)


def _varied(names: Iterable[str], endings: Iterable[str]) -> Iterator[bytes]:
    for name in names:
        for form in dict.fromkeys((name, name.upper(), name.capitalize())):
            yield from (f"{form}{ending}".encode() for ending in endings)
