"""Decides which cells a release may publish: none below k, and none that makes a small group computable.

Cells are tried from coarse to fine in an order that no data can change, and one is published only if nothing about a
group of 1 to k-1 persons follows from it together with what is published already, tonight or before. Cohorts are sets
of persons, so a difference is judged by who is in it: a person who left and another who came make two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from venturi.aggregation.cube import Cell, Cohort, Cube


@dataclass(frozen=True)
class Rules:
    """Thresholds of a release. `k`: persons in a cohort; `sources`: contributing tenants in a cohort."""

    k: int = 5
    sources: int = 2


@dataclass(frozen=True)
class Published:
    """What one release published, with the members that only the aggregation side knows."""

    cohorts: Mapping[Cell, Cohort]


@dataclass(frozen=True)
class Selection:
    """The cells to publish and, for those withheld, the rule that withheld them (never released)."""

    cells: tuple[Cell, ...]
    withheld: Mapping[Cell, str] = field(default_factory=dict)


class Protector:
    """Chooses the cells of a release. Each rule is a method that says whether a cell may be published."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def select(self, cube: Cube, history: Sequence[Published]) -> Selection:
        """The cells that may be published, coarse before fine."""
        chosen: list[Cell] = []
        withheld: dict[Cell, str] = {}
        for cell in cube.order():
            reason = self.objection(cube, cell, chosen, history)
            if reason:
                withheld[cell] = reason
            else:
                chosen.append(cell)
        return Selection(tuple(chosen), withheld)

    def objection(self, cube: Cube, cell: Cell, chosen: Sequence[Cell], history: Sequence[Published]) -> str:
        """Why the cell may not be published beside the chosen ones, or nothing."""
        cohort = cube.cohorts[cell]
        if not self.is_large(cohort):
            return "below k"
        if not self.is_mixed(cohort):
            return "too few sources"
        if not self.withstands_insiders(cohort):
            return "an insider could subtract itself"
        if not self.withstands_pairs(cube, cell, chosen):
            return "the difference from another cell is small"
        if not self.withstands_lines(cube, cell, chosen):
            return "what a line leaves is small"
        if not self.withstands_history(cell, cohort, history):
            return "the difference from an earlier release is small"
        return ""

    def is_large(self, cohort: Cohort) -> bool:
        """At least k persons."""
        return cohort.size >= self.rules.k

    def is_mixed(self, cohort: Cohort) -> bool:
        """At least so many tenants that none is alone in it."""
        return len(cohort.sources) >= self.rules.sources

    def withstands_insiders(self, cohort: Cohort) -> bool:
        """Whether a contributing tenant, taking its own persons away, is left with nobody or with at least k."""
        return all(self.is_safe(cohort.without(source)) for source in cohort.sources)

    def withstands_pairs(self, cube: Cube, cell: Cell, chosen: Sequence[Cell]) -> bool:
        """Whether no two published cells, one within the other, differ by a small group."""
        inside = cube.cohorts[cell].members
        for other in chosen:
            around = cube.cohorts[other].members
            if (inside < around or around < inside) and not self.is_safe(len(inside ^ around)):
                return False
        return True

    def withstands_lines(self, cube: Cube, cell: Cell, chosen: Sequence[Cell]) -> bool:
        """Whether every parent minus its published children leaves nobody or at least k, with this cell among them."""
        published = {*chosen, cell}
        for parent, children in cube.lines():
            if parent not in published or not (cell == parent or cell in children):
                continue
            there = [child for child in children if child in published]
            rest = cube.cohorts[parent].members.difference(*(cube.cohorts[child].members for child in there))
            if there and not self.is_safe(len(rest)):
                return False
        return True

    def withstands_history(self, cell: Cell, cohort: Cohort, history: Sequence[Published]) -> bool:
        """Whether, against every earlier release of the cell, nobody or at least k persons changed."""
        earlier = (release.cohorts[cell] for release in history if cell in release.cohorts)
        return all(self.is_safe(len(before.members ^ cohort.members)) for before in earlier)

    def is_safe(self, group: int) -> bool:
        """A group of nobody or of at least k."""
        return group == 0 or group >= self.rules.k
