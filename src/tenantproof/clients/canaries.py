"""Finds canaries in answers, however they are dressed up: a secret that comes back encoded has come back."""

from __future__ import annotations

import base64
import re
import secrets
import zlib
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from tenantproof.clients.exchange import Answer
from tenantproof.model.profile import Record

_TELLING_DIGITS = 12
_INFLATED_LIMIT = 32 * 1024 * 1024
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"\\/]))")


def new_canary() -> str:
    """A text that nobody could guess, to be planted and looked for."""
    return f"cnry-{secrets.token_hex(12)}"


def markers(records: Iterable[Record]) -> list[str]:
    """By what records are known wherever they turn up: their canaries, and those of their ids that stand nowhere else.

    A number of few digits is in a date, a length or a time of any answer.
    """
    return [
        marker
        for record in records
        for marker in (record.canary, record.id)
        if not (marker.isdecimal() and len(marker) < _TELLING_DIGITS)
    ]


def found_in(answer: Answer, canaries: Iterable[str]) -> tuple[str, ...]:
    """Those of the canaries that stand in the status line, the headers or the body of the answer, in any guise."""
    haystacks = views(answer)
    return tuple(canary for canary in canaries if any(_stands_in(canary, haystack) for haystack in haystacks))


def stands_in(canary: str, text: str | bytes) -> bool:
    """Whether the canary stands in the text, in any guise."""
    octets = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return any(_stands_in(canary, view) for view in views_of(octets))


def views(answer: Answer) -> list[bytes]:
    """The octets of the answer in every way they may be read: as sent, decompressed, unescaped."""
    head = "\n".join([answer.reason, *(f"{name}: {value}" for name, value in answer.headers)])
    bodies = [answer.body]
    if inflated := _inflated(answer.body):
        bodies.append(inflated)
    return [view for octets in (head.encode("latin-1", "replace"), *bodies) for view in views_of(octets)]


def _stands_in(canary: str, octets: bytes) -> bool:
    return any(guise in octets for guise in _guises(canary)) or _hex(canary) in octets.lower()


def guises(canary: str) -> set[bytes]:
    """Everything that the canary may look like in octets that were unescaped."""
    return {*_guises(canary), _hex(canary), _hex(canary).upper()}


@lru_cache(maxsize=8192)
def _guises(canary: str) -> tuple[bytes, ...]:
    plain = canary.encode()
    reverse = plain[::-1]
    # Without the last octet, which is the only one that the two byte orders do not share.
    wide = canary.encode("utf-16-le")[:-1]
    return (plain, reverse, wide, *_base64(plain))


def _hex(canary: str) -> bytes:
    return canary.encode().hex().encode()


def _base64(plain: bytes) -> set[bytes]:
    """The characters that do not depend on what stands around, at each of the three offsets, in both alphabets."""
    found = set()
    for offset in range(3):
        padded = b"\0" * offset + plain
        whole = len(padded) - len(padded) % 3
        encoded = base64.b64encode(padded[:whole])
        # The first group mixes in what stands before; it says nothing that is ours alone.
        core = encoded[4 if offset else 0 :]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def views_of(octets: bytes) -> list[bytes]:
    """Octets in every way they may be read: as they are, without backslashes, without percent signs once or twice."""
    found = [octets]
    if b"\\" in octets:
        found.append(_ESCAPE.sub(_character, octets))
    if b"%" in octets:
        once = unquote_to_bytes(octets)
        found += [once, unquote_to_bytes(once)] if b"%" in once else [once]
    return found


def _character(escape: re.Match[bytes]) -> bytes:
    if escape[3]:
        return escape[3]
    return chr(int(escape[1] or escape[2], 16)).encode("utf-8", "surrogatepass")


def _inflated(body: bytes) -> bytes:
    """The body without its compression, whether or not a header admits to it; empty if there is none."""
    for wbits in (47, -15) if body[:2] in {b"\x1f\x8b", b"\x78\x9c", b"\x78\x01", b"\x78\xda"} else ():
        try:
            return zlib.decompressobj(wbits).decompress(body, _INFLATED_LIMIT)
        except zlib.error:
            continue
    return b""
