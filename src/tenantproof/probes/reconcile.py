"""Reconciles a sweep with the audit trails: each request has exactly its records, and each record its request."""

from __future__ import annotations

import json
import re
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar
from urllib.parse import urlencode

from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.target import Target
from tenantproof.clients.transparency.notes import NoteError, NoteKey
from tenantproof.clients.transparency.receipts import Receipt, ReceiptError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, ALIKE, DIFFERENT, PRESENT, UNCLEAR, Outcome
from tenantproof.probes.books import Books, opened
from tenantproof.probes.probe import Probe
from tenantproof.probes.reading import Sent
from tenantproof.probes.sighting import json_object
from tenantproof.probes.sweep import Sweep
from tenantproof.probes.trail_events import PATIENCE
from tenantproof.probes.trail_log import TrailLog

_PAGE = 500
_MOST_PAGES = 4000
_SHOWN = 3
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}")
_RECORDS = """
SELECT wanted.probe, wanted.caller, wanted.victim, wanted.operation, wanted.vector, wanted.expects, wanted.tenant,
       wanted.tries, wanted.status, coalesce(said.times, 0) AS times
FROM (SELECT sent.*, caller AS tenant FROM sent WHERE expects <> 'any'
      UNION ALL SELECT sent.*, victim AS tenant FROM sent WHERE expects = 'both') AS wanted
LEFT JOIN (SELECT probe, tenant, count(*) AS times FROM told GROUP BY probe, tenant) AS said
ON said.probe = wanted.probe AND said.tenant = wanted.tenant
"""
"""Per request and trail that has to tell of it: how many records there are."""
_MISSING = f"SELECT count(*) AS missing FROM ({_RECORDS}) AS held WHERE times = 0"  # noqa: S608  # ours
_LAST = "SELECT tenant, max(seq) AS seq FROM told GROUP BY tenant"
_STRAYS = """
SELECT told.tenant, count(*) AS records, min(told.probe) AS probe FROM told JOIN sent ON told.probe = sent.probe
WHERE told.tenant <> sent.caller AND NOT (sent.expects IN ('both', 'any') AND told.tenant = sent.victim)
GROUP BY told.tenant
"""
_RECEIPTS = """
SELECT sent.caller, count(*) AS given, sum(CASE WHEN kept.probe IS NULL THEN 1 ELSE 0 END) AS wrong,
       sum(coalesce(sent.forged, 0)) AS forged
FROM sent LEFT JOIN (SELECT DISTINCT tenant, probe, seq, leaf FROM told) AS kept
ON kept.tenant = sent.caller AND kept.probe = sent.probe AND kept.seq = sent.seq AND kept.leaf = sent.leaf
WHERE sent.seq IS NOT NULL GROUP BY sent.caller
"""
_COUNTS = """
SELECT sent.caller, count(*) AS answered, sum(coalesce(said.times, 0)) AS told
FROM sent LEFT JOIN (SELECT probe, tenant, count(*) AS times FROM told GROUP BY probe, tenant) AS said
ON said.probe = sent.probe AND said.tenant = sent.caller
WHERE sent.expects = 'both' AND sent.tries = 1 GROUP BY sent.caller
"""
QUESTIONS = (_RECORDS, _MISSING, _LAST, _STRAYS, _RECEIPTS, _COUNTS)
"""All that is asked."""


