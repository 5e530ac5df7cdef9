"""The published hierarchies that quasi-identifiers are generalised to; they are public, and the same for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

ANY = "*"
CHANNEL_FAMILIES = {
    "search": "paid",
    "display": "paid",
    "social": "paid",
    "affiliate": "partner",
    "email": "owned",
    "direct": "owned",
}
OTHER = "other"
YEARS = range(2024, 2036)
"""Years whose months are published; a date outside them is "other"."""


@dataclass(frozen=True)
class Hierarchy:
    """A tree of three floors: value, family, everything. `families` maps each value to its family."""

    name: str
    families: Mapping[str, str]

    def generalise(self, value: str) -> str:
        """The value itself where it is published, else "other": a free text never passes."""
        return value if value in self.families else OTHER

    def path(self, value: str) -> tuple[str, str, str]:
        """The value with all its ancestors, finest first."""
        return value, self.families.get(value, OTHER), ANY

    def children(self, node: str) -> tuple[str, ...]:
        """The nodes one floor below; none for a value."""
        return self._below.get(node, ())

    @cached_property
    def _below(self) -> dict[str, tuple[str, ...]]:
        floors: dict[str, set[str]] = {ANY: {*self.families.values(), OTHER}}
        for value, family in self.families.items():
            floors.setdefault(family, set()).add(value)
        return {node: tuple(sorted(nodes)) for node, nodes in floors.items()}


@cache
def channels() -> Hierarchy:
    """Marketing channels and their families."""
    return Hierarchy("channel", CHANNEL_FAMILIES)


@cache
def months(years: range = YEARS) -> Hierarchy:
    """Months and their quarters, as in 2026-03 and 2026-Q1, in UTC."""
    table = {f"{year}-{month:02d}": f"{year}-Q{(month + 2) // 3}" for year in years for month in range(1, 13)}
    return Hierarchy("month", table)
