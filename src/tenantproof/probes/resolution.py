"""Feeds Stage A with known facts and compares the records: repeated, reordered, and beside a neighbour's."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.redaction import digest
from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ALIKE, DIFFERENT, PERMITTED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.streams_profile import Resolution
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import json_object, sight

Event: TypeAlias = dict[str, object]

_LAST = "c-last"
_PAGE = 100


@dataclass(frozen=True)
class Told:
    """What came of a story: its records in their normal form, or why there are none."""

    request: Request
    answer: Answer
    records: str = ""
    count: int = 0
    why: str = ""


class StageA(Probe):
    """Stage A of every tenant that may be written to: what events go in, what records come out."""

    needs: ClassVar[frozenset[str]] = frozenset({"resolution"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if target.profile.resolution is None:
            raise UsageError("the profile has no [resolution]; add it, or leave out the claims that need it")
        self._how: Resolution = target.profile.resolution
        self._alone: dict[str, Told] = {}
        self.tenants = tuple(tenant.id for tenant in target.profile.tenants if tenant.disposable)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every ordered (tenant, neighbour)."""
        return list(itertools.permutations(self.tenants, 2))

    def resolves(self, tenant: str) -> Observation:
        """Whether the tenant's own conversions come back as records, every one that must."""
        told = self._alone[tenant] = self._tell(tenant, story())
        outcome = PERMITTED if told.count == CREDITED else UNCLEAR if told.answer.is_whole else UNANSWERED
        return self._seen(f"{tenant} has {CREDITED} conversions resolved", told, outcome)

    def own_touch(self, tenant: str) -> Observation:
        """Whether one more touch of the tenant's own changes the records: if not, the comparison sees nothing."""
        told = self._tell(tenant, [*competing(), *story()])
        return self._compared(f"{tenant} tells the story with touches of another channel in it", tenant, told, None)

    def again(self, tenant: str) -> Observation:
        """Whether the same facts, told once more, give the same records."""
        told = self._tell(tenant, story())
        unit = Unit(tenant, "", "resolve", "repeated")
        return self._compared(f"{tenant} tells the same story again", tenant, told, unit)

    def reordered(self, tenant: str) -> Observation:
        """Whether the order in which touches arrive has a say in the records."""
        touches = [event for event in story() if event["kind"] == "touchpoint"]
        rest = [event for event in story() if event["kind"] != "touchpoint"]
        told = self._tell(tenant, [*reversed(touches), *rest])
        unit = Unit(tenant, "", "resolve", "touches reversed")
        return self._compared(f"{tenant} tells the same story with its touches reversed", tenant, told, unit)

    def beside(self, tenant: str, neighbour: str) -> Observation:
        """Whether a neighbour's events, about subjects and with ids of the same names, have a say in the records."""
        name = _name()
        before = self._post(neighbour, [*competing(), *story()[:-1]], name)
        told = self._tell(tenant, story(), name, between=(neighbour, competing()))
        unit = Unit(neighbour, tenant, "resolve", "same names, interleaved")
        what = f"{tenant} tells the same story while {neighbour} tells another about the same names"
        if before[1].status not in _TAKEN:
            return self._seen(what, Told(*before, why="the neighbour's events were not taken"), UNCLEAR, unit)
        return self._compared(what, tenant, told, unit)

    def _compared(self, what: str, tenant: str, told: Told, unit: Unit | None) -> Observation:
        first = self._alone.get(tenant)
        if not told.records or first is None or not first.records:
            return self._seen(what, told, UNCLEAR if told.answer.is_whole else UNANSWERED, unit)
        return self._seen(what, told, ALIKE if told.records == first.records else DIFFERENT, unit)

    def _tell(
        self, tenant: str, events: Sequence[Event], name: str = "", between: tuple[str, Sequence[Event]] | None = None
    ) -> Told:
        """Send the story, event by event if somebody speaks in between, and wait for the record of its end."""
        name = name or _name()
        batches = [events] if between is None else [[event] for event in events]
        for number, batch in enumerate(batches):
            request, answer = self._post(tenant, batch, name)
            if answer.status not in _TAKEN:
                return Told(request, answer, why=f"the events were not taken: {answer.status}")
            if between is not None and number < len(between[1]):
                self._post(between[0], [_renamed(between[1][number], f"-again-{number}")], name)
        return self._records(tenant, name)

    def _post(self, tenant: str, events: Sequence[Event], name: str) -> tuple[Request, Answer]:
        body = json.dumps({"events": [_named(event, name) for event in events]}).encode()
        headers = (("Content-Type", "application/json"), (self._how.key_header, f"{name}-{secrets.token_hex(8)}"))
        return self._ask(tenant, "ingest", self._how.writer, headers=headers, body=body)

    def _records(self, tenant: str, name: str) -> Told:
        """The story's records, once that of its last conversion is there."""
        deadline = time.monotonic() + self._how.seconds
        while True:
            request, answer, items = self._listed(tenant)
            mine = [item for item in items if str(item.get(self._how.conversion, "")).startswith(f"{name}-")]
            if any(item[self._how.conversion] == f"{name}-{_LAST}" for item in mine):
                return Told(request, answer, self._normal(mine, name), len(mine))
            if time.monotonic() > deadline or not answer.is_whole:
                return Told(request, answer, why=f"{len(mine)} records within {self._how.seconds:.0f} s, not the last")
            time.sleep(0.1)

    def _listed(self, tenant: str) -> tuple[Request, Answer, list[Mapping[str, Any]]]:
        items: list[Mapping[str, Any]] = []
        cursor = ""
        while True:
            query = f"limit={_PAGE}&cursor={cursor}" if cursor else f"limit={_PAGE}"
            request, answer = self._ask(tenant, "list", self._how.reader, query=query)
            page = json_object(answer.body)
            items += [item for item in page.get("items", ()) if isinstance(item, dict)]
            cursor = str(page.get("next_cursor") or "")
            if not cursor:
                return request, answer, items

    def _normal(self, records: Iterable[Mapping[str, Any]], name: str) -> str:
        """Records without what is theirs alone: volatile members left out, the story's name masked, in one order."""
        kept = [{key: value for key, value in each.items() if key not in self._how.volatile} for each in records]
        lines = [json.dumps(each, sort_keys=True).replace(name, "~") for each in kept]
        return "\n".join(sorted(lines))

    def _ask(
        self,
        tenant: str,
        operation: str,
        principal: str,
        *,
        query: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> tuple[Request, Answer]:
        request = self.target.request(
            self.target.operation(operation),
            tenant=tenant,
            query=query,
            bearer=self.target.bearer(tenant, principal),
            headers=headers,
            body=body,
            principal=f"{tenant}/{principal}",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)

    def _seen(self, what: str, told: Told, outcome: Outcome, unit: Unit | None = None) -> Observation:
        notes = [told.why] if told.why else [f"{told.count} records, {digest(told.records)[:23]}"]
        return sight(what, told.request, told.answer, outcome, unit=unit, notes=notes)


_TAKEN = (200, 201, 202)
CREDITED = 6


def story() -> list[Event]:
    """Touches and conversions that put the rule to the test: ties, the window's ends, names that nearly match."""
    return [
        _touch("t1", "s1", "email", "2026-03-01T08:00:00Z"),
        _touch("t2", "s1", "search", "2026-03-01T09:00:00Z"),
        _touch("t3", "s2", "display", "2026-03-01T09:00:00Z"),
        _touch("t4", "s2", "social", "2026-03-01T09:00:00Z"),
        _touch("t5", "s3", "affiliate", "2026-01-30T12:00:00Z"),
        _touch("t6", "s4", "email", "2026-03-01T13:30:00+01:00"),
        _touch("t7", "s5", "direct", "2026-02-28T23:59:59.999999Z"),
        _conversion("c1", "s1", 10.0, "2026-03-01T12:00:00Z"),
        _conversion("c2", "s2", 20.5, "2026-03-01T12:00:00Z"),
        _conversion("c3", "s3", 30.0, "2026-03-01T12:00:00Z"),
        _conversion("c4", "s4", 40.0, "2026-03-01T12:30:00Z"),
        _conversion("c5", "S1", 50.0, "2026-03-01T12:00:00Z"),
        _conversion("c6", "s1", 60.0, "2026-03-01T08:30:00Z"),
        _conversion(_LAST, "s5", 70.0, "2026-03-01T12:00:00Z"),
    ]


def competing() -> list[Event]:
    """Touches that would take the credit for every conversion of the story, if they were in the same log."""
    moments = [("s1", "08:29"), ("s1", "11:59"), ("s2", "11:59"), ("s3", "11:59"), ("s4", "12:30"), ("S1", "11:59")]
    return [
        _touch(f"x{number}", subject, "competing", f"2026-03-01T{clock}:00Z")
        for number, (subject, clock) in enumerate(moments)
    ]


def _touch(ident: str, subject: str, channel: str, at: str) -> Event:
    return {"kind": "touchpoint", "id": ident, "subject_id": subject, "channel": channel, "occurred_at": at}


def _conversion(ident: str, subject: str, value: float, at: str) -> Event:
    return {"kind": "conversion", "id": ident, "subject_id": subject, "value": value, "occurred_at": at}


def _name() -> str:
    return f"p{secrets.token_hex(6)}"


def _named(event: Event, name: str) -> Event:
    return {**event, "id": f"{name}-{event['id']}", "subject_id": f"{name}-{event['subject_id']}"}


def _renamed(event: Event, suffix: str) -> Event:
    return {**event, "id": f"{event['id']}{suffix}"}
