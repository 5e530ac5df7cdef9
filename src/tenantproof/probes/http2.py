"""The same borders over HTTP/2, where the target speaks it: nothing of another's comes back on any stream."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Request, new_probe
from tenantproof.clients.http2 import Heard, Http2Wire, Manner
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.http2_vectors import VECTORS, Aim, Draft, Vector, own_read
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import sight
from tenantproof.probes.vectors.case import Case, Party

_OPERATIONS = ("read", "list")
_BROKE = frozenset({500, 502, 504})
_GAVE_UP = frozenset({502, 504})
"""What a gateway says of a request that the server behind it did not take."""


class OverHttp2(Pairwise):
    """Every pair of tenants over HTTP/2. Where the target does not speak it there is nothing to try."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"http2"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._wire = Http2Wire(target.profile, target.wire.pace)

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """Who asks over HTTP/2: everybody, or nobody where the target does not speak it."""
        speaks = self.uses <= self.target.capabilities and self._wire.speaks
        return tuple(tenant.id for tenant in self.target.profile.tenants) if speaks else ()

    @property
    def units(self) -> int:
        """How many things are tried."""
        return len(self.pairs) * len(_OPERATIONS) * len(self.vectors)

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """What is tried; nothing that may disturb strangers, unless the profile allows what is destructive."""
        may_linger = self.target.profile.safety.allow_destructive
        return tuple(vector for vector in VECTORS if may_linger or not vector.lingers)

    def own(self, tenant: str) -> Observation:
        """A tenant reads its own record over HTTP/2: permitted, if its canary comes back.

        Raises UsageError when the extra is not installed.
        """
        draft = own_read(self._aim("read", tenant, tenant))
        request = self._request(draft, self._path("read", tenant))
        (heard,) = self._wire.send((request,), Manner.TURNS)
        outcome, notes = self._own(tenant, heard)
        return sight(f"{tenant} reads its own record over HTTP/2", request, heard.answer, outcome, notes=notes)

    def attempts(self, attacker: str, victim: str) -> Iterator[Observation]:
        """The attacker tries every vector: present, if anything of another's came back on a stream."""
        for operation, vector in itertools.product(_OPERATIONS, self.vectors):
            aim = self._aim(operation, attacker, victim)
            drafts = vector.build(aim)
            requests = tuple(self._request(draft, _named(draft)) for draft in drafts)
            heard = self._wire.send(requests, vector.manner)
            outcome, notes = self._leak(vector, drafts, heard)
            what = f"{attacker} at {operation} of {victim} over HTTP/2: {vector.label}"
            unit = Unit(attacker, victim, operation, f"HTTP/2 {vector.label}")
            yield sight(what, requests[vector.tried], heard[vector.tried].answer, outcome, unit=unit, notes=notes)

    def _own(self, tenant: str, heard: Heard) -> tuple[Outcome, tuple[str, ...]]:
        if self._foreign(tenant, heard):
            return UNCLEAR, ("canaries that are not its own came back",)
        if heard.ending != "whole":
            return UNANSWERED, (heard.answer.failure or heard.answer.malformed,)
        if found_in(heard.answer, self.target.canaries[tenant]):
            return PERMITTED, ()
        return UNCLEAR, (f"saw {heard.answer.status}, and none of its own canaries",)

    def _leak(
        self, vector: Vector, drafts: tuple[Draft, ...], heard: tuple[Heard, ...]
    ) -> tuple[Outcome, tuple[str, ...]]:
        """What came back, on whichever stream; only where nothing of another's did, what the attempt came to."""
        for number, (draft, each) in enumerate(zip(drafts, heard, strict=True), start=1):
            if found := self._foreign(draft.caller, each):
                return PRESENT, (f"stream {number} told {draft.caller} {len(found)} canaries that are not its own",)
        tried = heard[vector.tried]
        answer, attacker = tried.answer, drafts[vector.tried].caller
        if tried.ending == "refused" and vector.broken:
            return ABSENT, (f"refused by the protocol: {answer.failure or answer.malformed}",)
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        if vector.broken and answer.status in _GAVE_UP:
            return ABSENT, (f"a gateway gave up: {answer.status}",)
        if answer.status in _BROKE:
            return UNCLEAR, (f"the target broke: {answer.status}",)
        if 200 <= answer.status < 300 and not found_in(answer, self.target.canaries[attacker]):
            return UNCLEAR, (f"answered {answer.status}, and nothing of the attacker's own is in it",)
        return ABSENT, (f"answered {answer.status}",)

    def _foreign(self, caller: str, heard: Heard) -> tuple[str, ...]:
        others = (canary for tenant, own in self.target.canaries.items() if tenant != caller for canary in own)
        return found_in(heard.answer, others)

    def _request(self, draft: Draft, path: str) -> Request:
        return Request(
            method=dict(draft.headers)[":method"],
            target=path,
            headers=draft.headers,
            body=draft.body,
            principal=f"{draft.caller}/reader",
            probe=new_probe(),
            protocol="HTTP/2",
        )

    def _aim(self, operation: str, attacker: str, victim: str) -> Aim:
        place = self._wire.place
        return Aim(
            attacker=attacker,
            victim=victim,
            method=self.target.operation(operation).method,
            scheme="https" if place.tls else "http",
            authority=place.authority,
            own=self._path(operation, attacker),
            theirs=self._path(operation, victim),
            own_host=self._host(attacker),
            their_host=self._host(victim),
            bearer=self._bearer(self.target.bearer(attacker)),
            forged=self._bearer(_spoiled(self.target.bearer(victim))),
            owner=self._bearer(self.target.bearer(victim)),
        )

    def _path(self, operation: str, tenant: str) -> str:
        record = self.target.tenant(tenant).records[0].id if operation == "read" else ""
        asked = self.target.request(self.target.operation(operation), tenant=tenant, record=record)
        return self._wire.place.prefix + asked.target

    def _bearer(self, token: str) -> tuple[str, str]:
        name, value = self.target.authorization(token)
        return name.lower(), value

    def _host(self, tenant: str) -> str:
        """The host name of a tenant, as the sweep of HTTP/1.1 says it."""
        party = Party(tenant, host=self.target.tenant(tenant).host)
        return Case(party, party, Endpoint("read", "GET", "/"), self._wire.place.authority, 1).host_of(party)


def _named(draft: Draft) -> str:
    """The path by which a stream is called in evidence: the last that it names."""
    return next(value for name, value in reversed(draft.headers) if name == ":path")


def _spoiled(token: str) -> str:
    """The token with its signature, or all of it, in reverse but for the end: nobody ever signed that.

    The end stays, for it says whether base64 is canonical; a token that can't be decoded would be refused for that.
    """
    head, dot, tail = token.rpartition(".")
    return f"{head}{dot}{tail[:-4][::-1]}{tail[-4:]}"
