"""Exports that are put back: another's is refused and writes nothing (X064), and one's own touches nobody else (X124).

Needs the profile's [restore], and what it permits: in tenants that are there for tests, data may be lost.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tenantproof.clients.canaries import new_canary
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.redaction import digest
from tenantproof.clients.target import Target
from tenantproof.model.errors import TargetError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import (
    ABSENT,
    ALIKE,
    DIFFERENT,
    PERMITTED,
    PRESENT,
    REFUSED,
    UNANSWERED,
    UNCLEAR,
    Outcome,
)
from tenantproof.model.restore_profile import Restore
from tenantproof.probes.access_bodies import filled
from tenantproof.probes.ground import lasting
from tenantproof.probes.listing import Listing, walk
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import carried_out, ident_in, json_object, sight

_PAUSE_SECONDS = 0.1
_REFUSALS = frozenset({400, 401, 403, 404, 409, 410, 415, 422})


@dataclass
class Copy:
    """What a tenant exported: the archive, its media type, and the objects that it made; the first is in it."""

    canary: str
    idents: list[str] = field(default_factory=list)
    archive: Any = None  # JSON, or octets
    kind: str = "application/json"


class Restoring(Pairwise):
    """Exports, deletes and restores. Without [restore] in the profile, and what it permits, there is nothing to try."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"restore"})
    spares: ClassVar[bool] = True

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._copies: dict[str, Copy] = {}
        self._states: dict[str, str] = {}
        self._took = 0.0

    @property
    def units(self) -> int:
        """How many exports are handed in that are not one's own, and looks at others, once all have exported."""
        return len(self.pairs) * 4 + sum(1 for pair in self.pairs if self._renamed(*pair) is not None)

    def prepare(self) -> Iterator[Observation]:
        """Every tenant makes an object; then all export what they have, and delete the objects: permitted.

        So every export is made when all objects are there, and put back when none is.
        """
        for tenant in self.tenants:
            copy = self._copies[tenant] = Copy(new_canary())
            yield self._plant(tenant, copy.canary)
        for tenant, copy in self._copies.items():
            request, answer = self.act(self._table.export, tenant, by=self._by, body=self._table.ask or None)
            self._keep(copy, answer)
            yield carried_out(f"{tenant} exports what it has", request, answer)
        for tenant in self.tenants:
            yield self._delete(tenant, self._copies[tenant].idents[0])
            yield self._lists(tenant, is_there=False)

    def restore(self, tenant: str) -> Iterator[Observation]:
        """Everybody else makes one more object, a tenant has its own export put back, and has its object: permitted."""
        for other in self.tenants:
            if other != tenant:
                yield self._plant(other, new_canary())
                self._states[other] = self._state(other)[0]
        begun = time.monotonic()
        yield carried_out(f"{tenant} has its own export put back", *self._hand_in(tenant, tenant, tenant))
        yield self._lists(tenant, is_there=True)
        self._took = max(self._took, time.monotonic() - begun)

    def others(self, tenant: str) -> Iterator[Observation]:
        """Whether everybody else still has, to the octet, what they had before: alike."""
        for other in self.tenants:
            if other != tenant:
                yield self._unmoved(other, Unit(tenant, other, "restore", "X124 another's state"))

    def foreign(self, tenant: str) -> Iterator[Observation]:
        """Whether anything of another stands in a tenant's list: absent."""
        for other in self.tenants:
            if other != tenant:
                yield self._holds(tenant, other, Unit(tenant, other, "restore", "X124 another's rows"))

    def still(self, tenant: str) -> Observation:
        """What a tenant is told of its state, twice: alike."""
        self._states[tenant] = self._state(tenant)[0]
        return self._unmoved(tenant, None)

    def handed_in(self, attacker: str, victim: str) -> Iterator[Observation]:
        """The attacker has the victim's export put back, under its own path and under the victim's: refused."""
        for at, where in ((attacker, "its own path"), (victim, "the other's path")):
            request, answer = self._hand_in(attacker, at, victim)
            outcome: Outcome = UNCLEAR if answer.is_whole else UNANSWERED
            if 200 <= answer.status < 300:
                outcome = PERMITTED
            elif answer.is_whole and answer.status in _REFUSALS:
                outcome = REFUSED
            unit = Unit(attacker, victim, "restore", f"X064 another's export, under {where}")
            yield sight(
                f"{attacker} has an export of {victim} put back, under {where}", request, answer, outcome, unit=unit
            )
        # What is put back later must be seen too.
        time.sleep(min(2 * self._took, self._table.seconds))

    def unwritten(self, attacker: str, victim: str) -> Iterator[Observation]:
        """Whether both of them have, to the octet, what they had before: alike."""
        for tenant in (attacker, victim):
            yield self._unmoved(tenant, None)

    def renamed(self, attacker: str, victim: str) -> Iterator[Observation]:
        """The attacker has its own export put back, with the victim's name for its own; that one's state: alike."""
        if (archive := self._renamed(attacker, victim)) is not None:
            self._hand_in(attacker, attacker, attacker, archive)
            time.sleep(min(2 * self._took, self._table.seconds))
            yield self._unmoved(victim, Unit(attacker, victim, "restore", "X064 an own export that names the other"))

    def close(self) -> None:
        """Take the objects away again."""
        with contextlib.suppress(TargetError):
            for tenant, copy in self._copies.items():
                for ident in copy.idents:
                    self._delete(tenant, ident)

    @property
    def _table(self) -> Restore:
        assert self.target.profile.restore
        return self.target.profile.restore

    @property
    def _by(self) -> str:
        return self._table.principal

    def _keep(self, copy: Copy, answer: Answer) -> None:
        copy.archive = answer.body
        copy.kind = answer.header("content-type") or copy.kind
        if self._table.archive:
            copy.archive = json_object(answer.body).get(self._table.archive)

    def _renamed(self, own: str, other: str) -> Any:  # noqa: ANN401  # JSON, or octets
        """A tenant's export with another's id wherever it has its own; None where it has none that can be seen."""
        archive = self._copies[own].archive
        if isinstance(archive, bytes):
            changed: Any = archive.replace(own.encode(), other.encode())
        else:
            changed = json.loads(json.dumps(archive).replace(own, other))
        return changed if changed != archive else None

    def _plant(self, tenant: str, canary: str) -> Observation:
        body = filled(self._table.object, {"canary": canary})
        request, answer = self.act(self._table.plant, tenant, by=self._by, body=body)
        self._copies[tenant].idents.append(ident_in(answer, self._table.member))
        return carried_out(f"{tenant} makes an object", request, answer)

    def _delete(self, tenant: str, ident: str) -> Observation:
        answered = self.act(self._table.delete, tenant, by=self._by, record=ident)
        return carried_out(f"{tenant} deletes the object", *answered)

    def _hand_in(self, as_: str, at: str, whose: str, archive: Any = None) -> tuple[Request, Answer]:  # noqa: ANN401  # JSON
        """Have an export put back under the path of `at`: that of `whose`, or another archive of its kind."""
        copy = self._copies[whose]
        said = copy.archive if archive is None else archive
        if self._table.body:
            text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
            octets, kind = json.dumps(filled(self._table.body, {"archive": text})).encode(), "application/json"
        else:
            octets, kind = said if isinstance(said, bytes) else json.dumps(said).encode(), copy.kind
        return self.act(self._table.restore, at, by=self._by, as_=as_, octets=octets, kind=kind)

    def _state(self, tenant: str) -> tuple[str, Listing]:
        """The digest of what a tenant is listed, empty if it can't be read to its end."""
        listing = walk(self.target, tenant, f"{tenant}/reader")
        octets = b"\n".join(lasting(answer.body) for answer in listing.answers)
        return digest(octets) if listing.is_whole else "", listing

    def _unmoved(self, tenant: str, unit: Unit | None) -> Observation:
        state, listing = self._state(tenant)
        outcome, notes = ALIKE, (f"state {state}",)
        if not state or not self._states.get(tenant):
            outcome, notes = UNANSWERED, (listing.trouble or "its state was not known before",)
        elif state != self._states[tenant]:
            outcome, notes = DIFFERENT, (f"state {state}, and before {self._states[tenant]}",)
            self._states[tenant] = state
        return sight(f"{tenant} compares what it has", listing.request, listing.last, outcome, unit=unit, notes=notes)

    def _holds(self, tenant: str, other: str, unit: Unit) -> Observation:
        listing = walk(self.target, tenant, f"{tenant}/reader")
        found = listing.found([*self.target.canaries[other], self._copies[other].canary])
        outcome = PRESENT if found else ABSENT if listing.is_whole else UNANSWERED
        what = f"{tenant} looks in its list for what is {other}'s"
        return sight(
            what, listing.request, listing.last, outcome, unit=unit, notes=[f"{len(found)} canaries are in it"]
        )

    def _lists(self, tenant: str, *, is_there: bool) -> Observation:
        """Whether a tenant's list has the object of its export or not, as soon as it is so or the time is over."""
        canary, deadline = self._copies[tenant].canary, time.monotonic() + self._table.seconds
        while True:
            listing = walk(self.target, tenant, f"{tenant}/reader")
            is_so = listing.is_whole and bool(listing.found([canary])) is is_there
            if is_so or time.monotonic() > deadline:
                break
            time.sleep(_PAUSE_SECONDS)
        what = f"{tenant} lists the object {'again' if is_there else 'no more'}"
        return sight(what, listing.request, listing.last, PERMITTED if is_so else UNCLEAR)
