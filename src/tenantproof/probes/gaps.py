"""Ids that count: whoever makes two objects sees by their ids how many others were made in between (X110).

Ids that follow time alone tell nothing of others, so all rounds take the same time. Needs the profile's [objects].
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.model.objects_profile import Objects
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ALIKE, DIFFERENT, PERMITTED, UNANSWERED, UNCLEAR
from tenantproof.probes.access_bodies import filled
from tenantproof.probes.numbering import grow, numbers
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import ident_in, sight

_ROUNDS = 4
_SAMPLES, _MOST_SAMPLES = 2, 6
"""How often gaps must be seen to grow, with no round too long; and how often that is tried."""
_AMPLE = 1.25

Made = tuple[Request, Answer, str]
"""What was sent, what came back, and the id in it; empty if there is none."""


@dataclass(frozen=True)
class Sample:
    """Pairs of ids by how many objects were made in between, what was made last, and the longest that a round took."""

    last: Made
    ids: Mapping[int, Sequence[tuple[str, str]]]
    seconds: float
    is_whole: bool = True


class Gaps(Pairwise):
    """Has one tenant make objects between two of another. Without [objects] in the profile there is nothing to make."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"objects"})
    spares: ClassVar[bool] = True

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._random = random.Random(target.sweep.seed)  # noqa: S311  # an order, not a secret

    @property
    def units(self) -> int:
        """How many ordered pairs of such tenants there are."""
        return len(self.pairs)

    def makes(self, tenant: str) -> Observation:
        """A tenant makes two objects, each with an id of its own, and deletes them: permitted."""
        made = [self._make(tenant), self._make(tenant)]
        gone = [self._delete(tenant, ident) for *_, ident in made if ident]
        request, answer, _ = made[-1]
        idents = {ident for *_, ident in made if ident}
        well = len(idents) == len(made) and all(200 <= each.status < 300 for each in gone)
        outcome = PERMITTED if well else UNCLEAR if answer.is_whole else UNANSWERED
        notes = () if well else (f"no two ids in the member {self._table.member!r}, or they were not deleted",)
        return sight(f"{tenant} makes two objects and deletes them", request, answer, outcome, notes=notes)

    def compared(self, attacker: str, victim: str) -> Observation:
        """The gap between two ids of one tenant, by how many the other made in between: different, if it grows."""
        most = self._table.between
        what = f"{attacker} makes two objects, and {victim} none, {most // 2} or {most} in between"
        unit = Unit(attacker, victim, "create", "X110 gaps of ids")
        *_, seconds = self._round(attacker, victim, most, 0.0)
        seen = 0
        for _ in range(_MOST_SAMPLES):
            sample = self._sample(attacker, victim, seconds * _AMPLE)
            if not sample.is_whole:
                return sight(what, *sample.last[:2], UNANSWERED, unit=unit, notes=["an object was not made"])
            if not (told := tuple(_told(sample.ids))):
                return sight(what, *sample.last[:2], ALIKE, unit=unit)
            seen += sample.seconds <= seconds * _AMPLE
            if seen == _SAMPLES:
                return sight(what, *sample.last[:2], DIFFERENT, unit=unit, notes=told)
            seconds = max(seconds, sample.seconds)
        return sight(what, *sample.last[:2], UNANSWERED, unit=unit, notes=[f"no rounds took the same {seconds:.1f} s"])

    def _sample(self, attacker: str, victim: str, seconds: float) -> Sample:
        """Rounds of all numbers, in random order, each of which takes so many seconds if it can."""
        most = self._table.between
        ids: dict[int, list[tuple[str, str]]] = {0: [], most // 2: [], most: []}
        longest = 0.0
        for number in self._random.sample((*ids,) * _ROUNDS, k=len(ids) * _ROUNDS):
            last, pair, took = self._round(attacker, victim, number, seconds)
            if pair is None:
                return Sample(last, ids, longest, is_whole=False)
            ids[number].append(pair)
            longest = max(longest, took)
        return Sample(last, ids, longest)

    def _round(
        self, attacker: str, victim: str, number: int, seconds: float
    ) -> tuple[Made, tuple[str, str] | None, float]:
        """What was made last, the attacker's two ids (or None, where one was not made), and how long it took.

        The second is made no sooner than so many seconds after the first.
        """
        begun = time.monotonic()
        made = [(attacker, self._make(attacker))]
        made += [(victim, self._make(victim)) for _ in range(number)]
        took = time.monotonic() - begun
        time.sleep(max(0.0, seconds - took))
        made.append((attacker, self._make(attacker)))
        for tenant, (*_, ident) in made:
            if ident:
                self._delete(tenant, ident)
        is_whole = all(ident for _, (*_, ident) in made)
        return made[-1][1], (made[0][1][2], made[-1][1][2]) if is_whole else None, took

    @property
    def _table(self) -> Objects:
        assert self.target.profile.objects
        return self.target.profile.objects

    def _make(self, tenant: str) -> Made:
        body = filled(self._table.body, {"random": secrets.token_hex(12), "tenant": tenant})
        request, answer = self.act(self._table.create, tenant, by=self._table.principal, body=body)
        return request, answer, ident_in(answer, self._table.member) if 200 <= answer.status < 300 else ""

    def _delete(self, tenant: str, ident: str) -> Answer:
        return self.act(self._table.delete, tenant, by=self._table.principal, record=ident)[1]


def _told(ids: Mapping[int, Sequence[tuple[str, str]]]) -> Iterator[str]:
    """Each way of reading ids in which the gaps grow."""
    read = {number: [(numbers(one), numbers(other)) for one, other in pairs] for number, pairs in ids.items()}
    everywhere = set.intersection(*(set(half) for pairs in read.values() for pair in pairs for half in pair))
    for name in sorted(everywhere):
        gaps = {number: [other[name] - one[name] for one, other in pairs] for number, pairs in read.items()}
        if grow(gaps):
            shown = ", ".join(f"{number}: {' '.join(map(str, sorted(each)))}" for number, each in gaps.items())
            yield f"gaps by how many the other made, {name}: {shown}"
