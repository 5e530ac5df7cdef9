"""Reads ids as numbers, in every way in which somebody counts, and says whether gaps between them grow with something.

An id is what stands behind its last separator, unless all of it is a UUID or base64 of such an id.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import statistics
import string
import uuid
from collections.abc import Iterator, Mapping, Sequence

_TAIL = re.compile(r"[0-9A-Za-z]+$")
_LOWER, _UPPER = string.ascii_lowercase, string.ascii_uppercase
_ALPHABETS = {
    "decimal": string.digits,
    "hexadecimal": "0123456789abcdef",
    "base 32": "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
    "base 36": string.digits + _LOWER,
    "base 58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "base 62": string.digits + _UPPER + _LOWER,
    "base 62, small letters first": string.digits + _LOWER + _UPPER,
}
"""RFC 4648, Crockford's base 32 and Nakamoto's base 58, beside what follows from digits and letters in their order."""
_LONGEST = 200
"""Characters of an id that may count something."""
_LEAST_SHARE = 1 / 3
_LEAST_GROWTH = 1 / 2


def numbers(ident: str) -> dict[str, int]:
    """What the id may be as a number, by how it is read."""
    if len(ident) > _LONGEST:
        return {}
    found = dict(_of_text(ident))
    for name, value in _of_text(_unwrapped(ident)):
        found.setdefault(f"{name} in base64", value)
    return found


def _of_text(ident: str) -> Iterator[tuple[str, int]]:
    try:
        made = uuid.UUID(ident)
    except ValueError:
        pass
    else:
        yield "UUID", made.time if made.version == 1 else made.int
        return
    tail = _TAIL.search(ident)
    text = tail[0] if tail else ""
    for name, alphabet in _ALPHABETS.items():
        # Where an alphabet has one kind of letters alone, the other means the same.
        digits = text if alphabet.lower() != alphabet and alphabet.upper() != alphabet else _in_case(text, alphabet)
        if digits and set(digits) <= set(alphabet):
            yield name, _value(digits, alphabet)


def _in_case(text: str, alphabet: str) -> str:
    return text.upper() if alphabet.upper() == alphabet else text.lower()


def _value(digits: str, alphabet: str) -> int:
    value = 0
    for digit in digits:
        value = value * len(alphabet) + alphabet.index(digit)
    return value


def _unwrapped(ident: str) -> str:
    """What base64 holds, as ids of GraphQL do; empty if it is none of a printable text."""
    try:
        text = base64.b64decode(ident + "=" * (-len(ident) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        return ""
    return text if text.isprintable() else ""


def grow(gaps: Mapping[int, Sequence[int]]) -> bool:
    """Whether gaps grow with what they are listed by: every one with every step, evenly, and by as much as they are.

    The same for gaps that shrink: some count down. Four gaps at each of three numbers are in that order by chance
    once in 34 650 times. What grows by little, beside what a gap is anyway, follows time: the rounds' lengths differ.
    """
    ordered = [sorted(gaps[number]) for number in sorted(gaps)]
    return _rise(ordered) or _rise([sorted(-gap for gap in group) for group in ordered])


def _rise(groups: Sequence[Sequence[int]]) -> bool:
    if not all(low[-1] < high[0] for low, high in itertools.pairwise(groups)):
        return False
    middles = [statistics.median(group) for group in groups]
    steps = [high - low for low, high in itertools.pairwise(middles)]
    return min(steps) >= _LEAST_SHARE * max(steps) and sum(steps) >= _LEAST_GROWTH * abs(middles[0])
