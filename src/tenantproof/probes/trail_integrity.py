"""Holds trails to themselves: order, chain, times, signed heads, earlier heads, and what another reader is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import ClassVar

from tenantproof.clients.target import Target
from tenantproof.clients.transparency.audit import Audit, Growing, hold_to_head
from tenantproof.clients.transparency.entries import Terms, weigh
from tenantproof.clients.transparency.faults import Faults, Kind
from tenantproof.clients.transparency.merkle import extends
from tenantproof.clients.transparency.notes import Checkpoint, NoteError
from tenantproof.model.heads import Head
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ALIKE, DIFFERENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import sight
from tenantproof.probes.trail_log import Entry, HeadLook, Look, TrailLog, hashes_of

_STRETCH = 500
_MOST = 100_000
"""Entries of one trail that are read; of a longer one, its end."""
_SAMPLE = 200
PROOFS = ("checkpoint", "inclusion", "consistency")


@dataclass(frozen=True)
class Reading:
    """A trail as one reader was shown it, up to a head. `audit` is what it came to; `first` where it was begun."""

    log: TrailLog
    look: Look
    head: Checkpoint | None
    audit: Audit
    first: int
    tail: Sequence[Entry]
    trouble: str = ""


class TrailIntegrity(Probe):
    """Every tenant's own trail, read as an auditor reads it."""

    needs: ClassVar[frozenset[str]] = frozenset({"trail"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._readings: dict[str, Reading] = {}

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of all tenants of the profile."""
        return tuple(tenant.id for tenant in self.target.profile.tenants)

    def is_verifiable(self, tenant: str) -> bool:
        """Whether the profile says how the tenant's trail can be proved: its key, its heads, its proofs."""
        return bool(self.target.tenant(tenant).trail_key) and all(
            name in self.target.profile.http.operations for name in PROOFS
        )

    def tampered(self, tenant: str) -> Observation:
        """One value of one entry changed on our side: the verifier must see it, or it sees nothing."""
        log = self._log(tenant)
        entries = list(islice(log.entries(), _SAMPLE))
        look = log.seen
        what = f"one entry of {tenant}'s trail changed on our side, for the verifier to see"
        if len(entries) < 2 or not all(entry.data for entry in entries):
            return sight(what, look.request, look.answer, UNCLEAR, notes=["the trail has no two entries to change"])
        terms = self._terms(tenant, entries)
        data = [entry.data for entry in entries]
        changed = [data[0].replace(b":", b": ", 1), *data[1:]]
        before, after = weigh(data, 0, terms), weigh(changed, 0, terms)
        is_seen = before.leaves != after.leaves and sum(after.faults.counts.values()) > sum(
            before.faults.counts.values()
        )
        return sight(what, look.request, look.answer, DIFFERENT if is_seen else ALIKE)

    def whole(self, tenant: str) -> Observation:
        """The whole trail: its order, its chain, its times, and the head that was signed over it."""
        reading = self._readings[tenant] = self._read(self._log(tenant), tenant)
        what = f"{tenant} holds its trail to its order, its times" + (
            " and its signed head" if self.is_verifiable(tenant) else ""
        )
        audit = reading.audit
        outcome = UNANSWERED if reading.trouble else DIFFERENT if audit.faults else ALIKE
        notes = [reading.trouble or audit.faults.summary() or f"{audit.size} entries"]
        if not self.is_verifiable(tenant):
            notes.append("the profile names no trail_key and proofs for it: nothing was held to a signed head")
        return self._sight(what, reading.look, outcome, tenant, "own trail, whole", notes)

    def grown(self, tenant: str) -> Iterator[Observation]:
        """The head now, against that of the first reading and those of earlier runs: a log only grows."""
        if not self.is_verifiable(tenant) or tenant not in self._readings:
            return
        now = self._log(tenant).head()
        seen = [self._extension(tenant, old, now, whose) for old, whose in self._earlier(tenant)]
        yield from seen
        # A head that does not continue what was known is not what later runs should go by.
        if now.head is not None and all(each.outcome is ALIKE for each in seen):
            self._remember(tenant, now)

    def _earlier(self, tenant: str) -> Iterator[tuple[Checkpoint, str]]:
        first = self._readings[tenant].head
        if first is not None:
            yield first, "its head of a moment ago"
        if before := self.target.heads.known(self._deployment, self._origin(tenant)):
            yield Checkpoint(before.log, before.size, bytes.fromhex(before.root)), f"its head of {before.seen}"

    def shown_to_another(self, tenant: str) -> Iterator[Observation]:
        """The same trail as another reader of the tenant is shown it: a fork shows where two readers meet."""
        reading = self._readings.get(tenant)
        if reading is None or reading.trouble:
            return
        for principal in self.target.tenant(tenant).principals:
            log = TrailLog(self.target, tenant, principal=principal)
            if principal == "reader" or log.ask("trail", {"limit": 1}).answer.status != 200:
                continue
            yield self._same_entries(tenant, principal, log, reading)
            if self.is_verifiable(tenant) and reading.head is not None:
                yield self._extension(tenant, reading.head, log.head(), f"the head that {principal} is shown", log)
            return

    def _same_entries(self, tenant: str, principal: str, log: TrailLog, reading: Reading) -> Observation:
        tail = reading.tail
        start = int(tail[0].seq) - 1 if tail and isinstance(tail[0].seq, int) else -1
        other = list(islice(log.entries(start), len(tail)))
        look = log.seen
        what = f"{tenant}'s trail as {principal} is shown it"
        if look.trouble:
            return self._sight(what, look, UNANSWERED, tenant, "second reader", [look.trouble])
        differing = sum(mine.data != theirs.data for mine, theirs in zip(tail, other, strict=False))
        differing += abs(len(tail) - len(other))
        notes = [f"{differing} of {len(tail)} entries differ from what reader is shown"]
        return self._sight(what, look, DIFFERENT if differing else ALIKE, tenant, "second reader", notes)

    def _extension(
        self, tenant: str, old: Checkpoint, now: HeadLook, whose: str, log: TrailLog | None = None
    ) -> Observation:
        """Whether a later head continues an earlier one, by the log's own proof, which is held to both roots."""
        what = f"{tenant}'s trail continues {whose}"
        if now.head is None:
            outcome = UNANSWERED if not now.answer.is_whole else DIFFERENT
            return self._sight(what, now, outcome, tenant, "consistency", [now.trouble])
        new = now.head
        if new.size < old.size:
            note = f"the head went back from {old.size} to {new.size} entries"
            return self._sight(what, now, DIFFERENT, tenant, "consistency", [note])
        if old.size == 0 or new.size == old.size:
            outcome = ALIKE if old.size == 0 or new.root == old.root else DIFFERENT
            return self._sight(what, now, outcome, tenant, "consistency", [f"{new.size} entries, as before"])
        look = (log or self._log(tenant)).ask("consistency", {"from": old.size, "to": new.size})
        steps = hashes_of(look.page)
        if not look.answer.is_whole:
            return self._sight(what, look, UNANSWERED, tenant, "consistency", [look.trouble])
        holds = steps is not None and extends(old.size, old.root, new.size, new.root, steps)
        note = "" if holds else look.trouble or f"no proof that {new.size} entries begin with the {old.size} before"
        return self._sight(what, look, ALIKE if holds else DIFFERENT, tenant, "consistency", [note] if note else [])

    def _read(self, log: TrailLog, tenant: str) -> Reading:
        head = log.head() if self.is_verifiable(tenant) else None
        size = head.head.size if head and head.head else None
        first = max(size - _MOST, 0) if size else 0
        if head is not None and head.head is None:
            audit = Audit("")
            audit.faults.add(Kind.UNSIGNED, head.trouble)
            return Reading(log, head, None, audit, 0, [], "" if head.answer.is_whole else head.trouble)
        entries, growing, faults = list[Entry](), None, Faults()
        tail: list[Entry] = []
        count = first
        for entry in log.entries(first - 1, until=size):
            entries.append(entry)
            if len(entries) == _STRETCH:
                growing = self._take(growing, entries, count, tenant, size, faults)
                count, tail, entries = count + len(entries), entries[-_SAMPLE:], []
        growing = self._take(growing, entries, count, tenant, size, faults)
        audit = growing.close()
        audit.faults.merge(faults)
        if head is not None and head.head is not None and not first:
            hold_to_head(audit, head.head)
        look = log.seen
        return Reading(log, look, head.head if head else None, audit, first, [*tail, *entries][-_SAMPLE:], look.trouble)

    def _take(
        self,
        growing: Growing | None,
        entries: Sequence[Entry],
        first: int,
        tenant: str,
        size: int | None,
        faults: Faults,
    ) -> Growing:
        terms = self._terms(tenant, entries)
        growing = growing or Growing(terms, sizes=[] if size is None else [size], begun=not first)
        if self.is_verifiable(tenant):
            weighed = weigh([entry.data for entry in entries], first, terms)
            growing.take(weighed)
            _beside(entries, weighed.leaves, first, faults)
        else:
            _order(entries, terms, faults)
            growing.audit.size += len(entries)
        return growing

    def _terms(self, tenant: str, entries: Sequence[Entry]) -> Terms:
        origin = self._origin(tenant) or (str(entries[0].event.get("log", "")) if entries else "")
        return Terms(origin, datetime.now(UTC).timestamp())

    def _origin(self, tenant: str) -> str:
        try:
            key = self._log(tenant).key
        except NoteError:
            return ""
        return key.name if key else ""

    def _remember(self, tenant: str, now: HeadLook) -> None:
        assert now.head is not None
        seen = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self.target.heads.note(
            Head(
                log=now.head.origin,
                size=now.head.size,
                root=now.head.root.hex(),
                key=self.target.tenant(tenant).trail_key,
                seen=seen,
                note=now.note,
                deployment=self._deployment,
            )
        )

    @property
    def _deployment(self) -> str:
        said = self.target.profile.target.identity.expect
        return "; ".join(f"{name}={said[name]}" for name in sorted(said))

    def _log(self, tenant: str) -> TrailLog:
        return TrailLog(self.target, tenant)

    def _sight(
        self, what: str, look: Look, outcome: Outcome, tenant: str, vector: str, notes: Sequence[str]
    ) -> Observation:
        unit = Unit(tenant, tenant, "verify", vector)
        return sight(what, look.request, look.answer, outcome, unit=unit, notes=notes)


def _beside(entries: Sequence[Entry], leaves: bytes, first: int, faults: Faults) -> None:
    """Hold what a page says of an entry to the entry itself."""
    for index, entry in enumerate(entries):
        if entry.leaf != leaves[32 * index : 32 * index + 32].hex():
            faults.add(
                Kind.EDITED, f"entry {first + index} is not the one whose leaf hash stands beside it", first + index
            )
        if entry.seq != entry.event.get("seq"):
            faults.add(Kind.REPEATED, f"entry {first + index} is listed under another number", first + index)


def _order(entries: Sequence[Entry], terms: Terms, faults: Faults) -> None:
    """What can be asked of any trail: numbers that rise, and no entry from the future."""
    before = -1
    for entry in entries:
        if isinstance(entry.seq, int):
            if entry.seq <= before:
                faults.add(Kind.REPEATED, f"entry {entry.seq} comes after entry {before}", entry.seq)
            before = entry.seq
    del terms
