"""What can be wrong with a log, in one word each, and a list of such faults that stays short however long the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

_KEPT = 5


class Kind(StrEnum):
    """One way in which a log is not what it should be."""

    UNREADABLE = "unreadable"
    """An entry is no JSON object with the members that every entry has."""
    UNCANONICAL = "uncanonical"
    """An entry is not spelled as RFC 8785 spells it, so two readers may read it differently."""
    GAP = "gap"
    """Entries are missing between two others."""
    REPEATED = "repeated"
    """A sequence number comes again, or comes too late: doubled, reordered or used twice."""
    FOREIGN = "foreign"
    """An entry belongs to another log."""
    UNCHAINED = "unchained"
    """An entry does not name the leaf hash of the one before it."""
    EDITED = "edited"
    """An entry is not the one whose leaf hash stands beside it."""
    BACKWARDS = "backwards"
    """An entry was written earlier than the one before it."""
    TIMELESS = "timeless"
    """A time is missing, can't be read, or has no zone and so names no moment."""
    FUTURE = "future"
    """An entry was written at a time that has not come yet."""
    LATE = "late"
    """What happened and when it was written down lie too far apart."""
    UNSIGNED = "unsigned"
    """A head carries no signature that counts."""
    UNCOVERED = "uncovered"
    """Entries stand under no signed head: they can still be rewritten."""
    REWRITTEN = "rewritten"
    """The entries do not add up to a head that was signed over them."""
    TRUNCATED = "truncated"
    """There are fewer entries than a head was signed over, or than the file says that it holds."""
    ROLLBACK = "rollback"
    """The log is shorter than it was seen to be."""
    FORK = "fork"
    """The log has another history than it was seen to have."""
    KEY = "key"
    """The log signs with another key than it was known by."""
    RECEIPT = "receipt"
    """A receipt is forged, or says something else than the log does."""
    SHARED = "shared"
    """A witness signs with the log's own key."""


@dataclass(frozen=True, order=True)
class Fault:
    """One fault. `seq` is the entry where it shows, or -1 when it shows in none."""

    seq: int
    kind: Kind
    said: str


@dataclass
class Faults:
    """Counts every fault and keeps the first few of each kind."""

    counts: Counter[Kind] = field(default_factory=Counter)
    _kept: list[Fault] = field(default_factory=list)

    def add(self, kind: Kind, said: str, seq: int = -1) -> None:
        """Note a fault."""
        self.counts[kind] += 1
        if self.counts[kind] <= _KEPT:
            self._kept.append(Fault(seq, kind, said))

    def merge(self, other: Faults) -> None:
        """Take in what another list holds."""
        room = {kind: _KEPT - self.counts[kind] for kind in other.counts}
        for fault in other:
            if room[fault.kind] > 0:
                room[fault.kind] -= 1
                self._kept.append(fault)
        self.counts.update(other.counts)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._kept)

    def __bool__(self) -> bool:
        return bool(self.counts)

    def summary(self) -> str:
        """One line: each kind with its count and where it shows first."""
        return "; ".join(f"{self.counts[kind]} {kind.value}: {first.said}" for kind, first in _first_of(self._kept))


def _first_of(faults: Iterable[Fault]) -> Iterator[tuple[Kind, Fault]]:
    seen: dict[Kind, Fault] = {}
    for fault in faults:
        seen.setdefault(fault.kind, fault)
    yield from seen.items()
