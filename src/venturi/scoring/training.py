"""Retrains the shared weights: from the newest release of every jurisdiction, and from nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import invalid_request, not_found
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.scoring.scorer import Scorer
from venturi.scoring.train import ReleasedCell, Trainer

if TYPE_CHECKING:
    import asyncpg


class Training:
    """The operator's endpoint. `stores`: jurisdiction to the API's view of its releases, which shows nothing else."""

    def __init__(self, scorer: Scorer, stores: Mapping[str, asyncpg.Pool], trainer: Trainer | None = None) -> None:
        self._scorer, self._stores, self._trainer = scorer, stores, trainer or Trainer()
        self._turn = asyncio.Lock()

    def routes(self) -> list[Route]:
        """The endpoint."""
        return [Route("POST", "/v1/scoring/trainings", self.train, frozenset({"aggregation:run"}))]

    async def train(self, exchange: Exchange) -> Answer:
        """Train, serve every tenant with what came of it, and say what it was trained on."""
        if exchange.caller.kind != "support":
            raise not_found()
        if exchange.json():
            raise invalid_request("The body must be empty or {}.")
        async with self._turn:
            made = await asyncio.to_thread(self._trainer.train, await self.material())
            self._scorer.adopt(made)
        return json_answer({"digest": made.digest, "trained_on": list(made.trained_on)}, status=201)

    async def material(self) -> dict[str, list[ReleasedCell]]:
        """What is learned from: the newest release of each jurisdiction, by name."""
        found: dict[str, list[ReleasedCell]] = {}
        for jurisdiction, store in self._stores.items():
            row = await store.fetchrow("SELECT number, document FROM releases ORDER BY number DESC LIMIT 1")
            if row is not None:
                found[f"{jurisdiction}-{row['number']}"] = _cells(row["document"])
        return found


def _cells(release: bytes) -> list[ReleasedCell]:
    return [ReleasedCell(cell["channel"], cell["count"]) for cell in msgspec.json.decode(release)["cells"]]
