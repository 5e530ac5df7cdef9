"""Audits an exported log: its entries, its heads, its receipts, and every head by which it was known before."""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context

from tenantproof.clients.transparency.entries import NOTHING_BEFORE, Terms, Weighed, weigh
from tenantproof.clients.transparency.export import Export
from tenantproof.clients.transparency.faults import Faults, Kind
from tenantproof.clients.transparency.merkle import Frontier
from tenantproof.clients.transparency.notes import Checkpoint, NoteError, NoteKey, opened
from tenantproof.clients.transparency.receipts import Receipt, ReceiptError

STRETCH = 4096
"""Entries that are weighed at a time."""
_AHEAD = 4


@dataclass(frozen=True)
class Known:
    """A head by which a log is known from elsewhere: `whence` says from where, for the message."""

    size: int
    root: bytes
    whence: str


@dataclass
class Audit:
    """What an audit came to. `heads` are those that were signed; `roots` are by size, for the sizes asked about."""

    log: str
    size: int = 0
    root: bytes = b""
    heads: list[Checkpoint] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    roots: dict[int, bytes] = field(default_factory=dict)
    leaves: dict[int, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What is no fault and should be known all the same."""

    @property
    def head(self) -> Checkpoint | None:
        """The largest head that was signed and fits the entries."""
        fitting = [head for head in self.heads if self.roots.get(head.size) == head.root]
        return max(fitting, key=lambda head: head.size, default=None)


class Growing:
    """A log that is fed its entries stretch by stretch, and is held to what was signed and known about it.

    `begun` is False for the end of a log whose beginning is left out; then its roots mean nothing.
    """

    def __init__(
        self, terms: Terms, *, sizes: Iterable[int] = (), places: Iterable[int] = (), begun: bool = True
    ) -> None:
        self.audit = Audit(terms.origin)
        self._sizes, self._places = frozenset(sizes), frozenset(places)
        self._tree = Frontier()
        self._before: str | None = NOTHING_BEFORE if begun else None
        self._clock = 0.0
        if 0 in self._sizes:
            self.audit.roots[0] = self._tree.root()

    def take(self, weighed: Weighed) -> None:
        """Take in the next stretch."""
        if not weighed.count:
            return
        audit, tree, first = self.audit, self._tree, self._tree.size
        if self._before is not None and weighed.previous != self._before:
            audit.faults.add(Kind.UNCHAINED, f"entry {first} does not name the entry before it", first)
        if 0 < weighed.began < self._clock:
            audit.faults.add(Kind.BACKWARDS, f"entry {first} was written before the one before it", first)
        audit.faults.merge(weighed.faults)
        if weighed.root and tree.size == weighed.first and not self._is_asked_within(weighed):
            tree.graft(weighed.root, weighed.count)
        else:
            self._add(weighed)
        self._before = weighed.leaves[-32:].hex()
        self._clock = max(self._clock, weighed.ended)

    def _is_asked_within(self, weighed: Weighed) -> bool:
        """Whether a root or a leaf is asked for that a subtree taken whole would not show."""
        first, last = weighed.first, weighed.first + weighed.count
        asked_sizes = any(first < size <= last for size in self._sizes)
        return asked_sizes or any(first <= place < last for place in self._places)

    def _add(self, weighed: Weighed) -> None:
        audit, tree = self.audit, self._tree
        for leaf in weighed.each():
            if tree.size in self._places:
                audit.leaves[tree.size] = leaf
            tree.append(leaf)
            if tree.size in self._sizes:
                audit.roots[tree.size] = tree.root()

    def close(self) -> Audit:
        """The audit, with the size and the root of the whole."""
        self.audit.size, self.audit.root = self._tree.size, self._tree.root()
        self.audit.roots[self.audit.size] = self.audit.root
        return self.audit


def audit_export(
    export: Export, terms: Terms, keys: Sequence[NoteKey], known: Sequence[Known] = (), *, jobs: int = 1
) -> Audit:
    """Audit an export that was just opened. `jobs`: processes that weigh entries side by side.

    Raises ExportError when the file is no export.
    """
    notes = [_signed(note, keys, terms.origin) for note in export.preamble.heads]
    receipts = [_read(text) for text in export.preamble.receipts]
    sizes = {head.size for head, _ in notes if head} | {each.size for each in known}
    growing = Growing(terms, sizes=sizes, places={receipt.seq for receipt, _ in receipts if receipt})
    for weighed in _weighed(export, terms, jobs):
        growing.take(weighed)
    audit = growing.close()
    if export.told != audit.size:
        said = "the file ends before its last line" if export.told is None else f"the file says {export.told} entries"
        audit.faults.add(Kind.TRUNCATED, f"{said}, and {audit.size} are there")
    _hold_to_heads(audit, notes)
    _hold_to_known(audit, known)
    for receipt, trouble in receipts:
        _hold_to_receipt(audit, receipt, trouble, keys)
    return audit


def hold_to_head(audit: Audit, head: Checkpoint) -> None:
    """Hold the entries to a head that was signed over them."""
    audit.heads.append(head)
    if head.size > audit.size:
        audit.faults.add(Kind.TRUNCATED, f"a head was signed over {head.size} entries, and {audit.size} are there")
    elif audit.roots[head.size] != head.root:
        audit.faults.add(Kind.REWRITTEN, f"the entries do not add up to the head that was signed over {head.size}")


def _hold_to_heads(audit: Audit, notes: Iterable[tuple[Checkpoint | None, str]]) -> None:
    for head, trouble in notes:
        if head is None:
            audit.faults.add(Kind.UNSIGNED, f"a head: {trouble}")
        else:
            hold_to_head(audit, head)
    covered = max((head.size for head in audit.heads), default=-1)
    if covered < 0:
        audit.faults.add(Kind.UNSIGNED, "there is no signed head")
    elif covered < audit.size:
        audit.faults.add(Kind.UNCOVERED, f"entries from {covered} on stand under no signed head", covered)


def _hold_to_known(audit: Audit, known: Iterable[Known]) -> None:
    for each in known:
        if each.size > audit.size:
            audit.faults.add(Kind.ROLLBACK, f"{each.whence} saw {each.size} entries, and {audit.size} are there")
        elif audit.roots[each.size] != each.root:
            audit.faults.add(Kind.FORK, f"{each.whence} saw another history of the first {each.size} entries")


def _hold_to_receipt(audit: Audit, receipt: Receipt | None, trouble: str, keys: Sequence[NoteKey]) -> None:
    if receipt is None:
        audit.faults.add(Kind.RECEIPT, trouble)
    elif not any(receipt.is_genuine(key, origin=audit.log) for key in keys):
        audit.faults.add(Kind.RECEIPT, f"the receipt for entry {receipt.seq} was not signed by this log", receipt.seq)
    elif receipt.seq not in audit.leaves:
        audit.faults.add(Kind.TRUNCATED, f"there is a receipt for entry {receipt.seq}, and no such entry", receipt.seq)
    elif audit.leaves[receipt.seq] != receipt.leaf:
        audit.faults.add(Kind.RECEIPT, f"the receipt for entry {receipt.seq} is for another entry", receipt.seq)


def _signed(note: str, keys: Sequence[NoteKey], origin: str) -> tuple[Checkpoint | None, str]:
    trouble = "there is no key to hold it to"
    for key in keys:
        try:
            return opened(note, key, origin=origin), ""
        except NoteError as error:
            trouble = str(error)
    return None, trouble


def _read(text: str) -> tuple[Receipt | None, str]:
    try:
        return Receipt.parse(text), ""
    except ReceiptError as error:
        return None, str(error)


def _weighed(export: Export, terms: Terms, jobs: int) -> Iterator[Weighed]:
    first = 0
    with ExitStack() as stack:
        pool = stack.enter_context(_pool(jobs)) if jobs > 1 else None
        waiting: deque[Future[Weighed]] = deque()
        for stretch in export.stretches(STRETCH):
            if pool is None or (first == 0 and len(stretch) < STRETCH):
                yield weigh(stretch, first, terms)
            else:
                waiting.append(pool.submit(weigh, stretch, first, terms))
                # No further ahead than this, or a long log would pile up in memory.
                if len(waiting) >= _AHEAD * jobs:
                    yield waiting.popleft().result()
            first += len(stretch)
        while waiting:
            yield waiting.popleft().result()


def _pool(jobs: int) -> Executor:
    # A forked process would inherit locks that another thread may hold. What is weighed makes no cycles to collect.
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=gc.disable)


def cores() -> int:
    """How many processes may work at once here."""
    return max(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1)