class Reconciliation(Probe):
    """Reads each tenant's trail once, as its own reader, from where it ended when the sweep began."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "trail"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._books: Books | None = None
        self._secrets: dict[str, list[str]] = {}
        self._events: dict[str, int] = {}
        self._keys: dict[str, NoteKey | None] = {}

    def close(self) -> None:
        """Let go of the books."""
        if self._books is not None:
            self._closing()
            self._books = None

    def compare(self, sweep: Sweep) -> None:
        """Enter what was sent and what the trails tell. Afterwards the questions below can be asked."""
        self.close()
        self._books = opened(self.target.profile.reconciliation)
        self._closing = weakref.finalize(self, self._books.close)
        self._keys = {tenant: self._key(tenant) for tenant in sweep.ground.tenants}
        self._books.enter("sent", (_row(each, self._keys.get(each.caller)) for each in sweep.sent()))
        started = sweep.trails
        self._scent = sweep.ground.scent
        deadline = time.monotonic() + PATIENCE * self.target.profile.safety.timeout_seconds
        for tenant in sweep.ground.tenants:
            self._enter(tenant, started.get(tenant, 0))
        while self._missing() and time.monotonic() < deadline:
            time.sleep(0.2)  # a trail may lag; what it tells late is told
            last = {tenant: seq + 1 for tenant, seq in self._ask(_LAST)}
            for tenant in sweep.ground.tenants:
                self._enter(tenant, last.get(tenant, started.get(tenant, 0)))

    def records(self) -> Iterator[Observation]:
        """For every request and every trail that it concerns: present, if there is exactly one record of it."""
        for probe, caller, victim, operation, vector, expects, tenant, tries, status, count in self._ask(_RECORDS):
            # What was asked again after a 503 may have been recorded each time; an act may have records of its own.
            most = count if expects == "some" else tries
            outcome: Outcome = ABSENT if not count else PRESENT if count <= most else DIFFERENT
            yield Observation(
                probe=probe,
                what=f"{tenant} finds the request of {caller} at {victim} in its trail",
                outcome=outcome,
                principal=f"{tenant}/reader",
                response=f"{count} records of an answer {status}",
                at=time.time(),
                unit=Unit(caller, victim, operation, vector),
                notes=() if outcome is PRESENT else (f"{count} records for {tries} requests",),
            )

    def strays(self, tenants: Iterable[str]) -> Iterator[Observation]:
        """For every tenant: present, if its trail tells of a request that does not concern it."""
        found = {tenant: (count, probe) for tenant, count, probe in self._ask(_STRAYS)}
        for tenant in tenants:
            count, probe = found.get(tenant, (0, ""))
            notes = (f"{count} records, the first of probe {probe}",) if count else ()
            yield self._said(f"{tenant} looks for others' requests in its trail", PRESENT if count else ABSENT, notes)

    def secrets(self, tenants: Iterable[str]) -> Iterator[Observation]:
        """For every tenant: present, if a record holds a token or what is another tenant's."""
        for tenant in tenants:
            found = self._secrets.get(tenant, [])
            what = f"{tenant} looks for secrets in {self._events.get(tenant, 0)} records of its trail"
            yield self._said(what, PRESENT if found else ABSENT, tuple(found[:_SHOWN]))

    def receipts(self, tenants: Iterable[str]) -> Iterator[Observation]:
        """For every tenant: alike, if each receipt that its requests were given names the record that is there.

        Where the profile has the trail's key, each must also be signed with it.
        """
        found = {tenant: counted for tenant, *counted in self._ask(_RECEIPTS)}
        for tenant in tenants:
            given, wrong, forged = map(int, found.get(tenant, (0, 0, 0)))
            notes = (
                f"{given} receipts, {wrong} of them for no such record",
                "their signatures were not looked at: the profile has no trail_key for it that can be read"
                if self._keys.get(tenant) is None
                else f"{forged} of them not signed by its log",
            )
            is_off = wrong or forged
            yield self._said(f"{tenant} compares its receipts with its trail", DIFFERENT if is_off else ALIKE, notes)

    def counts(self, tenants: Iterable[str]) -> Iterator[Observation]:
        """For every tenant: alike, if its trail tells of as many refusals of its requests as it was answered."""
        found = {tenant: counted for tenant, *counted in self._ask(_COUNTS)}
        for tenant in tenants:
            answered, told = map(int, found.get(tenant, (0, 0)))
            notes = (f"{answered} refusals were answered, {told} are told",)
            what = f"{tenant} counts the refusals of its requests"
            yield self._said(what, ALIKE if answered == told else DIFFERENT, notes)

    def own_records(self, tenants: Iterable[str]) -> Iterator[Observation]:
        """For every tenant: present, if the trail that was read tells of anything at all."""
        for tenant in tenants:
            count = self._events.get(tenant, 0)
            notes = (f"{count} records since the sweep began",)
            yield self._said(f"{tenant} reads its trail", PRESENT if count else UNCLEAR, notes)

    def _key(self, tenant: str) -> NoteKey | None:
        """The public key of a tenant's trail, where the profile has one that can be read."""
        try:
            return TrailLog(self.target, tenant).key
        except NoteError:
            return None

    def _said(self, what: str, outcome: Outcome, notes: tuple[str, ...]) -> Observation:
        return Observation(probe=new_probe(), what=what, outcome=outcome, at=time.time(), notes=notes)

    def _ask(self, question: str) -> Iterator[tuple[Any, ...]]:
        assert self._books is not None, "nothing was compared yet"
        return self._books.ask(question)

    def _missing(self) -> bool:
        return any(count for (count,) in self._ask(_MISSING))

    def _enter(self, tenant: str, start: int) -> None:
        after = start - 1
        for _ in range(_MOST_PAGES):
            _, answer = self._page(tenant, {"limit": _PAGE, **({"after": after} if after >= 0 else {})})
            page = json_object(answer.body)
            found = page.get("events")
            if not isinstance(found, list):
                return
            assert self._books is not None
            self._books.enter("told", self._told(tenant, found))
            following = page.get("next")
            if not found or not isinstance(following, int) or following == after:
                return
            after = following

    def _told(self, tenant: str, found: list[object]) -> Iterator[tuple[str, str, int, str]]:
        for entry in found:
            if not isinstance(entry, dict):
                continue
            self._events[tenant] = self._events.get(tenant, 0) + 1
            text = json.dumps(entry, ensure_ascii=False)
            others = [each for each in self._scent.in_text(text) if self._scent.owner(each) != tenant]
            if others or _JWT.search(text):
                what = f"{len(others)} markers of other tenants" if others else "a token"
                self._secrets.setdefault(tenant, []).append(f"record {entry.get('seq')} holds {what}")
            if probe := _trace(entry.get("event")):
                yield tenant, probe, int(entry.get("seq") or 0), str(entry.get("leaf_hash") or "")

    def _page(self, tenant: str, query: dict[str, int]) -> tuple[Request, Answer]:
        request = self.target.request(
            self.target.operation("trail"),
            tenant=tenant,
            query=urlencode(query),
            bearer=self.target.bearer(tenant),
            principal=f"{tenant}/reader",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)


def _row(sent: Sent, key: NoteKey | None) -> tuple[object, ...]:
    seq, _, rest = sent.receipt.partition(".")
    leaf = rest.partition(".")[0]
    is_receipt = seq.isdecimal() and bool(leaf)
    return (
        sent.probe,
        sent.caller,
        sent.victim,
        sent.expects,
        sent.status,
        sent.tries,
        int(seq) if is_receipt else None,
        leaf if is_receipt else None,
        sent.operation,
        sent.vector,
        None if key is None or not is_receipt else int(not _is_signed(sent.receipt, key)),
    )


def _is_signed(receipt: str, key: NoteKey) -> bool:
    try:
        return Receipt.parse(receipt).is_genuine(key)
    except ReceiptError:
        return False


def _trace(event: object) -> str:
    """The probe that an event belongs to: the trace id, wherever it stands."""
    if isinstance(event, dict):
        for key, value in event.items():
            if isinstance(value, str) and "trace" in key.lower() and len(value) >= 32:
                return value.split("-")[1] if value.startswith("00-") else value
            if isinstance(value, dict) and (found := _trace(value)):
                return found
    return ""
