"""Reads trails: one's own from end to end, and those of others, which must not open."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar
from urllib.parse import urlencode

from tenantproof.clients.canaries import markers, stands_in
from tenantproof.clients.exchange import Answer, Request
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import json_object, new_probe, refusal_name, sight

_PAGE = 500
_MOST_PAGES = 1000
_QUERIES = {"checkpoint": "", "inclusion": "seq=0&size=1", "consistency": "from=1&to=1", "heads": ""}


class Trails(Pairwise):
    """Every tenant's audit trail, asked for by every tenant."""

    needs: ClassVar[frozenset[str]] = frozenset({"trail"})

    @cached_property
    def proofs(self) -> int:
        """How many operations tell of a trail besides its events."""
        return len(_QUERIES.keys() & self.target.profile.http.operations.keys())

    def own(self, tenant: str) -> Observation:
        """A tenant reads its own trail: permitted when events come back; of an empty one, the first look's own."""
        first = self._seen(tenant, tenant)
        return first if first.outcome is PERMITTED else self._seen(tenant, tenant)

    def foreign(self, attacker: str, victim: str) -> Observation:
        """A tenant asks for another's trail."""
        return self._seen(attacker, victim)

    def foreign_proofs(self, attacker: str, victim: str) -> Iterator[Observation]:
        """A tenant asks for the head and the proofs of another's trail, which tell how much goes on there."""
        for operation in sorted(_QUERIES.keys() & self.target.profile.http.operations.keys()):
            request = self.target.request(
                self.target.operation(operation),
                tenant=victim,
                query=_QUERIES[operation],
                bearer=self.target.bearer(attacker),
                principal=f"{attacker}/reader",
                probe=new_probe(),
            )
            answer = self.target.wire.send(request)
            outcome = PERMITTED if answer.status == 200 else self._outcome(answer)
            unit = Unit(attacker, victim, operation, "path")
            yield sight(f"{attacker} asks for the {operation} of {victim}'s trail", request, answer, outcome, unit=unit)

    def strangers(self, tenant: str) -> Observation:
        """Whether the tenant's own trail holds another's canary or record id, or an event that is not its business.

        An event is not its business when it names another tenant and not this one.
        """
        theirs = [
            marker for other in self.target.profile.tenants if other.id != tenant for marker in markers(other.records)
        ]
        request, answer, pages, trouble = self._walk(tenant)
        found = {marker for page in pages for marker in theirs if stands_in(marker, page)}
        others = sum(self._is_anothers(event, tenant) for page in pages for event in json_object(page)["events"])
        outcome = PRESENT if found or others else UNANSWERED if trouble else ABSENT
        note = trouble or f"{len(pages)} pages, {len(found)} markers of other tenants, {others} events of theirs"
        unit = Unit(tenant, "", "trail", "own trail, whole")
        return sight(
            f"{tenant} looks for others' data in its own trail", request, answer, outcome, unit=unit, notes=[note]
        )

    def _is_anothers(self, event: object, tenant: str) -> bool:
        named = set(_texts(event)) & set(self.tenants)
        return bool(named) and tenant not in named

    def _seen(self, reader: str, owner: str) -> Observation:
        request, answer = self._ask(reader, owner, 0)
        unit = None if reader == owner else Unit(reader, owner, "trail", "path")
        outcome = self._outcome(answer)
        return sight(f"{reader} reads the trail of {owner}", request, answer, outcome, unit=unit)

    def _outcome(self, answer: Answer) -> Outcome:
        if not answer.is_whole:
            return UNANSWERED
        if answer.status == 200 and json_object(answer.body).get("events"):
            return PERMITTED
        return REFUSED if refusal_name(answer, self.target.profile.http) == "mismatch" else UNCLEAR

    def _walk(self, tenant: str) -> tuple[Request, Answer, list[bytes], str]:
        """The tenant's whole trail, page by page, and what stopped the walk, if anything did."""
        pages: list[bytes] = []
        after: int | None = None
        for _ in range(_MOST_PAGES):
            request, answer = self._ask(tenant, tenant, after)
            page = json_object(answer.body)
            if not answer.is_whole or answer.status != 200 or not isinstance(page.get("events"), list):
                return request, answer, pages, answer.failure or answer.malformed or f"answered {answer.status}"
            pages.append(answer.body)
            following = page.get("next")
            if not isinstance(following, int) or following == after:
                return request, answer, pages, ""
            after = following
        return request, answer, pages, f"the trail has more than {_MOST_PAGES} pages"

    def _ask(self, reader: str, owner: str, after: int | None) -> tuple[Request, Answer]:
        query = {"limit": _PAGE, **({"after": after} if after else {})}
        request = self.target.request(
            self.target.operation("trail"),
            tenant=owner,
            query=urlencode(query),
            bearer=self.target.bearer(reader),
            principal=f"{reader}/reader",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)


def _texts(value: object) -> Iterator[str]:
    """Every text that stands as a value in a piece of JSON."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
