"""Requests across tenants: one tenant's token, another tenant's path, records and list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from tenantproof.clients.canaries import found_in, markers
from tenantproof.clients.exchange import Answer, Request
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, ALIKE, DIFFERENT, PERMITTED, PRESENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Http, Record
from tenantproof.probes.likeness import compare
from tenantproof.probes.listing import Listing, walk
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import access, json_object, new_probe, refusal_name, sight
from tenantproof.probes.strangers import stranger_record, stranger_tenant

OPERATIONS = ("read", "list")


@dataclass(frozen=True)
class Attempt:
    """One cross-tenant request and what it came to, seen in three ways, each an observation of its own."""

    attacker: str
    victim: str
    request: Request
    answer: Answer
    token: str
    access: Observation
    """Permitted, refused in the words of the contract, or neither."""
    wording: Observation
    """Alike, if the refusal is to the letter the one of the contract."""
    leak: Observation
    """Present, if anything of the victim's stands in the answer."""


class CrossTenant(Pairwise):
    """Sends requests of one tenant to the paths of another, for every ordered pair of tenants."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Every attacker, victim and operation: the whole population."""
        return tuple(
            Unit(attacker=attacker, victim=victim, operation=operation, vector="path")
            for attacker, victim in self.pairs
            for operation in OPERATIONS
        )

    def record_of(self, tenant: str, turn: int = 0) -> Record:
        """One of the tenant's records; turns go round all of them."""
        records = self.target.tenant(tenant).records
        return records[turn % len(records)]

    def read(self, record: Record, *, as_: str, at: str = "", unit: Unit | None = None) -> Observation:
        """A tenant's reader reads a record under the tenant `at` (its own, unless said)."""
        request, answer = self._send("read", at=at or as_, as_=as_, record=record.id)
        owner = self._owner(record)
        refusal = "absent" if (at or as_) == as_ else "mismatch"
        outcome, notes = access(answer, self._http, wanted=[record.canary], foreign=self._foreign(as_), refusal=refusal)
        whose = "its own record" if owner == as_ else f"a record of {owner}"
        return sight(f"{as_} reads {whose} under {at or as_}", request, answer, outcome, unit=unit, notes=notes)

    def own_list(self, tenant: str) -> Observation:
        """A tenant lists its own records: permitted when every canary of its own comes back."""
        listing = self._walk(tenant)
        own = self.target.canaries[tenant]
        missing = set(own) - listing.found(own)
        if not listing.is_whole:
            outcome, note = UNANSWERED, listing.trouble
        elif missing:
            outcome, note = UNCLEAR, f"{len(missing)} of its own canaries did not come back in {listing.pages} pages"
        else:
            outcome, note = PERMITTED, f"{listing.pages} pages"
        return sight(f"{tenant} lists its own records", listing.request, listing.last, outcome, notes=[note])

    def strangers_in_list(self, tenant: str) -> Observation:
        """A tenant goes through its own list to the end: present, if anything of another tenant's is in it."""
        listing = self._walk(tenant)
        strangers = listing.found(m for other in self.tenants if other != tenant for m in self._markers(other))
        if strangers:
            outcome, note = PRESENT, f"{len(strangers)} canaries and ids of other tenants are in it"
        elif not listing.is_whole:
            outcome, note = UNANSWERED, listing.trouble
        else:
            outcome, note = ABSENT, f"{listing.pages} pages"
        what = f"{tenant} looks for others' records in its own list"
        return sight(what, listing.request, listing.last, outcome, notes=[note])

    def attempt(self, unit: Unit) -> Attempt:
        """The attacker's reader asks for what is the victim's, under the victim's path."""
        turn = self.tenants.index(unit.attacker)
        record = self.record_of(unit.victim, turn).id if unit.operation == "read" else ""
        request, answer = self._send(unit.operation, at=unit.victim, as_=unit.attacker, record=record)
        what = f"{unit.attacker} asks to {unit.operation} what is {unit.victim}'s"
        outcome, notes = access(answer, self._http, wanted=(), foreign=self._foreign(unit.attacker), refusal="mismatch")
        worded, differences = self._wording(answer)
        leaked, found = self._leak(answer, unit, asked=record)
        return Attempt(
            attacker=unit.attacker,
            victim=unit.victim,
            request=request,
            answer=answer,
            token=self.target.bearer(unit.attacker),
            access=sight(what, request, answer, outcome, unit=unit, notes=notes),
            wording=sight(f"{what}: the refusal's wording", request, answer, worded, unit=unit, notes=differences),
            leak=sight(f"{what}: anything of {unit.victim}'s", request, answer, leaked, unit=unit, notes=found),
        )

    def records_of(self, tenant: str) -> int:
        """How many records of the tenant the profile names."""
        return len(self.target.tenant(tenant).records)

    def foreign_id(self, attacker: str, victim: str, turn: int) -> Observation:
        """Under its own path a tenant asks for a record of another: refused in the words for what is not there."""
        unit = Unit(attacker=attacker, victim=victim, operation="read", vector="known id")
        return self.read(self.record_of(victim, turn), as_=attacker, unit=unit)

    def foreign_and_random_id(self, attacker: str, victim: str) -> Observation:
        """Under its own path a tenant asks for another's id and for one that nobody has."""
        foreign = self.record_of(victim, self.tenants.index(attacker)).id
        nobody = stranger_record(foreign, self._record_ids)
        what = f"{attacker} asks under its own path for an id of {victim} and for one of nobody"
        return self._pair(what, attacker, ("read", attacker, foreign), ("read", attacker, nobody), victim)

    def known_and_unknown_record(self, attacker: str, victim: str) -> Observation:
        """Under the victim's path a tenant asks for a record that exists there and for one that does not."""
        known = self.record_of(victim, self.tenants.index(attacker)).id
        nobody = stranger_record(known, self._record_ids)
        what = f"{attacker} asks under {victim}'s path for a record that is there and for one that is not"
        return self._pair(what, attacker, ("read", victim, known), ("read", victim, nobody), victim)

    def known_and_unknown_tenant(self, attacker: str, victim: str, operation: str) -> Observation:
        """A tenant asks under the path of a tenant that exists and of one that does not."""
        nobody = stranger_tenant(victim, self.tenants)
        record = self.record_of(victim).id if operation == "read" else ""
        what = f"{attacker} asks to {operation} under {victim}'s path and under that of a tenant that does not exist"
        return self._pair(what, attacker, (operation, victim, record), (operation, nobody, record), victim)

    def two_strangers(self, tenant: str) -> Observation:
        """Under its own path a tenant asks for two ids that nobody has: what the comparison takes for alike."""
        like = self.record_of(tenant).id
        first, second = (stranger_record(like, self._record_ids) for _ in range(2))
        what = f"{tenant} asks under its own path for two ids of nobody"
        return self._pair(what, tenant, ("read", tenant, first), ("read", tenant, second))

    def own_and_random_id(self, tenant: str) -> Observation:
        """Under its own path a tenant asks for its own id and for one of nobody: the comparison must see it."""
        own = self.record_of(tenant).id
        nobody = stranger_record(own, self._record_ids)
        what = f"{tenant} asks under its own path for its own id and for one of nobody"
        return self._pair(what, tenant, ("read", tenant, own), ("read", tenant, nobody))

    def _pair(
        self, what: str, as_: str, first: tuple[str, str, str], second: tuple[str, str, str], victim: str = ""
    ) -> Observation:
        """Send two requests (operation, tenant in the path, record) and compare the answers."""
        (asked, one), (other_asked, other) = (
            self._send(operation, at=at, as_=as_, record=record) for operation, at, record in (first, second)
        )
        outcome, told = compare(one, other, [*first[1:], asked.probe], [*second[1:], other_asked.probe])
        leaked = found_in(other, self._foreign(as_)) or found_in(one, self._foreign(as_))
        if leaked:
            outcome, told = DIFFERENT, (*told, f"{len(leaked)} canaries that are not the caller's came back")
        unit = Unit(attacker=as_, victim=victim, operation="infer", vector="existence") if victim else None
        return sight(what, asked, one, outcome, unit=unit, notes=told)

    def _wording(self, answer: Answer) -> tuple[Outcome, tuple[str, ...]]:
        """Whether the refusal is the contract's to the letter: status, media type and body."""
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        refusal = self._http.refusals["mismatch"]
        told = []
        if answer.status != refusal.status:
            told.append(f"status {answer.status}, not {refusal.status}")
        if refusal.body is None:
            if refusal_name(answer, self._http) != "mismatch":
                told.append(f"no member {self._http.code_field} with {refusal.code}")
            return (DIFFERENT, tuple(told)) if told else (ALIKE, ("the contract fixes no body, only a code",))
        kind = answer.header("content-type").split(";")[0].strip().lower()
        if kind != "application/json":
            told.append(f"Content-Type {kind or 'missing'}, not application/json")
        if (body := json_object(answer.body)) != refusal.body:
            keys = sorted(
                name for name in body.keys() | refusal.body.keys() if body.get(name) != refusal.body.get(name)
            )
            told.append(f"the body differs from the contract's in {', '.join(keys) or 'form'}")
        return (DIFFERENT, tuple(told)) if told else (ALIKE, ())

    def _leak(self, answer: Answer, unit: Unit, *, asked: str) -> tuple[Outcome, tuple[str, ...]]:
        """Whether anything of a tenant other than the attacker is in the answer, except the id that was asked for."""
        others = [marker for other in self.tenants if other != unit.attacker for marker in self._markers(other)]
        if found := found_in(answer, [marker for marker in others if marker != asked]):
            return PRESENT, (f"{len(found)} canaries and ids of other tenants are in the answer",)
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        return ABSENT, ()

    def _send(
        self, operation: str, *, at: str, as_: str, record: str = "", headers: tuple[tuple[str, str], ...] = ()
    ) -> tuple[Request, Answer]:
        request = self.target.request(
            self.target.operation(operation),
            tenant=at,
            record=record,
            bearer=self.target.bearer(as_),
            headers=headers,
            principal=f"{as_}/reader",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)

    def _walk(self, tenant: str) -> Listing:
        return walk(self.target, tenant, f"{tenant}/reader")

    def _foreign(self, caller: str) -> tuple[str, ...]:
        return tuple(canary for tenant, own in self.target.canaries.items() if tenant != caller for canary in own)

    def _markers(self, tenant: str) -> Iterator[str]:
        yield from markers(self.target.tenant(tenant).records)

    def _owner(self, record: Record) -> str:
        return next((t.id for t in self.target.profile.tenants if record in t.records), "nobody")

    @property
    def _http(self) -> Http:
        return self.target.profile.http

    @cached_property
    def _record_ids(self) -> frozenset[str]:
        return frozenset(record.id for tenant in self.target.profile.tenants for record in tenant.records)
