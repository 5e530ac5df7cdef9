"""Entries that are weighed many at a time come to what each comes to by itself, and so do subtrees taken whole."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pytest

from tenantproof.clients.transparency.audit import Growing
from tenantproof.clients.transparency.entries import Terms, weigh
from tenantproof.clients.transparency.faults import Kind
from tenantproof.clients.transparency.merkle import EMPTY_ROOT, Frontier, root_of, whole_root
from tests.transparency.exporting import NOW, events_of
from tests.transparency.growing import ORIGIN

TERMS = Terms(ORIGIN, datetime.fromisoformat(NOW).timestamp())
MIDDLE = 100
TWISTS: dict[str, tuple[bytes, bytes, Kind]] = {
    "a member twice": (b'{"actor"', b'{"actor":1,"actor"', Kind.UNCANONICAL),
    "a space": (b'"seq":100', b'"seq": 100', Kind.UNCANONICAL),
    "a fraction": (b'"rows":100', b'"rows":100.0', Kind.UNCANONICAL),
    "a number beyond every reader": (b'"rows":100', b'"rows":12345678901234567890', Kind.UNCANONICAL),
    "an escape that need not be": (b"tenant", b"t\\u0065nant", Kind.UNCANONICAL),
    "an open bracket": (b'"rows":100', b'"rows":[100', Kind.UNREADABLE),
    "a line break inside": (b'{"actor"', b'{\n"actor"', Kind.UNCANONICAL),
    "an object more": (b'{"actor"', b'{"more":1}\n{"actor"', Kind.UNREADABLE),
    "no zone": (b"+00:00", b"", Kind.TIMELESS),
    "another place": (b'"seq":100', b'"seq":101', Kind.GAP),
    "a place that is a word": (b'"seq":100', b'"seq":true', Kind.UNREADABLE),
}


def hashes(count: int) -> list[bytes]:
    return [hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(count)]


@pytest.mark.parametrize("twist", TWISTS)
def test_one_entry_among_many_is_found_where_it_stands(twist: str) -> None:
    old, new, kind = TWISTS[twist]
    entries = events_of(2 * MIDDLE)
    assert old in entries[MIDDLE]
    entries[MIDDLE] = entries[MIDDLE].replace(old, new)
    faults = weigh(entries, 0, TERMS).faults
    assert kind in {fault.kind for fault in faults if fault.seq == MIDDLE}
    assert {fault.seq for fault in faults} <= {MIDDLE, MIDDLE + 1}


def test_entries_that_only_make_sense_together_are_each_unreadable() -> None:
    whole = events_of(3)[1]
    cut = whole.index(b',"log"')
    for pieces in ([whole[:cut], whole[cut:], whole], [whole[:cut], whole[cut:] + b"\n" + whole]):
        assert weigh(pieces, 0, TERMS).faults.counts[Kind.UNREADABLE] >= len(pieces) - 1


def test_a_time_in_a_short_spelling_or_out_of_order_is_not_passed_quickly() -> None:
    def late(events: list[dict[str, object]]) -> None:
        events[50]["ts_logged"], events[70]["ts_logged"] = "20260301T000050Z", events[10]["ts_logged"]
        events[90]["ts_event"] = "2026-02-01T00:00:00Z"

    counts = weigh(events_of(128, change=late), 0, TERMS).faults.counts
    assert counts == {Kind.TIMELESS: 1, Kind.BACKWARDS: 1, Kind.LATE: 1}


def test_a_subtree_taken_whole_is_that_of_its_leaves() -> None:
    for level in range(8):
        leaves = hashes(1 << level)
        assert whole_root(b"".join(leaves)) == root_of(leaves)
    grown, grafted = Frontier(), Frontier()
    for leaf in hashes(21):
        grown.append(leaf)
    for start, count in ((0, 8), (8, 8), (16, 4), (20, 1)):
        grafted.graft(whole_root(b"".join(hashes(21)[start : start + count])), count)
    assert (grafted.size, grafted.root()) == (grown.size, grown.root())
    for odd in (b"", b"x" * 33, b"".join(hashes(3))):
        with pytest.raises(ValueError, match="subtree"):
            whole_root(odd)
    for count in (0, 3, 2):
        with pytest.raises(ValueError, match="subtree"):
            grafted.graft(EMPTY_ROOT, count)


@pytest.mark.parametrize("asked", [(), (64,), (70,), (128,), (200,)])
def test_roots_and_leaves_that_are_asked_for_are_the_same_whether_stretches_are_taken_whole(
    asked: tuple[int, ...],
) -> None:
    entries = events_of(200)

    def grown(length: int) -> Growing:
        growing = Growing(TERMS, sizes=asked, places=asked)
        for first in range(0, 200, length):
            growing.take(weigh(entries[first : first + length], first, TERMS))
        growing.close()
        return growing

    whole, single = grown(64).audit, grown(7).audit
    assert (whole.roots, whole.leaves, whole.root, whole.size) == (single.roots, single.leaves, single.root, 200)
    assert not whole.faults
