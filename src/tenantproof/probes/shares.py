"""Links by which tenants show an object to the public: each shows its own object alone, and for as long as it is to.

Vector X085 of the catalogue; only canaries decide. A link is as good as a password, so evidence holds its digest.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, urljoin

from tenantproof.clients.canaries import found_in, new_canary
from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.redaction import digest
from tenantproof.clients.target import Target
from tenantproof.clients.wire import Place, origin_and_target
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.shares_profile import Shares
from tenantproof.probes.access_bodies import filled
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.shared_links import crossing, strays
from tenantproof.probes.sighting import carried_out, ident_in, json_object, sight

_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Given:
    """A link, how it is taken back, and what it shows."""

    url: str
    ident: str
    record: str
    canary: str


class SharedLinks(Pairwise):
    """Has every tenant share a record, and changes the link. Without [shares] in the profile there is none to share."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"shares"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._given: dict[str, Given] = {}
        self._urls: dict[str, str] = {}
        self._passing: dict[str, Given] = {}

    @property
    def holders(self) -> tuple[str, ...]:
        """Who was given a link."""
        return tuple(self._given)

    @property
    def passing(self) -> tuple[str, ...]:
        """Who was given a link to an object that will be deleted."""
        return tuple(self._passing)

    @property
    def holding(self) -> tuple[tuple[str, str], ...]:
        """Every ordered pair of tenants who were given one."""
        return self.among(self._given.keys())

    @property
    def units(self) -> int:
        """How many links are tried that lead nowhere, and shares asked for, once all have been given."""
        crossed = sum(2 + sum(1 for _ in self._crossing(*pair)) for pair in self.holding)
        changed = sum(1 for tenant in self.holders for _ in self._strays(tenant))
        return crossed + changed + len(self._given) + len(self._passing)

    def give(self, tenant: str) -> Observation:
        """A tenant shares a record, and nobody in particular follows the link: permitted, if its canary comes back."""
        record = self.target.tenant(tenant).records[0]
        given, observation = self._share(tenant, tenant, record.id, record.canary)
        if given is None:
            return observation
        self._given[tenant], self._urls[tenant] = given, given.url
        return self.follow(tenant)

    def follow(self, tenant: str) -> Observation:
        """Nobody in particular follows the link as it was given: permitted, if its canary comes back."""
        return self._own(f"a link of {tenant} is followed", self._given[tenant])

    def crossings(self, attacker: str, victim: str) -> Iterator[Observation]:
        """One tenant shares what is another's, under either path, and makes of its own link one to that."""
        record = self.target.tenant(victim).records[0]
        foreign = [canary for tenant, own in self.target.canaries.items() if tenant != attacker for canary in own]
        for at, where in ((attacker, "its own path"), (victim, "the other's path")):
            unit = Unit(attacker, victim, "share", f"X085 another's object, under {where}")
            yield self._taken(attacker, at, record.id, foreign, unit)
        for vector, url in self._crossing(attacker, victim):
            unit = Unit(attacker, victim, "follow", f"X085 {vector}")
            yield self._tried(f"{attacker} makes a link to what is {victim}'s: {vector}", url, foreign, unit)

    def strays(self, tenant: str) -> Iterator[Observation]:
        """Somebody follows what is nearly a tenant's link: refused."""
        for vector, url in self._strays(tenant):
            what = f"somebody follows nearly a link of {tenant}: {vector}"
            yield self._tried(what, url, self._all_canaries(), Unit(tenant, tenant, "follow", f"X085 {vector}"))

    def revoke(self, tenant: str) -> Observation:
        """A tenant takes its link back: permitted."""
        request, answer = self.act(self._table.revoke, tenant, by=self._by, record=self._given[tenant].ident)
        return carried_out(f"{tenant} takes its link back", request, answer)

    def revoked(self, tenant: str) -> Observation:
        """Somebody follows it then: refused."""
        given = self._given.pop(tenant)
        unit = Unit(tenant, tenant, "follow", "X085 a link that was taken back")
        return self._over(f"somebody follows a link that {tenant} took back", given, unit)

    def pass_by(self, tenant: str) -> Iterator[Observation]:
        """A tenant makes an object and shares it, and it is shown: permitted. Nothing without `plant`."""
        if self._table.plant is None:
            return
        canary = new_canary()
        request, answer = self.act(
            self._table.plant, tenant, by=self._by, body=filled(self._table.object, {"canary": canary})
        )
        yield carried_out(f"{tenant} makes an object", request, answer)
        record = ident_in(answer, self._table.member)
        given, observation = self._share(tenant, tenant, record, canary)
        if given is None:
            yield observation
            return
        self._passing[tenant] = given
        yield self._own(f"a link of {tenant} to it is followed", given)

    def delete(self, tenant: str) -> Observation:
        """A tenant deletes the object that it shared: permitted."""
        assert self._table.delete
        request, answer = self.act(self._table.delete, tenant, by=self._by, record=self._passing[tenant].record)
        return carried_out(f"{tenant} deletes an object that it shared", request, answer)

    def deleted(self, tenant: str) -> Observation:
        """Somebody follows the link to it then: refused."""
        given = self._passing.pop(tenant)
        unit = Unit(tenant, tenant, "follow", "X085 a link to what was deleted")
        seen = self._over(f"somebody follows a link to what {tenant} deleted", given, unit)
        self.act(self._table.revoke, tenant, by=self._by, record=given.ident)
        return seen

    def close(self) -> None:
        """Leave nothing to be seen."""
        with contextlib.suppress(TargetError):
            for tenant, given in (*self._given.items(), *self._passing.items()):
                self.act(self._table.revoke, tenant, by=self._by, record=given.ident)
            for tenant in self._passing:
                self.delete(tenant)

    @property
    def _table(self) -> Shares:
        assert self.target.profile.shares
        return self.target.profile.shares

    @property
    def _by(self) -> str:
        return self._table.principal

    def _names(self, tenant: str, other: str = "") -> dict[str, str]:
        """The record and the tenant that a link may name, and what they are at the other."""
        beside = self.target.tenant(other or tenant)
        return {self._given[tenant].record: beside.records[0].id, tenant: beside.id}

    def _crossing(self, attacker: str, victim: str) -> Iterator[tuple[str, str]]:
        record = self.target.tenant(victim).records[0].id
        return crossing(self._given[attacker].url, self._names(attacker, victim), record)

    def _strays(self, tenant: str) -> Iterator[tuple[str, str]]:
        others = [url for other, url in self._urls.items() if other != tenant]
        return strays(self._given[tenant].url, self._names(tenant), others)

    def _all_canaries(self) -> list[str]:
        return [canary for own in self.target.canaries.values() for canary in own]

    # What is asked for

    def _share(self, as_: str, at: str, record: str, canary: str) -> tuple[Given | None, Observation]:
        request, answer = self.act(self._table.create, at, by=self._by, as_=as_, record=record, body=self._table.body)
        said = json_object(answer.body)
        url, ident = self._url(said.get(self._table.link)), ident_in(answer, self._table.member)
        outcome: Outcome = PERMITTED if url else UNCLEAR if answer.is_whole else UNANSWERED
        notes = () if url else (f"no link in the member {self._table.link!r} of its answer to a host of safety.hosts",)
        observation = sight(f"{as_} shares a record", request, answer, outcome, notes=notes)
        return Given(url, ident, record, canary) if url else None, observation

    def _taken(self, attacker: str, at: str, record: str, foreign: list[str], unit: Unit) -> Observation:
        """What comes of sharing an object of another: permitted, if that or the link brings a canary of others."""
        request, answer = self.act(
            self._table.create, at, by=self._by, as_=attacker, record=record, body=self._table.body
        )
        outcome, notes = _judged(answer, foreign)
        if url := self._url(json_object(answer.body).get(self._table.link)):
            if found_in(self._get(url)[1], foreign):
                outcome, notes = PERMITTED, ("its link was followed, and a record came back",)
            self.act(self._table.revoke, at, by=self._by, as_=attacker, record=ident_in(answer, self._table.member))
        return sight(f"{attacker} shares a record of {unit.victim}", request, answer, outcome, unit=unit, notes=notes)

    def _url(self, said: Any) -> str:  # noqa: ANN401  # the JSON is the target's
        """The link that an answer holds; empty if it holds none that leads where the profile lets us go."""
        if not isinstance(said, str) or not said or not said.isprintable():
            return ""
        base = self.target.profile.target.base_url
        follow = self._table.follow
        way = follow.path.replace("{token}", quote(said, safe="")).lstrip("/") if follow else said
        try:
            url = urljoin(f"{base.rstrip('/')}/", way)
            self.target.wire.allow(Place.of(url))
        except (UsageError, ValueError):
            return ""
        return url

    def _own(self, what: str, given: Given) -> Observation:
        shown, answer = self._get(given.url)
        came = bool(found_in(answer, (given.canary,)))
        return sight(what, shown, answer, PERMITTED if came else UNCLEAR if answer.is_whole else UNANSWERED)

    def _tried(self, what: str, url: str, canaries: list[str], unit: Unit) -> Observation:
        shown, answer = self._get(url)
        outcome, notes = _judged(answer, canaries)
        return sight(what, shown, answer, outcome, unit=unit, notes=notes)

    def _over(self, what: str, given: Given, unit: Unit) -> Observation:
        """The link as soon as it shows nothing more, or when the promised time is over."""
        look: Callable[[], Observation] = lambda: self._tried(what, given.url, [given.canary], unit)  # noqa: E731
        deadline = time.monotonic() + self._table.seconds
        while (seen := look()).outcome is PERMITTED and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        return seen

    def _get(self, url: str) -> tuple[Request, Answer]:
        """How following a link may be shown, and the answer."""
        origin, target = origin_and_target(url)
        headers, probe = (("Accept", "*/*"),), new_probe()
        sent, shown = (
            Request(method="GET", target=way, headers=headers, principal="nobody", probe=probe)
            for way in (target, f"/{digest(target)}")
        )
        return shown, self.target.wire.send(sent, to=origin)


def _judged(answer: Answer, canaries: list[str]) -> tuple[Outcome, tuple[str, ...]]:
    if found_in(answer, canaries):
        return PERMITTED, ("a record came back",)
    if not answer.is_whole:
        return UNANSWERED, (answer.failure or answer.malformed,)
    return REFUSED, ()
