"""The cohort cube: every cell of the product of the hierarchies, with the contributors in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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

    def without(self, source: str) -> int:
        """How many are left when one tenant, who knows its own, takes them away."""
        return sum(1 for origin, _ in self.members if origin != source)


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

    def is_below(self, lower: Cell, upper: Cell) -> bool:
        """Whether the lower cell is a proper part of the upper one."""
        inside = all(
            above in hierarchy.path(below) or above in (below, ANY) or hierarchy.families.get(below) == above
            for below, above, hierarchy in zip(lower, upper, (self.channel, self.month), strict=True)
        )
        return inside and lower != upper

    def _depth(self, cell: Cell) -> int:
        return sum(0 if node == ANY else 1 if hierarchy.children(node) else 2 for node, hierarchy in self._nodes(cell))

    def _nodes(self, cell: Cell) -> zip[tuple[str, Hierarchy]]:
        return zip(cell, (self.channel, self.month), strict=True)


def build(contributions: Iterable[Contribution], channel: Hierarchy, month: Hierarchy) -> Cube:
    """Count every contribution into its cell and all the cells above it."""
    members: dict[Cell, set[tuple[str, str]]] = defaultdict(set)
    for each in contributions:
        for cell in product(channel.path(each.channel), month.path(each.month)):
            members[cell].add((each.source, each.person))
    return Cube(channel, month, {cell: Cohort(frozenset(inside)) for cell, inside in members.items()})
