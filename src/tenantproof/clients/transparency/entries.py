"""Weighs the entries of a log, a stretch at a time: hashes, order, chain, times, spelling.

A stretch needs nothing of the one before it but its last leaf hash and time, which are compared where two stretches
meet; so stretches can be weighed side by side, in processes of their own.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import rfc8785

from tenantproof.clients.transparency.faults import Faults, Kind
from tenantproof.clients.transparency.merkle import WIDTH, whole_root

NOTHING_BEFORE = "0" * 64
"""`prev_hash` of the first entry."""
_SORTED = msgspec.json.Encoder(order="sorted")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_AFTER_COLON, _AFTER_COMMA, _AFTER_BRACKET, _AFTER_SIGN = (mark + b"0" * 16 for mark in (b":", b",", b"[", b"-"))
_HANDFUL = 64
_SHORTEST_TIME = len("2026-01-01T00:00:00Z")
_read_time, _sha256 = datetime.fromisoformat, hashlib.sha256


@dataclass(frozen=True)
class Terms:
    """What a log is held to: its name (empty: whatever the first entry says), the time now and how far off is wrong."""

    origin: str
    now: float
    skew: float = 300.0
    lag: float = 300.0
    """Seconds that may lie between an event and its being written."""


@dataclass
class Weighed:
    """What a stretch of entries came to. `leaves` are their hashes, joined; times are Unix times."""

    first: int
    leaves: bytes = b""
    previous: str = NOTHING_BEFORE
    """What the first entry names as the leaf hash before it."""
    began: float = 0.0
    ended: float = 0.0
    root: bytes = b""
    """Where the entries are a complete subtree of the log: its root."""
    faults: Faults = field(default_factory=Faults)

    @property
    def count(self) -> int:
        """How many entries there were."""
        return len(self.leaves) // WIDTH

    def each(self) -> Iterator[bytes]:
        """The leaf hashes, one by one."""
        leaves = self.leaves
        return (leaves[at : at + WIDTH] for at in range(0, len(leaves), WIDTH))


def weigh(entries: Sequence[bytes], first: int, terms: Terms) -> Weighed:
    """Weigh entries that follow each other, of which the first should have the sequence number `first`."""
    result = Weighed(first)
    clock = _Clock(terms)
    leaves: list[bytes] = []
    before = ""
    for seq, (data, event) in enumerate(zip(entries, _events(entries, first, result.faults), strict=True), first):
        if event is not None:
            named = event.get("prev_hash")
            said = event.get("seq")
            if type(said) is not int or said != seq or event.get("log") != terms.origin or type(named) is not str:
                _place(event, seq, terms, result.faults)
            if not leaves:
                result.previous = str(named)
            elif named != before:
                result.faults.add(Kind.UNCHAINED, f"entry {seq} does not name the entry before it", seq)
            if not clock.goes_on(event):
                clock.read(event, seq, result.faults)
            if not leaves:
                result.began = clock.seconds()
        leaf = _sha256(b"\x00" + data).digest()
        before = leaf.hex()
        leaves.append(leaf)
    result.leaves, result.ended = b"".join(leaves), clock.seconds()
    count = len(leaves)
    if count and not count & (count - 1) and first % count == 0:
        result.root = whole_root(result.leaves)
    return result


class _Clock:
    """Reads the times of one entry after another, and remembers when the last was written."""

    def __init__(self, terms: Terms) -> None:
        self._before: datetime | None = None
        self._latest = datetime.fromtimestamp(terms.now + terms.skew, UTC)
        self._lag = timedelta(seconds=terms.lag)

    def seconds(self) -> float:
        """When the last entry was written, as Unix time; 0.0 before the first."""
        return 0.0 if self._before is None else self._before.timestamp()

    def goes_on(self, event: Mapping[str, Any]) -> bool:
        """Whether an entry's times are as nearly all are: both there, in order, and not far apart. Quick, and strict:
        what it does not pass is looked at closely by `read`.
        """
        try:
            said, at = event["ts_logged"], event["ts_event"]
            logged = _read_time(said)
            happened = logged if at == said else _read_time(at)
            is_well = (
                len(said) >= _SHORTEST_TIME <= len(at)
                and (self._before is None or logged >= self._before)
                and logged <= self._latest
                and -self._lag <= logged - happened <= self._lag
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            # A time without a zone can't be compared; so it ends here too.
            return False
        if is_well:
            self._before = logged
        return is_well

    def read(self, event: Mapping[str, Any], seq: int, faults: Faults) -> None:
        """Hold an entry's times to those of the entry before, to now and to each other."""
        logged = _moment(event.get("ts_logged"))
        if logged is None:
            faults.add(Kind.TIMELESS, f"entry {seq} does not say at which moment it was written", seq)
            return
        if self._before is not None and logged < self._before:
            back = (self._before - logged).total_seconds()
            faults.add(Kind.BACKWARDS, f"entry {seq} was written {back:.6g} s before the one before it", seq)
        if logged > self._latest:
            ahead = (logged - self._latest).total_seconds()
            faults.add(Kind.FUTURE, f"entry {seq} is {ahead:.0f} s further ahead of now than it may be", seq)
        self._before = logged
        if "ts_event" in event:
            self._happened(_moment(event["ts_event"]), logged, seq, faults)

    def _happened(self, happened: datetime | None, logged: datetime, seq: int, faults: Faults) -> None:
        if happened is None:
            faults.add(Kind.TIMELESS, f"entry {seq} does not say at which moment it happened", seq)
        elif not -self._lag <= logged - happened <= self._lag:
            apart = (logged - happened).total_seconds()
            faults.add(Kind.LATE, f"entry {seq} was written {apart:.0f} s after it happened", seq)


