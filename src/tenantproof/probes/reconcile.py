"""Reconciles a sweep with the audit trails: each request has exactly its records, and each record its request."""

from __future__ import annotations

import json
import re
import sqlite3
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import ClassVar
from urllib.parse import urlencode

from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.target import Target
from tenantproof.clients.transparency.notes import NoteError, NoteKey
from tenantproof.clients.transparency.receipts import Receipt, ReceiptError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, ALIKE, DIFFERENT, PRESENT, UNCLEAR, Outcome
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
_TABLES = """
CREATE TABLE sent (probe TEXT PRIMARY KEY, caller TEXT, victim TEXT, expects TEXT, status INT, tries INT,
                   seq INT, leaf TEXT, operation TEXT, vector TEXT, forged INT) WITHOUT ROWID;
CREATE TABLE told (tenant TEXT, probe TEXT, seq INT, leaf TEXT);
CREATE INDEX told_of ON told (probe, tenant);
"""
_RECORDS = """
SELECT probe, caller, victim, operation, vector, expects, wanted.tenant, tries, status,
       (SELECT count(*) FROM told WHERE told.probe = wanted.probe AND told.tenant = wanted.tenant)
FROM (SELECT sent.*, caller AS tenant FROM sent WHERE expects <> 'any'
      UNION ALL SELECT sent.*, victim FROM sent WHERE expects = 'both') AS wanted
"""
"""Per request and trail that has to tell of it: how many records there are."""
_STRAYS = """
SELECT told.tenant, count(*), min(told.probe) FROM told JOIN sent USING (probe)
WHERE told.tenant <> sent.caller AND NOT (sent.expects IN ('both', 'any') AND told.tenant = sent.victim)
GROUP BY told.tenant
"""
_RECEIPTS = """
SELECT count(*), sum(NOT EXISTS (SELECT 1 FROM told WHERE told.tenant = sent.caller AND told.probe = sent.probe
                                 AND told.seq = sent.seq AND told.leaf = sent.leaf)), sum(forged)
FROM sent WHERE seq IS NOT NULL AND caller = ?
"""


class Reconciliation(Probe):
    """Reads each tenant's trail once, as its own reader, from where it ended when the sweep began."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "trail"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        # Without a name the database lies in a file of its own that goes when it is closed.
        self._books = sqlite3.connect("", check_same_thread=False)
        self._closing = weakref.finalize(self, self._books.close)
        self._secrets: dict[str, list[str]] = {}
        self._events: dict[str, int] = {}
        self._keys: dict[str, NoteKey | None] = {}

    def close(self) -> None:
        """Let go of the books."""
        self._closing()

    def compare(self, sweep: Sweep) -> None:
        """Enter what was sent and what the trails tell. Afterwards the questions below can be asked."""
        for table in ("sent", "told"):
            self._books.execute(f"DROP TABLE IF EXISTS {table}")
        self._books.executescript(_TABLES)
        self._keys = {tenant: self._key(tenant) for tenant in sweep.ground.tenants}
        rows = (_row(each, self._keys.get(each.caller)) for each in sweep.sent())
        self._books.executemany("INSERT OR IGNORE INTO sent VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
        started = sweep.trails
        self._scent = sweep.ground.scent
        deadline = time.monotonic() + PATIENCE * self.target.profile.safety.timeout_seconds
        for tenant in sweep.ground.tenants:
            self._enter(tenant, started.get(tenant, 0))
        while self._missing() and time.monotonic() < deadline:
            time.sleep(0.2)  # a trail may lag; what it tells late is told
            for tenant in sweep.ground.tenants:
                self._enter(tenant, self._next(tenant, started.get(tenant, 0)))

    def records(self) -> Iterator[Observation]:
        """For every request and every trail that it concerns: present, if there is exactly one record of it."""
        rows = self._books.execute(_RECORDS)
        for probe, caller, victim, operation, vector, expects, tenant, tries, status, count in rows:
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
        found = {tenant: (count, probe) for tenant, count, probe in self._books.execute(_STRAYS)}
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
        for tenant in tenants:
            given, wrong, forged = self._books.execute(_RECEIPTS, (tenant,)).fetchone()
            notes = (
                f"{given} receipts, {wrong or 0} of them for no such record",
                "their signatures were not looked at: the profile has no trail_key for it that can be read"
                if self._keys.get(tenant) is None
                else f"{forged or 0} of them not signed by its log",
            )
            is_off = wrong or forged
            yield self._said(f"{tenant} compares its receipts with its trail", DIFFERENT if is_off else ALIKE, notes)

    def counts(self, tenants: Iterable[str]) -> Iterator[Observation]:
        """For every tenant: alike, if its trail tells of as many refusals of its requests as it was answered."""
        for tenant in tenants:
            ours = "FROM sent WHERE caller = ? AND expects = 'both' AND tries = 1"
            (answered,) = self._books.execute(f"SELECT count(*) {ours}", (tenant,)).fetchone()
            (told,) = self._books.execute(
                f"SELECT count(*) FROM told WHERE tenant = ? AND probe IN (SELECT probe {ours})",  # noqa: S608
                (tenant, tenant),
            ).fetchone()
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

    def _missing(self) -> bool:
        return any(count == 0 for *_, count in self._books.execute(_RECORDS))

    def _next(self, tenant: str, start: int) -> int:
        (last,) = self._books.execute("SELECT max(seq) FROM told WHERE tenant = ?", (tenant,)).fetchone()
        return start if last is None else last + 1

    def _enter(self, tenant: str, start: int) -> None:
        after = start - 1
        for _ in range(_MOST_PAGES):
            _, answer = self._page(tenant, {"limit": _PAGE, **({"after": after} if after >= 0 else {})})
            page = json_object(answer.body)
            found = page.get("events")
            if not isinstance(found, list):
                return
            self._books.executemany("INSERT INTO told VALUES (?,?,?,?)", self._told(tenant, found))
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
        None if key is None or not is_receipt else not _is_signed(sent.receipt, key),
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
