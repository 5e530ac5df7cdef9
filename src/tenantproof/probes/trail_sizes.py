"""Looks for what a tenant's answers tell of other tenants' trails: their heads, and numbers that grow as theirs do."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from tenantproof.clients.canaries import stands_in
from tenantproof.clients.exchange import Answer
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PRESENT, UNANSWERED
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import json_value, sight
from tenantproof.probes.trail_integrity import TrailIntegrity
from tenantproof.probes.trail_log import Look, TrailLog

_STEPS = (5, 11, 2)
"""How many acts of the other tenant lie between two looks: no trail of one's own grows by just that."""
_NUMBER = re.compile(r"(?<![0-9A-Za-z_.:-])[0-9]{1,15}(?![0-9A-Za-z_:-])")

Numbers = dict[str, int]


class TrailSizes(Probe):
    """What shows through of a trail that is not one's own."""

    needs: ClassVar[frozenset[str]] = frozenset({"trail"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._integrity = TrailIntegrity(target)
        names = self._integrity.tenants
        self.ring = tuple(zip(names, (*names[1:], names[0]), strict=True))
        """Every tenant with the one that it looks for."""

    def own_growth(self, tenant: str) -> Observation:
        """Present, if the growth of one's own trail shows in one's own answers: what the comparison can see.

        A target that tells nobody how long a trail is has nothing to show through; then its own record is enough.
        """
        return self._growth(tenant, tenant, f"{tenant} looks in its answers for the growth of its own trail")

    def foreign_growth(self, tenant: str, other: str) -> Observation:
        """Present, if a number in the tenant's answers grows by as much as the other's trail does."""
        return self._growth(tenant, other, f"{tenant} looks in its answers for the growth of {other}'s trail")

    def _growth(self, tenant: str, other: str, what: str) -> Observation:
        looks = list(self._looks(tenant, other))
        samples = [_numbers(looks)]
        for step in _STEPS:
            for _ in range(step):
                TrailLog(self.target, other).ask("list")
            looks = list(self._looks(tenant, other))
            samples.append(_numbers(looks))
        found = sorted(place for place in samples[0] if _tracks([sample.get(place) for sample in samples]))
        silent = next((look for look in looks if not look.answer.is_whole), None)
        outcome = PRESENT if found else UNANSWERED if silent else ABSENT
        shown = silent or looks[0]
        unit = Unit(tenant, other, "infer", "size") if tenant != other else None
        notes = [f"as {other}'s trail grows: {', '.join(found)}"] if found else []
        return sight(what, shown.request, shown.answer, outcome, unit=unit, notes=notes)

    def foreign_heads(self, tenant: str, other: str) -> Observation:
        """Present, if the head of the other's trail, by its root or its name, stands in the tenant's answers."""
        head = TrailLog(self.target, other).head().head if self._integrity.is_verifiable(other) else None
        marks = [head.origin, head.root.hex(), base64.b64encode(head.root).decode()] if head else []
        looks = [look for look in self._looks(tenant, other) if look.answer.status == 200]
        if not looks:
            look = TrailLog(self.target, tenant).ask("trail", {"limit": 1})
            return sight(f"{tenant} looks for the head of {other}'s trail", look.request, look.answer, UNANSWERED)
        found = [look for look in looks for mark in marks if stands_in(mark, _text(look.answer))]
        shown = found[0] if found else looks[0]
        what = f"{tenant} looks in its answers for the head of {other}'s trail"
        unit = Unit(tenant, other, "infer", "head")
        return sight(what, shown.request, shown.answer, PRESENT if found else ABSENT, unit=unit)

    def _looks(self, tenant: str, other: str) -> Iterator[Look]:
        """What a tenant is told about trails: its own page and head, and how another's is refused."""
        own = TrailLog(self.target, tenant)
        yield own.ask("trail", {"limit": 1})
        if "checkpoint" in self.target.profile.http.operations:
            yield own.ask("checkpoint")
        if "heads" in self.target.profile.http.operations:
            yield own.ask("heads")
        yield TrailLog(self.target, other, reader=tenant).ask("trail", {"limit": 1})


def _tracks(values: list[int | None]) -> bool:
    """Whether the values grow by the steps, and by the same amount besides each time."""
    if None in values:
        return False
    known = [value for value in values if value is not None]
    rest = {after - before - step for before, after, step in zip(known, known[1:], _STEPS, strict=False)}
    return len(rest) == 1 and 0 <= min(rest) <= max(_STEPS)


def _numbers(looks: list[Look]) -> Numbers:
    found: Numbers = {}
    for index, look in enumerate(looks):
        for name, value in look.answer.headers:
            for turn, number in enumerate(_NUMBER.findall(value.partition(".")[0])):
                found[f"answer {index + 1}, header {name.lower()} {turn}"] = int(number)
        body = json_value(look.answer.body)
        if isinstance(body, dict):
            found |= {f"answer {index + 1}, {place}": number for place, number in _members(body, "")}
        else:
            lines = look.answer.body.decode("utf-8", "replace").split("\n")
            found |= {f"answer {index + 1}, line {n}": int(line) for n, line in enumerate(lines) if line.isdecimal()}
    return found


def _members(value: Mapping[str, object], path: str) -> Iterator[tuple[str, int]]:
    for name, item in value.items():
        place = f"{path}.{name}" if path else name
        if isinstance(item, bool) or name == "events":
            continue
        if isinstance(item, int):
            yield place, item
        elif isinstance(item, dict):
            yield from _members(item, place)


def _text(answer: Answer) -> bytes:
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers)
    return head.encode("latin-1", "replace") + b"\n" + answer.body