def spelled(event: Mapping[str, Any]) -> bytes:
    """The one spelling of an event (RFC 8785), which is what a log hashes. Raises ValueError when it has none."""
    try:
        return rfc8785.dumps(dict(event))
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as problem:
        raise ValueError(f"it has no canonical spelling: {type(problem).__name__}") from None


def _events(entries: Sequence[bytes], first: int, faults: Faults) -> Iterator[dict[str, Any] | None]:
    """What the entries say, read a few at a time, for as many as a processor's cache holds."""
    for at in range(0, len(entries), _HANDFUL):
        yield from _handful(entries[at : at + _HANDFUL], first + at, faults)


def _handful(entries: Sequence[bytes], first: int, faults: Faults) -> list[dict[str, Any] | None]:
    """What the entries say; None for one that is no object. Notes what can't be read, or is not spelled as it should.

    All at once where all are well, which is quick: entries that come out again byte for byte, one a line, are each
    spelled as they should be. If that fails, each is looked at by itself.
    """
    lines = b"\n".join(entries) + b"\n"
    try:
        found = _DECODER.decode_lines(lines)
        if (
            len(found) == len(entries)
            and _SORTED.encode_lines(found) == lines
            and lines.isascii()
            and not _may_overflow(lines)
            and set(map(type, found)) <= {dict}
        ):
            return found
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        pass
    return [_read(data, seq, faults) for seq, data in enumerate(entries, first)]


def _read(data: bytes, seq: int, faults: Faults) -> dict[str, Any] | None:  # the JSON is the log's
    try:
        event = _DECODER.decode(data)
        is_canonical = _SORTED.encode(event) == data and not _may_overflow(data) and data.isascii()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        event, is_canonical = None, True
    if not isinstance(event, dict):
        faults.add(Kind.UNREADABLE, f"entry {seq} is no JSON object", seq)
        return None
    if not is_canonical and (why := _misspelled(data)):
        faults.add(Kind.UNCANONICAL, f"entry {seq}: {why}", seq)
    return event


# A fraction comes out as text, so that what holds one is spelled otherwise than it was and is looked at closely.
_DECODER = msgspec.json.Decoder(float_hook=str)


def _may_overflow(data: bytes) -> bool:
    """Whether a number of 16 digits or more may stand in it: beyond what every JSON reader can hold."""
    shape = data.translate(_DIGITS)
    return _AFTER_COLON in shape or _AFTER_COMMA in shape or _AFTER_BRACKET in shape or _AFTER_SIGN in shape


def _misspelled(data: bytes) -> str:
    """Why an entry is not in its canonical spelling, or nothing: slowly, for the few that the quick look can't pass."""
    try:
        event = json.loads(data, object_pairs_hook=_unique)
        if rfc8785.dumps(event) != data:
            return "it is not spelled as RFC 8785 says"
    except _Twice:
        return "it names a member twice"
    except (ValueError, rfc8785.CanonicalizationError, RecursionError):
        return "it has no canonical spelling"
    if any(unicodedata.normalize("NFC", name) != name for name in _names(event)):
        return "a member's name has another spelling that looks the same"
    return ""


class _Twice(Exception):
    """A member is named twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _names(value: Any) -> Iterator[str]:  # noqa: ANN401  # the JSON is the log's
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def _place(event: Mapping[str, Any], seq: int, terms: Terms, faults: Faults) -> None:
    said, log = event.get("seq"), event.get("log")
    if said != seq or isinstance(said, bool):
        if isinstance(said, int) and not isinstance(said, bool):
            kind = Kind.GAP if said > seq else Kind.REPEATED
            faults.add(kind, f"entry {said} stands where {seq} should", seq)
        else:
            faults.add(Kind.UNREADABLE, f"entry {seq} has no sequence number", seq)
    if log != terms.origin:
        faults.add(Kind.FOREIGN, f"entry {seq} is of another log", seq)
    if not isinstance(event.get("prev_hash"), str):
        faults.add(Kind.UNREADABLE, f"entry {seq} does not say what was before it", seq)


def _moment(value: object) -> datetime | None:
    """The moment that an RFC 3339 time with a zone names, or None."""
    if not isinstance(value, str) or len(value) < _SHORTEST_TIME:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment
