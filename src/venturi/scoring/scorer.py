"""Inference: shared weights, then the tenant's own calibration (Platt scaling) and threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from venturi.scoring.features import features
from venturi.scoring.weights import Weights

if TYPE_CHECKING:
    import asyncpg


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tenant's calibration (p = 1 / (1 + exp(-(slope * logit + shift)))) and decision threshold."""

    slope: float = 1.0
    shift: float = 0.0
    threshold: float = 0.5

    def problem(self) -> str:
        """What is wrong with the settings, or nothing."""
        if not (math.isfinite(self.slope) and 0 < self.slope <= 100):
            return "slope must be above 0 and at most 100."
        if not (math.isfinite(self.shift) and -100 <= self.shift <= 100):
            return "shift must be from -100 to 100."
        if not 0 <= self.threshold <= 1:
            return "threshold must be from 0 to 1."
        return ""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """The probability of one path, the decision at the tenant's threshold, and the weights that it was made with."""

    probability: float
    positive: bool
    weights: str


class Scorer:
    """Scores paths for tenants. `pools` maps a tenant to a pool of its own database."""

    def __init__(self, pools: Mapping[str, asyncpg.Pool], weights: Weights) -> None:
        self._pools, self._shared = pools, weights

    def weights(self, tenant: str) -> Weights:
        """The weights that serve a tenant: the same for every one."""
        del tenant
        return self._shared

    def adopt(self, weights: Weights) -> None:
        """Serve everybody with new weights from now on."""
        self._shared = weights

    async def settings(self, tenant: str) -> Settings:
        """The tenant's own settings, or the defaults."""
        row = await self._pools[tenant].fetchrow("SELECT slope, shift, threshold FROM scoring_settings")
        return Settings(**dict(row)) if row else Settings()

    async def configure(self, tenant: str, settings: Settings) -> None:
        """Replace the tenant's own settings."""
        await self._pools[tenant].execute(
            "INSERT INTO scoring_settings (slope, shift, threshold) VALUES ($1, $2, $3)"
            " ON CONFLICT (only_row) DO UPDATE SET slope = $1, shift = $2, threshold = $3",
            settings.slope,
            settings.shift,
            settings.threshold,
        )

    async def score(self, tenant: str, paths: Sequence[Sequence[str]]) -> list[Score]:
        """The scores of some paths of channels, by the shared weights and the tenant's own settings."""
        own, weights = await self.settings(tenant), self.weights(tenant)
        return [self.decided(own, weights, path) for path in paths]

    def decided(self, own: Settings, weights: Weights, path: Sequence[str]) -> Score:
        """One score."""
        probability = 1 / (1 + math.exp(-_bounded(own.slope * weights.logit(features(path)) + own.shift)))
        return Score(probability=probability, positive=probability >= own.threshold, weights=weights.digest)


def _bounded(value: float) -> float:
    """Exp overflows beyond this, and no probability differs."""
    return max(-500.0, min(500.0, value))
