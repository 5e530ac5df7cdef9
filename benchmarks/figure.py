"""One figure of a benchmark, and how a figure is taken."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured, in `unit` (s, GB, 1/s, MB). `ratio_to` names what `ratio` compares it with, or is empty."""

    value: float
    unit: str
    ratio_to: str = ""
    ratio: float = 0.0


Benchmark = Callable[[], "dict[str, Figure]"]
"""Measures; gives the figures by their names in bench.json."""


def median_seconds(work: Callable[[], object], *, runs: int = 3) -> float:
    """Median wall time of a few runs, in seconds."""
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def peak_gigabytes() -> float:
    """The most memory that this process has held at once, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
