"""Compares how long two kinds of requests take: interleaved, beside a null pair, and slow to call them different."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenantproof.model.outcome import ALIKE, DIFFERENT, Outcome

_LARGE = 0.2
"""|AUC - 0.5| from which on a difference counts; smaller ones are within what a busy machine does by itself."""
_SURE = 1e-6
"""p value below which a difference is no accident; each of two rounds must be below."""
_NULL = 0.1
"""|AUC - 0.5| of the null pair from which on the machine is too restless for any answer."""


@dataclass(frozen=True)
class Compared:
    """Two samples compared by ranks. `auc` is the chance that one of the first takes longer than one of the second."""

    auc: float
    p: float

    @property
    def effect(self) -> float:
        """How far the chance is from even."""
        return abs(self.auc - 0.5)


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> Compared:
    """Mann-Whitney's test (1947), two-sided, with ties at their mean rank and the normal approximation."""
    both = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks, ties, start = 0.0, 0.0, 0
    while start < len(both):
        end = start
        while end < len(both) and both[end][0] == both[start][0]:
            end += 1
        size = end - start
        ranks += sum(1 for _, which in both[start:end] if which == 0) * (start + 1 + end) / 2
        ties += size**3 - size
        start = end
    n, m = len(first), len(second)
    total = n + m
    u = ranks - n * (n + 1) / 2
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    z = (u - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0
    return Compared(u / (n * m), math.erfc(abs(z) / math.sqrt(2)))


def detectable(pairs: int) -> float:
    """The smallest |AUC - 0.5| that so many pairs show four times out of five at p = 0.05 (normal approximation)."""
    return (1.96 + 0.84) * math.sqrt((2 * pairs + 1) / (12 * pairs * pairs))


@dataclass(frozen=True)
class Race:
    """The rounds of a comparison, and its null pair."""

    rounds: tuple[Compared, ...]
    null: Compared
    pairs: int

    def outcome(self) -> Outcome:
        """Different only when every round says so, by far and for sure, while the null pair is quiet.

        A restless null pair means that nothing can be told, and then nothing was told apart.
        """
        sides = {each.auc > 0.5 for each in self.rounds}
        clear = all(each.effect > _LARGE and each.p < _SURE for each in self.rounds)
        return DIFFERENT if clear and len(sides) == 1 and self.null.effect < _NULL else ALIKE

    def told(self) -> tuple[str, ...]:
        """The figures, for whoever reads the evidence."""
        seen = ", ".join(f"{each.auc:.2f} (p {each.p:.2g})" for each in self.rounds)
        return (
            f"chance that the first takes longer: {seen}; null pair {self.null.auc:.2f}; {self.pairs} pairs a round",
            f"smallest effect such a sample shows: {detectable(self.pairs):.2f} from even",
        )


def race(first: Callable[[], float], second: Callable[[], float], *, pairs: int, rounds: int = 2) -> Race:
    """Time both, interleaved and in turns first; `first` and `second` send one request and return its seconds."""
    compared = []
    nulls: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        ours: list[float] = []
        theirs: list[float] = []
        for turn in range(pairs):
            if turn % 2:
                theirs.append(second())
                ours.append(first())
            else:
                ours.append(first())
                theirs.append(second())
            nulls[turn % 2].append(ours[-1])
        compared.append(mann_whitney(ours, theirs))
    return Race(tuple(compared), mann_whitney(*nulls), pairs)
