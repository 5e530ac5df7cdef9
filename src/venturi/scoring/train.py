"""Trains the shared weights: on synthetic paths for the baseline, weighted by released cohorts afterwards.

The trainer is given releases and nothing else: no tenant's store is within its reach.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

import msgspec

from venturi.scoring.features import FEATURES, features
from venturi.scoring.weights import Weights

_PATHS = 2000
_SEED = 20260101
# How likely a touchpoint of each channel is to lead to a conversion in the synthetic world.
_WORTH = {"search": 0.9, "display": 0.1, "social": 0.3, "affiliate": 0.5, "email": 0.7, "direct": 0.6}
_PLACES = 9


class ReleasedCell(msgspec.Struct, frozen=True):
    """A published cohort: the channel node and how many persons are in it."""

    channel: str
    count: int


class Trainer:
    """Makes weights. What it learns from is decided in `material`."""

    def train(self, releases: Mapping[str, Iterable[ReleasedCell]]) -> Weights:
        """Weights from released cells by release name; without any, the baseline. Same input, same weights."""
        cells = self.material(releases)
        worth = _shifted(cells)
        vectors, outcomes = _world(worth)
        # scikit-learn takes a second to import, which only training should pay.
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000, tol=1e-10)
        model.fit(vectors, outcomes)
        return Weights(
            coefficients=tuple(round(float(value), _PLACES) for value in model.coef_[0]),
            intercept=round(float(model.intercept_[0]), _PLACES),
            trained_on=tuple(sorted(releases)) or ("synthetic",),
        )

    def material(self, releases: Mapping[str, Iterable[ReleasedCell]]) -> list[ReleasedCell]:
        """The cells that are learned from: those of the releases."""
        return [cell for name in sorted(releases) for cell in releases[name]]


def _shifted(cells: Iterable[ReleasedCell]) -> dict[str, float]:
    """The synthetic worth of each channel, moved towards its share in the released cohorts."""
    counts = dict.fromkeys(FEATURES[:-1], 0)
    for cell in cells:
        if cell.channel in counts:
            counts[cell.channel] += cell.count
    total = sum(counts.values())
    if not total:
        return dict(_WORTH)
    return {name: (worth + counts[name] / total) / 2 for name, worth in _WORTH.items()}


def _world(worth: Mapping[str, float]) -> tuple[list[tuple[float, ...]], list[int]]:
    draw = random.Random(_SEED)  # noqa: S311  # reproducible on purpose
    vectors, outcomes = [], []
    for _ in range(_PATHS):
        path = draw.choices(sorted(worth), k=draw.randint(1, 6))
        chance = 1.0
        for channel in path:
            chance *= 1 - worth[channel] / 4
        vectors.append(features(path))
        outcomes.append(int(draw.random() > chance))
    return vectors, outcomes


if __name__ == "__main__":
    import sys

    sys.stdout.write(Trainer().train({}).encoded().decode() + "\n")
