"""Compares what the model says to different tenants, and what one tenant's settings do to another's scores."""

from __future__ import annotations

import itertools
import json
from functools import cached_property
from typing import Any, ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.redaction import one_line
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ALIKE, DIFFERENT, PERMITTED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import json_object, new_probe, sight
from tenantproof.probes.training import ModelTraining

__all__ = ["ModelTraining", "SharedModel"]

_PATHS = [["search"], ["display", "social"], ["email", "search", "direct"], ["affiliate"] * 4]
_PLAIN = {"slope": 1.0, "shift": 0.0, "threshold": 0.5}
_BENT = {"slope": 2.5, "shift": -0.75, "threshold": 0.9}


class SharedModel(Probe):
    """The scoring API, asked by every tenant."""

    needs: ClassVar[frozenset[str]] = frozenset({"scoring"})

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of all tenants that may be written to."""
        return tuple(tenant.id for tenant in self.target.profile.tenants if tenant.disposable)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every unordered pair of tenants."""
        return tuple(itertools.combinations(self.tenants, 2))

    def scores(self, tenant: str) -> Observation:
        """A tenant gets scores at all."""
        request, answer = self._ask("score", tenant, {"paths": _PATHS})
        well = len(_probabilities(answer)) == len(_PATHS)
        outcome = PERMITTED if well else UNCLEAR if answer.is_whole else UNANSWERED
        return sight(f"{tenant} has {len(_PATHS)} paths scored", request, answer, outcome)

    def same_weights(self, one: str, other: str) -> Observation:
        """Whether two tenants are told of the same weights, coefficient by coefficient."""
        (request, mine), (_, theirs) = (self._ask("model", tenant) for tenant in (one, other))
        said = [_without(json_object(answer.body), "digest") for answer in (mine, theirs)]
        digests = [json_object(answer.body).get("digest") for answer in (mine, theirs)]
        notes = [f"weights {one_line(str(value), 90)}" for value in digests]
        outcome = _compared(mine, theirs, alike=bool(said[0]) and said[0] == said[1] and digests[0] == digests[1])
        unit = Unit(one, other, "model", "weights")
        return sight(f"{one} and {other} are told their weights", request, mine, outcome, unit=unit, notes=notes)

    def same_scores(self, one: str, other: str) -> Observation:
        """Whether two tenants with the same settings get the same scores, to the last digit."""
        for tenant in (one, other):
            self._configure(tenant, _PLAIN)
        (request, mine), (_, theirs) = (self._ask("score", tenant, {"paths": _PATHS}) for tenant in (one, other))
        alike = bool(_probabilities(mine)) and _probabilities(mine) == _probabilities(theirs)
        unit = Unit(one, other, "score", "same settings")
        outcome = _compared(mine, theirs, alike=alike)
        return sight(
            f"{one} and {other} score the same paths under the same settings", request, mine, outcome, unit=unit
        )

    def own_settings(self, tenant: str) -> Observation:
        """Whether a tenant's own scores change with its own settings; they are put back."""
        return self._disturbed(tenant, tenant)

    def neighbours_settings(self, tenant: str, neighbour: str) -> Observation:
        """Whether a tenant's scores change with a neighbour's settings; they are put back."""
        return self._disturbed(tenant, neighbour)

    def _disturbed(self, tenant: str, who: str) -> Observation:
        before = self._settings(who)
        try:
            _, first = self._ask("score", tenant, {"paths": _PATHS})
            changed = self._configure(who, _BENT if before != _BENT else _PLAIN)
            request, second = self._ask("score", tenant, {"paths": _PATHS})
        finally:
            self._configure(who, before)
        alike = bool(_decided(first)) and _decided(first) == _decided(second)
        outcome = _compared(first, second, alike=alike) if changed.status == 200 else UNCLEAR
        notes = () if changed.status == 200 else (f"the settings of {who} could not be changed: {changed.status}",)
        unit = None if who == tenant else Unit(who, tenant, "settings", "calibration and threshold")
        return sight(
            f"{tenant} scores before and after {who} changes its settings",
            request,
            second,
            outcome,
            unit=unit,
            notes=notes,
        )

    def _settings(self, tenant: str) -> dict[str, Any]:
        found = json_object(self._ask("scoring_settings", tenant)[1].body)
        return {name: found.get(name, value) for name, value in _PLAIN.items()}

    def _configure(self, tenant: str, settings: dict[str, Any]) -> Answer:
        return self._ask("configure_scoring", tenant, settings, principal="steward")[1]

    def _ask(
        self, name: str, tenant: str, body: dict[str, Any] | None = None, principal: str = "reader"
    ) -> tuple[Request, Answer]:
        request = self.target.request(
            self.target.operation(name),
            tenant=tenant,
            bearer=self.target.bearer(tenant, principal),
            headers=(("Content-Type", "application/json"),) if body is not None else (),
            body=json.dumps(body).encode() if body is not None else b"",
            principal=f"{tenant}/{principal}",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)


def _compared(one: Answer, other: Answer, *, alike: bool) -> Outcome:
    if not (one.is_whole and other.is_whole):
        return UNANSWERED
    if one.status != 200 or other.status != 200:
        return UNCLEAR
    return ALIKE if alike else DIFFERENT


def _decided(answer: Answer) -> list[object]:
    scores = json_object(answer.body).get("scores")
    return [(score.get("probability"), score.get("positive")) for score in _listed(scores)]


def _probabilities(answer: Answer) -> list[object]:
    scores = json_object(answer.body).get("scores")
    return [score.get("probability") for score in _listed(scores)]


def _listed(scores: object) -> list[dict[str, Any]]:
    found = scores if isinstance(scores, list) else []
    return [score for score in found if isinstance(score, dict)]


def _without(body: Any, name: str) -> dict[str, Any]:  # noqa: ANN401  # JSON of the target
    return {key: value for key, value in body.items() if key != name}
