"""The scoring endpoints."""

from __future__ import annotations

import msgspec

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import invalid_request
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.scoring.scorer import Scorer, Settings

_ROOT = "/v1/tenants/{tenant_id}/scoring"
_READ = frozenset({"attributions:read"})
_WRITE = frozenset({"scoring:write"})
_MOST_PATHS, _LONGEST_PATH = 100, 100


class Paths(msgspec.Struct, forbid_unknown_fields=True):
    """Paths of channels, oldest touchpoint first."""

    paths: list[list[str]]


class Replacement(msgspec.Struct, forbid_unknown_fields=True):
    """All of a tenant's settings: what is left out by mistake must not fall back to a default."""

    slope: float
    shift: float
    threshold: float


class Scoring:
    """Serves scores to the tenant that the gate let the caller into."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def routes(self) -> list[Route]:
        """The endpoints."""
        return [
            Route("GET", f"{_ROOT}/model", self.model, _READ),
            Route("GET", f"{_ROOT}/settings", self.settings, _READ),
            Route("PUT", f"{_ROOT}/settings", self.configure, _WRITE),
            Route("POST", f"{_ROOT}/scores", self.scores, _READ),
        ]

    async def model(self, exchange: Exchange) -> Answer:
        """The weights that serve this tenant, with their digest."""
        weights = self._scorer.weights(exchange.tenant)
        return json_answer({"digest": weights.digest, **msgspec.to_builtins(weights)})

    async def settings(self, exchange: Exchange) -> Answer:
        """The tenant's own calibration and threshold."""
        return json_answer(await self._scorer.settings(exchange.tenant))

    async def configure(self, exchange: Exchange) -> Answer:
        """Replace them."""
        try:
            given = msgspec.convert(exchange.json(), Replacement)
        except msgspec.ValidationError:
            raise invalid_request("The body must have slope, shift and threshold, all numbers.") from None
        wanted = Settings(slope=given.slope, shift=given.shift, threshold=given.threshold)
        if problem := wanted.problem():
            raise invalid_request(problem)
        await self._scorer.configure(exchange.tenant, wanted)
        return json_answer(wanted)

    async def scores(self, exchange: Exchange) -> Answer:
        """Score some paths."""
        try:
            asked = msgspec.convert(exchange.json(), Paths).paths
        except msgspec.ValidationError:
            raise invalid_request("The body must have paths, a list of lists of channels.") from None
        if not 0 < len(asked) <= _MOST_PATHS or any(len(path) > _LONGEST_PATH for path in asked):
            raise invalid_request(f"At most {_MOST_PATHS} paths of at most {_LONGEST_PATH} channels.")
        return json_answer({"scores": await self._scorer.score(exchange.tenant, asked)}, rows=len(asked))
