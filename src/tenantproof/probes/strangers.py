"""Ids of nobody: shaped like one that exists, and drawn at random."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Container

_HEX = re.compile(r"[0-9a-fA-F]+")
_TAIL = re.compile(r"[0-9A-Za-z]+$")


def stranger_record(like: str, known: Container[str]) -> str:
    """A record id like the given one up to its last separator, and of the same shape after it; not among `known`."""
    tail = _TAIL.search(like)
    start = tail.start() if tail else 0
    return _draw(lambda: like[:start] + _scramble(like[start:]), known)


def stranger_tenant(like: str, known: Container[str]) -> str:
    """A tenant id of the same length and make as the given one; not among `known`."""
    return _draw(lambda: _scramble(like), known)


def _draw(make: Callable[[], str], known: Container[str]) -> str:
    for _ in range(100):
        if (drawn := make()) not in known:
            return drawn
    # So short an id leaves no room for a stranger of its shape; a longer one is still one.
    return make() + secrets.token_hex(8)


def _scramble(text: str) -> str:
    """Every letter and digit replaced by another of its kind; hexadecimal stays hexadecimal."""
    lower = "abcdef" if _HEX.fullmatch(text.replace("-", "")) else string.ascii_lowercase
    return "".join(_another(character, lower) for character in text)


def _another(character: str, lower: str) -> str:
    if character.isdecimal():
        return secrets.choice(string.digits)
    if character.isascii() and character.isalpha():
        return secrets.choice(lower.upper() if character.isupper() else lower)
    return character
