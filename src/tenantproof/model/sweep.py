"""How much of a sweep is wanted: all of its population or a sample, and which part of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BUDGET = 480
"""Units that a run tries unless it is told otherwise: a few seconds of the main job."""


@dataclass(frozen=True)
class SweepChoice:
    """`pairs` all: the whole population; sample: at most `budget` units, drawn with `seed`.

    A shard (1-based, of how many) tries every n-th unit of the plan; all shards together try the plan once.
    """

    pairs: Literal["all", "sample"] = "sample"
    budget: int = BUDGET
    seed: int = 1
    shard: tuple[int, int] = (1, 1)
