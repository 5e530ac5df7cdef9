"""The re-identification-risk acceptance test: a release that fails it is not made.

The attacker is a prosecutor who knows that a person is in the data, a journalist who does not, or a marketer who wants
as many as possible (El Emam, Guide to the De-Identification of Personal Health Information, 2013). Thresholds are
settings with a source, never constants of the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from venturi.aggregation.cube import Cohort


@dataclass(frozen=True)
class Thresholds:
    """Highest accepted risks, as probabilities, and where they come from."""

    prosecutor: float = 0.2
    marketer: float = 0.2
    dominance: float = 0.95
    source: str = "cell size 5: 1/5 = 0.2 (El Emam 2013); dominance: ours, no regulator's number was found"


@dataclass(frozen=True)
class Risk:
    """The measured risks and the verdict."""

    prosecutor: float
    marketer: float
    dominance: float
    accepted: bool
    because: str


class AcceptanceTest:
    """Measures a selection of cohorts against thresholds."""

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds

    def measure(self, cohorts: Iterable[Cohort]) -> Risk:
        """The risks over all cohorts: the worst 1/size, the mean 1/size by person, the largest share of one tenant."""
        groups = list(cohorts)
        prosecutor = max((1 / group.size for group in groups), default=0.0)
        people = sum(group.size for group in groups)
        marketer = len(groups) / people if people else 0.0
        dominance = max((_largest_share(group) for group in groups), default=0.0)
        exceeded = self.exceeded(prosecutor, marketer, dominance)
        because = f"above the threshold: {', '.join(exceeded)}" if exceeded else "every risk is within its threshold"
        return Risk(prosecutor, marketer, dominance, not exceeded, because)

    def tightened(self, **limits: float) -> AcceptanceTest:
        """The same test with lower thresholds; none is ever raised."""
        lower = {name: min(limit, getattr(self.thresholds, name)) for name, limit in limits.items()}
        return type(self)(replace(self.thresholds, **lower))

    def exceeded(self, prosecutor: float, marketer: float, dominance: float) -> list[str]:
        """The names of the risks that are too high."""
        limits = self.thresholds
        measured = (
            ("prosecutor", prosecutor, limits.prosecutor),
            ("marketer", marketer, limits.marketer),
            ("dominance", dominance, limits.dominance),
        )
        return [name for name, risk, limit in measured if risk > limit]


def _largest_share(group: Cohort) -> float:
    return max(1 - group.without(source).size / group.size for source in group.sources)
