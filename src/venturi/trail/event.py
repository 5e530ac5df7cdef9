"""What may be written into a trail: JSON of limited size, without anything that looks like a secret."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import rfc8785

Event: TypeAlias = Mapping[str, Any]  # JSON, whatever the recorder of the event has to say
"""An event before it is written."""

RESERVED = frozenset({"log", "seq", "ts_logged", "prev_hash"})
"""Members that the trail itself adds: which log, the place in it, when it was written, the leaf hash before it."""
LARGEST_EVENT = 16_384
"""Bytes of canonical JSON."""
_LONGEST_TEXT, _MOST_MEMBERS, _DEEPEST = 2_048, 400, 8
_LARGEST_INTEGER = 2**53 - 1
_BEYOND = 1_000_000
_SECRETS = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\."  # a JWS or JWE in its compact form: '{"' in base64url, then a dot
    r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}"
    r"|://[^\s/:@]+:[^\s/@]+@",  # a URL with a password in it
    re.IGNORECASE,
)

# One of these is in whatever looks like a secret, and to look for seven words takes a tenth of the time.
_MARKS = ("eyj", "-----begin", "akia", "asia", "bearer", "basic", "://")
# The same in JSON, with as few searches as may be. The one space that JSON leaves as it is follows the name of a scheme
# where credentials do, and is rare.
_MARKS_IN_JSON = (b"eyj", b"-----begin", b"ia", b"://")
_SCHEMES = (b"bearer", b"basic")

_PLAIN = msgspec.json.Encoder(order="sorted")


class Unwritable(ValueError):
    """The event must not go into a trail; the message says why and never repeats the value."""


def hashed(value: str | bytes) -> str:
    """How a trail keeps a value: as `sha256:` and its hexadecimal digest."""
    data = value.encode() if isinstance(value, str) else value
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def looks_secret(text: str) -> bool:
    """Whether a text looks like a token, a private key, an access key or a URL with a password."""
    lower = text.lower()
    # Beyond ASCII there are letters that count as the same as one of it, and whose lower case is another.
    may_be = not lower.isascii() or any(mark in lower for mark in _MARKS)
    return may_be and _SECRETS.search(text) is not None


def spelled(event: Event, added: Event) -> bytes:
    """The one spelling (RFC 8785) of an event with what the trail adds to it, once it's seen that it may be written.

    Raises Unwritable when it is too large, not JSON, holds a reserved member or what looks like a secret.
    """
    return _plainly_spelled(event, added) or _thoroughly_spelled(event, added)


def _plainly_spelled(event: Event, added: Event) -> bytes | None:
    """The spelling of an event that can be seen to be harmless as a whole; None for one that takes a closer look."""
    try:
        if type(event) is not dict or not RESERVED.isdisjoint(event) or _count_plain(event) > _MOST_MEMBERS:
            return None
        data = _PLAIN.encode({**event, **added})
    except (TypeError, UnicodeError):
        return None
    return data if _is_harmless(data) else None


def _thoroughly_spelled(event: Event, added: Event) -> bytes:
    admit(event)
    return canonical({**event, **added})


def _is_harmless(data: bytes) -> bool:
    """Whether no text in this JSON can be too long or look like a secret, as each stands in it letter by letter."""
    if len(data) > _LONGEST_TEXT or not data.isascii() or b"\\" in data:
        return False
    lower = data.lower()
    for mark in _MARKS_IN_JSON:  # a generator would take longer than the searches
        if mark in lower:
            return False
    space = lower.find(b" ")
    while space >= 0:
        if lower.endswith(_SCHEMES, 0, space):
            return False
        space = lower.find(b" ", space + 1)
    return True


def _count_plain(event: dict[Any, Any]) -> int:
    """How many values there are in an event that is plain all through; beyond all bounds when it may not be.

    Plain is what RFC 8785 and a sorting encoder spell alike, provided that all names are ASCII: no fractions. Raises
    TypeError when a name is no text.
    """
    count, level = 1, [event]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for holder in level:
            items: Iterable[Any] = holder
            if type(holder) is dict:
                "".join(holder)  # the quickest way to see that all names are texts
                items = holder.values()
            count += len(holder)
            for item in items:
                kind = type(item)
                if kind is str or item is None or kind is bool:
                    continue
                if kind is dict or kind is list:
                    below.append(item)
                elif kind is not int or not -_LARGEST_INTEGER <= item <= _LARGEST_INTEGER:
                    return _BEYOND
        if not below:
            return count
        level = below
    return _BEYOND


def admit(event: Event) -> None:
    """Raise Unwritable when the event is too large, not JSON, holds a reserved member or what looks like a secret."""
    if not isinstance(event, Mapping):
        raise Unwritable("an event is an object")
    if taken := RESERVED & event.keys():
        raise Unwritable(f"only the trail writes {', '.join(sorted(taken))}")
    if _count(event, 0, "") > _MOST_MEMBERS:
        raise Unwritable(f"an event has at most {_MOST_MEMBERS} members")


def canonical(event: Event) -> bytes:
    """The event's one spelling (RFC 8785), which is what the tree hashes. Raises Unwritable beyond the size limit."""
    try:
        # The same bytes, twenty times as fast; the stubs of rfc8785 want invariant containers, it reads any mapping.
        data = _PLAIN.encode(event) if _is_plain(event) else rfc8785.dumps(dict(event))
    except (rfc8785.CanonicalizationError, UnicodeError) as problem:
        raise Unwritable(f"not canonical JSON: {type(problem).__name__}") from None
    if len(data) > LARGEST_EVENT:
        raise Unwritable(f"an event has at most {LARGEST_EVENT} bytes, not {len(data)}")
    return data


def _is_plain(value: object) -> bool:
    """Whether RFC 8785 and a sorting encoder say it alike: no fractions, and names that all alphabets sort alike."""
    if isinstance(value, str):
        return True
    if isinstance(value, dict):
        return all(isinstance(name, str) and name.isascii() for name in value) and all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, int):
        return -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER
    return value is None


def _count(value: object, depth: int, name: str) -> int:
    """How many values there are in a value, itself included, each of which was looked at."""
    if depth > _DEEPEST:
        raise Unwritable(f"an event is at most {_DEEPEST} deep")
    if isinstance(value, str):
        _text(value, name)
        return 1
    if value is None:
        return 1
    # An abstract class is asked last: it takes several times as long.
    if isinstance(value, (dict, Mapping)):
        return _count_members(value, depth + 1)
    if isinstance(value, int | float):
        if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            raise Unwritable(f"{name}: beyond what every JSON reader can hold")
        return 1
    if isinstance(value, (list, Sequence)) and not isinstance(value, bytes | bytearray | memoryview):
        return 1 + sum([_count(item, depth + 1, name) for item in value])
    raise Unwritable(f"{name}: {type(value).__name__} is not JSON")


def _count_members(value: Mapping[object, object], depth: int) -> int:
    count = 1
    for key, item in value.items():
        if not isinstance(key, str):
            raise Unwritable("a member's name is a text")
        _name(key)
        count += _count(item, depth, key)
    return count


@lru_cache(1024)
def _name(name: str) -> None:
    """Names are few and come again with every event; a value, which could be a secret, is never kept."""
    _text(name, "a member's name")


def _text(text: str, name: str) -> None:
    if len(text) > _LONGEST_TEXT:
        raise Unwritable(f"{name}: a text has at most {_LONGEST_TEXT} characters")
    if looks_secret(text):
        raise Unwritable(f"{name}: looks like a secret")
