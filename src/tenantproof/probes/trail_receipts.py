"""Acts as a tenant and looks for the acts in the trail: each one there, at once, once, as its receipt says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.clients.transparency.merkle import includes
from tenantproof.clients.transparency.notes import NoteError
from tenantproof.clients.transparency.receipts import Receipt, ReceiptError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ALIKE, DIFFERENT, PERMITTED, PRESENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import new_probe, sight
from tenantproof.probes.trail_events import Sought, TrailReader, TrailReading
from tenantproof.probes.trail_integrity import PROOFS, TrailIntegrity
from tenantproof.probes.trail_log import Entry, TrailLog, entries_of, hashes_of

BURST = 12
"""Acts at the same time: where a queue runs over, the first to go is the record."""
_CLOCKS = 5.0
"""Seconds by which the time of an event may differ from the date of its answer."""


@dataclass(frozen=True)
class Act:
    """One request of a tenant on its own behalf, with its answer."""

    tenant: str
    operation: str
    request: Request
    answer: Answer


class TrailReceipts(Probe):
    """What tenants do, looked up in their trails by trace id and by receipt."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "trail"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._integrity = TrailIntegrity(target)
        self._acts: dict[str, list[Act]] = {}
        self.tenants = self._integrity.tenants
        self.ring = tuple(zip(self.tenants, (*self.tenants[1:], self.tenants[0]), strict=True))
        """Every tenant with one that has no part in what it does."""
        self.operations = ("read", "list", *(name for name in PROOFS[:1] if name in target.profile.http.operations))

    def acted(self, tenant: str) -> Observation:
        """Do something of each kind, one after the other, then some of it at once; permitted when all was answered."""
        acts = [self._act(tenant, operation) for operation in self.operations]
        with ThreadPoolExecutor(min(BURST, self.target.profile.safety.connections)) as pool:
            acts += pool.map(lambda turn: self._act(tenant, self.operations[turn % 2]), range(BURST))
        self._acts[tenant] = acts
        refused = [act for act in acts if act.answer.status != 200]
        shown = refused[0] if refused else acts[-1]
        outcome = UNCLEAR if refused else PERMITTED
        note = f"{len(acts) - len(refused)} of {len(acts)} acts were permitted"
        return sight(f"{tenant} acts on its own behalf", shown.request, shown.answer, outcome, notes=[note])

    def at_once(self, tenant: str, operation: str) -> Observation:
        """One act, and a look into the trail as soon as it is answered: present when its event is there already."""
        act = self._act(tenant, operation)
        reader = TrailReader(self.target)
        # Whoever hands out receipts says that the event is durable before the answer leaves.
        look = reader.miss if self._integrity.is_verifiable(tenant) else reader.appear
        reading = look(tenant, self._sought(act))
        what = f"{tenant} looks in its trail for its {operation} as soon as it is answered"
        return self._seen(what, reading, reading.outcome, tenant, "at once", [*reading.notes])

    def each_once(self, tenant: str) -> Iterator[Observation]:
        """Every act of `acted`: present when the trail has exactly one event of it, and its time is that of the act."""
        reader = TrailReader(self.target)
        look = reader.miss if self._integrity.is_verifiable(tenant) else reader.appear
        for act in self._acts[tenant]:
            reading = look(tenant, self._sought(act))
            count = len(reading.events)
            outcome = UNCLEAR if reading.outcome is PRESENT and count != 1 else reading.outcome
            notes = [*reading.notes, f"{count} events"]
            if outcome is PRESENT and (off := _off(reading.events[0], act.answer)):
                outcome, notes = UNCLEAR, [*notes, off]
            what = f"{tenant} looks in its trail for its {act.operation}"
            yield self._seen(what, reading, outcome, tenant, act.operation, notes)

    def nowhere_else(self, tenant: str, other: str) -> Iterator[Observation]:
        """Whether another tenant finds an act of each kind of this one by its trace id."""
        for act in self._acts[tenant][: len(self.operations)]:
            reading = TrailReader(self.target).miss(other, self._sought(act))
            what = f"{other} looks in its trail for a {act.operation} of {tenant}"
            unit = Unit(other, tenant, "trail", f"trace id of a {act.operation}")
            yield sight(what, reading.request, reading.answer, reading.outcome, unit=unit, notes=reading.notes)

    def receipts(self, tenant: str) -> Iterator[Observation]:
        """Every receipt of `acted`, against the log that signed it, the entry at its place, and the head now."""
        if not self._integrity.is_verifiable(tenant):
            return
        log = TrailLog(self.target, tenant)
        acts = self._acts[tenant]
        read = [(act, *_receipt(act.answer)) for act in acts]
        places = [receipt.seq for _, receipt, _ in read if receipt]
        entries = self._entries(log, places)
        for act, receipt, trouble in read:
            said = trouble or self._held(log, act, receipt, places, entries)
            what = f"{tenant} holds the receipt of its {act.operation} to its trail"
            unit = Unit(tenant, tenant, act.operation, "receipt")
            outcome = DIFFERENT if said else ALIKE
            yield sight(what, act.request, act.answer, outcome, unit=unit, notes=[said] if said else [])
        if places:
            yield self._included(log, tenant, max(places), entries)

    def _held(
        self, log: TrailLog, act: Act, receipt: Receipt | None, places: Sequence[int], entries: dict[int, Entry]
    ) -> str:
        """What is wrong with a receipt, or nothing."""
        try:
            key = log.key
        except NoteError as error:
            return str(error)
        if receipt is None or key is None:
            return "no receipt"
        entry = entries.get(receipt.seq)
        wrong = {
            "it was not signed by this log": not receipt.is_genuine(key),
            "another answer has a receipt for the same place": places.count(receipt.seq) > 1,
            "there is no entry at its place": entry is None,
            "the entry at its place has another leaf hash": entry is not None and entry.leaf != receipt.leaf.hex(),
            "the entry at its place is of another act": entry is not None
            and not any(act.request.probe in str(value) for value in values_of(entry.event)),
        }
        return "; ".join(said for said, is_wrong in wrong.items() if is_wrong)

    def _included(self, log: TrailLog, tenant: str, place: int, entries: dict[int, Entry]) -> Observation:
        """The proof that the last act is in the tree of the head now."""
        what, unit = f"{tenant} has its last act proved", Unit(tenant, tenant, "verify", "inclusion")
        head = log.head()
        if head.head is None:
            outcome = DIFFERENT if head.answer.is_whole else UNANSWERED
            return sight(what, head.request, head.answer, outcome, unit=unit, notes=[head.trouble])
        size, root = head.head.size, head.head.root
        if size <= place:
            note = f"the head covers {size} entries, and there is a receipt for entry {place}"
            return sight(what, head.request, head.answer, DIFFERENT, unit=unit, notes=[note])
        look = log.ask("inclusion", {"seq": place, "size": size})
        steps = hashes_of(look.page)
        leaf = bytes.fromhex(entries[place].leaf) if place in entries else b""
        holds = steps is not None and includes(root, size, place, leaf, steps)
        outcome = UNANSWERED if not look.answer.is_whole else ALIKE if holds else DIFFERENT
        note = look.trouble or f"no proof that entry {place} is among the {size} of the head"
        return sight(what, look.request, look.answer, outcome, unit=unit, notes=[] if holds else [note])

    def _entries(self, log: TrailLog, places: Sequence[int]) -> dict[int, Entry]:
        """The entries at these places and between them."""
        if not places:
            return {}
        found = dict[int, Entry]()
        for look in log.pages(min(places) - 1):
            page = {entry.seq: entry for entry in entries_of(look.page) if isinstance(entry.seq, int)}
            found |= page
            if not page or max(page) >= max(places):
                break
        return found

    def _act(self, tenant: str, operation: str) -> Act:
        records = self.target.tenant(tenant).records
        request = self.target.request(
            self.target.operation(operation),
            tenant=tenant,
            record=records[0].id if operation == "read" else "",
            bearer=self.target.bearer(tenant),
            principal=f"{tenant}/reader",
            probe=new_probe(),
        )
        return Act(tenant, operation, request, self.target.wire.send(request))

    def _sought(self, act: Act) -> Sought:
        route = self.target.operation(act.operation).path
        return Sought(act.request.probe, act.request.method, route, act.answer, "")

    def _seen(
        self, what: str, reading: TrailReading, outcome: Outcome, tenant: str, vector: str, notes: Sequence[str]
    ) -> Observation:
        unit = Unit(tenant, tenant, "trail", vector)
        return sight(what, reading.request, reading.answer, outcome, unit=unit, notes=notes)


def _receipt(answer: Answer) -> tuple[Receipt | None, str]:
    text = answer.header("audit-receipt")
    if not text:
        return None, "the answer came without a receipt"
    try:
        return Receipt.parse(text), ""
    except ReceiptError as error:
        return None, str(error)


def values_of(event: object) -> Iterator[object]:
    """Every value in a piece of JSON that holds no others."""
    if isinstance(event, dict):
        for value in event.values():
            yield from values_of(value)
    elif isinstance(event, list):
        for value in event:
            yield from values_of(value)
    else:
        yield event


def _off(event: object, answer: Answer) -> str:
    """How far the event's own time is from the date of the answer, if that is too far; both are the target's clock."""
    said = event.get("event", event) if isinstance(event, dict) else {}
    try:
        moment = datetime.fromisoformat(str(said.get("ts_event", "")))
        date = parsedate_to_datetime(answer.header("date"))
    except (ValueError, TypeError):
        return ""
    if moment.tzinfo is None:
        return "the event's time has no zone"
    apart = (moment - date).total_seconds()
    return f"the event's time is {apart:.0f} s from the answer's date" if abs(apart) > _CLOCKS else ""
