"""The cohort cube: every cell of the product of the hierarchies, with the contributors in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias

from venturi.aggregation.deidentify import Contribution
from venturi.aggregation.hierarchies import ANY, Hierarchy

Cell: TypeAlias = tuple[str, str]
"""(channel node, month node)."""


@dataclass(frozen=True)
class Cohort:
    """The distinct persons of a cell, each as (source, person)."""

    members: frozenset[tuple[str, str]]

    @property
    def size(self) -> int:
        """Distinct persons: what k counts."""
        return len(self.members)

    @property
    def sources(self) -> frozenset[str]:
        """Distinct contributing tenants, as hashes."""
        return frozenset(source for source, _ in self.members)

    def without(self, source: str) -> Cohort:
        """Who is left when one tenant, who knows its own, takes them away."""
        return Cohort(frozenset(member for member in self.members if member[0] != source))


@dataclass(frozen=True)
class Cube:
    """All cells that hold anybody, over two hierarchies."""

    channel: Hierarchy
    month: Hierarchy
    cohorts: Mapping[Cell, Cohort]

    def order(self) -> list[Cell]:
        """Every cell from coarse to fine, then by name: an order that no data can change."""
        return sorted(self.cohorts, key=lambda cell: (self._depth(cell), cell))

    def lines(self) -> list[tuple[Cell, tuple[Cell, ...]]]:
        """Every parent with its children along one dimension, as far as they hold anybody."""
        found = []
        for cell in self.cohorts:
            channel, month = cell
            for children in (
                tuple((child, month) for child in self.channel.children(channel)),
                tuple((channel, child) for child in self.month.children(month)),
            ):
                there = tuple(child for child in children if child in self.cohorts)
                if there:
                    found.append((cell, there))
        return found

    def lines_through(self, cell: Cell) -> list[tuple[Cell, tuple[Cell, ...]]]:
        """Those lines in which the cell is, as the parent or as a child, in the same order."""
        return self._lines_through.get(cell, [])

    @cached_property
    def _lines_through(self) -> dict[Cell, list[tuple[Cell, tuple[Cell, ...]]]]:
        found: dict[Cell, list[tuple[Cell, tuple[Cell, ...]]]] = defaultdict(list)
        for parent, children in self.lines():
            for cell in (parent, *children):
                found[cell].append((parent, children))
        return found

    def without(self, source: str) -> Cube:
        """What a tenant sees that takes its own persons away; cells that held nobody else are gone."""
        return Cube(self.channel, self.month, left_over(self.cohorts, source))

    def _depth(self, cell: Cell) -> int:
        return sum(0 if node == ANY else 1 if hierarchy.children(node) else 2 for node, hierarchy in self._nodes(cell))

    def _nodes(self, cell: Cell) -> zip[tuple[str, Hierarchy]]:
        return zip(cell, (self.channel, self.month), strict=True)


def left_over(cohorts: Mapping[Cell, Cohort], source: str) -> dict[Cell, Cohort]:
    """The cohorts without one tenant's persons, as far as they still hold anybody."""
    return {cell: rest for cell, cohort in cohorts.items() if (rest := cohort.without(source)).size}


def build(contributions: Iterable[Contribution], channel: Hierarchy, month: Hierarchy) -> Cube:
    """Count every person into one cell, that of its first conversion, and into all the cells above it.

    One cell a person makes the cells of a floor a partition: what is published adds up, and so does what is withheld.
    """
    members: dict[Cell, set[tuple[str, str]]] = defaultdict(set)
    for member, base in first_cells(contributions).items():
        for cell in product(channel.path(base[0]), month.path(base[1])):
            members[cell].add(member)
    return Cube(channel, month, {cell: Cohort(frozenset(inside)) for cell, inside in members.items()})


def first_cells(contributions: Iterable[Contribution]) -> dict[tuple[str, str], Cell]:
    """The cell of every person, as (source, person): of several the earliest, then the first by name."""
    cells: dict[tuple[str, str], Cell] = {}
    for each in sorted(contributions, key=lambda one: (one.month, one.channel), reverse=True):
        cells[each.source, each.person] = (each.channel, each.month)
    return cells
