"""Cohorts as an auditor counts them: who is in which cell of a release, from the members and the public hierarchies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

ANY, OTHER = "*", "other"
Cell: TypeAlias = tuple[str, ...]
"""One node of each hierarchy, in the order of the hierarchies."""
Person: TypeAlias = tuple[str, str]
"""(source, person), both as the store has them."""
Group: TypeAlias = "frozenset[Person]"
Member: TypeAlias = tuple[str, ...]
"""(source, person, value of each dimension)."""
Hierarchies: TypeAlias = Mapping[str, Mapping[str, str]]
"""Dimension to value to family; a value that is in none belongs to "other"."""


@dataclass(frozen=True)
class Cohorts:
    """Every cell that holds anybody, and who is in it."""

    hierarchies: Hierarchies
    cells: Mapping[Cell, Group]

    @property
    def sources(self) -> tuple[str, ...]:
        """All contributors."""
        return tuple(sorted({source for group in self.cells.values() for source, _ in group}))

    def without(self, source: str) -> Cohorts:
        """What a contributor makes of it by taking its own persons away."""
        rest = {cell: frozenset(one for one in group if one[0] != source) for cell, group in self.cells.items()}
        return Cohorts(self.hierarchies, {cell: group for cell, group in rest.items() if group})

    def lines(self) -> Iterable[tuple[Cell, tuple[Cell, ...]]]:
        """Every cell with the cells one step below it along one dimension, as far as they hold anybody."""
        below: dict[tuple[Cell, int], list[Cell]] = defaultdict(list)
        for cell in self.cells:
            for place, families in enumerate(self.hierarchies.values()):
                if (parent := _parent(cell[place], families)) is not None:
                    below[(*cell[:place], parent, *cell[place + 1 :]), place].append(cell)
        return ((parent, tuple(children)) for (parent, _), children in below.items())

    def ancestors(self, cell: Cell) -> list[Cell]:
        """Every cell above it."""
        paths = [_up(node, families) for node, families in zip(cell, self.hierarchies.values(), strict=True)]
        return [above for above in product(*paths) if above != cell]


def count(members: Iterable[Member], hierarchies: Hierarchies) -> Cohorts:
    """Put everybody into the cell of its values and all the cells above."""
    cells: dict[Cell, set[Person]] = defaultdict(set)
    for source, person, *values in members:
        paths = [_path(value, families) for value, families in zip(values, hierarchies.values(), strict=True)]
        for cell in product(*paths):
            cells[cell].add((source, person))
    return Cohorts(hierarchies, {cell: frozenset(group) for cell, group in cells.items()})


def _path(value: str, families: Mapping[str, str]) -> tuple[str, ...]:
    # "other" is a value and its own family: one node, not two.
    return tuple(dict.fromkeys((value, families.get(value, OTHER), ANY)))


def _up(node: str, families: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((node, *([] if _is_family(node, families) else [families.get(node, OTHER)]), ANY)))


def _parent(node: str, families: Mapping[str, str]) -> str | None:
    if node == ANY:
        return None
    return ANY if _is_family(node, families) else families.get(node, OTHER)


def _is_family(node: str, families: Mapping[str, str]) -> bool:
    return node in {ANY, OTHER} or node in families.values()
