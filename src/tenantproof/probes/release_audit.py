"""Audits releases: what a reader, or a contributor that subtracts its own persons, can learn of 1 to k-1 persons.

Every finding names the cells, their signs and the difference, so that it can be checked with a calculator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tenantproof.probes.cohorts import ANY, Cell, Cohorts, Group, count
from tenantproof.probes.computable import computable


@dataclass(frozen=True)
class Edition:
    """One release as published (`counts`) and as its cohorts really are."""

    counts: Mapping[Cell, int]
    truth: Cohorts

    def groups(self) -> dict[Cell, Group]:
        """Who is in each published cell."""
        return {cell: self.truth.cells.get(cell, frozenset()) for cell in self.counts}

    def without(self, source: str) -> Edition:
        """The release as a contributor sees it that takes its own persons away; cells that held only these are gone."""
        rest = self.truth.without(source)
        return Edition({cell: len(rest.cells[cell]) for cell in self.counts if cell in rest.cells}, rest)


class ReleaseAudit:
    """Looks for small groups. Every method yields sentences, each a certificate; none means that nothing was found."""

    def __init__(self, k: int) -> None:
        self._k = k

    def is_small(self, size: int) -> bool:
        """Neither nobody nor at least k."""
        return 0 < size < self._k

    def small_cells(self, edition: Edition) -> Iterator[str]:
        """Published cells that hold, or say that they hold, a small group."""
        for cell, group in edition.groups().items():
            if self.is_small(edition.counts[cell]) or len(group) < self._k:
                yield f"{_name(cell)} is published as {edition.counts[cell]} and holds {len(group)} persons"

    def insiders(self, edition: Edition) -> Iterator[str]:
        """Published cells in which a contributor, knowing its own persons, is left with a small group."""
        for number, source in enumerate(edition.truth.sources, 1):
            for cell, group in edition.without(source).groups().items():
                if self.is_small(len(group)):
                    total = edition.counts[cell]
                    yield f"{_name(cell)} {total} - contributor {number}'s own {total - len(group)} = {len(group)}"

    def differences(self, edition: Edition) -> Iterator[str]:
        """Small groups within one release, for any reader and for every contributor."""
        yield from self._within(edition)
        for number, source in enumerate(edition.truth.sources, 1):
            for found in self._within(edition.without(source)):
                yield f"for contributor {number}: {found}"

    def across(self, editions: Sequence[Edition]) -> Iterator[str]:
        """Small groups that came to or left a published cell between the last release and an earlier one."""
        if not editions:
            return
        last = editions[-1]
        for ago, earlier in enumerate(reversed(editions[:-1]), 1):
            for cell in last.counts.keys() & earlier.counts.keys():
                moved = last.groups()[cell] ^ earlier.groups()[cell]
                by_count = abs(last.counts[cell] - earlier.counts[cell])
                if self.is_small(len(moved)) or self.is_small(by_count):
                    yield (
                        f"{_name(cell)} {last.counts[cell]} now - {earlier.counts[cell]} {ago} releases before: "
                        f"{len(moved)} persons moved"
                    )

    def rolled_up(self, edition: Edition) -> list[Cell]:
        """Unpublished cells that stand within a published one."""
        hidden = {cell for cell in edition.truth.cells if cell not in edition.counts}
        return sorted(cell for cell in hidden if edition.counts.keys() & set(edition.truth.ancestors(cell)))

    def _within(self, edition: Edition) -> Iterator[str]:
        yield from self._pairs(edition)
        yield from self._lines(edition)
        yield from self._algebra(edition)

    def _pairs(self, edition: Edition) -> Iterator[str]:
        groups = edition.groups()
        for lower, inside in groups.items():
            for upper in edition.truth.ancestors(lower):
                rest = len(groups[upper]) - len(inside) if upper in groups else 0
                if self.is_small(rest):
                    yield f"{_name(upper)} {len(groups[upper])} - {_name(lower)} {len(inside)} = {rest}"

    def _lines(self, edition: Edition) -> Iterator[str]:
        groups = edition.groups()
        for parent, children in edition.truth.lines():
            there = [child for child in children if child in groups]
            if parent not in groups or not there:
                continue
            rest = len(groups[parent].difference(*(groups[child] for child in there)))
            if self.is_small(rest):
                taken = " - ".join(f"{_name(child)} {len(groups[child])}" for child in there)
                yield f"{_name(parent)} {len(groups[parent])} - {taken} = {rest}"

    def _algebra(self, edition: Edition) -> Iterator[str]:
        published = list(edition.groups().values())
        small = {group: cell for cell, group in edition.truth.cells.items() if self.is_small(len(group))}
        for group in computable(small, published):
            yield f"{_name(small[group])}, withheld with {len(group)} persons, is a sum of published cells"


def planted(k: int) -> tuple[Edition, Edition]:
    """Two releases with every kind of leak: a cell of k-1, a parent that leaves k-1, and one person who came."""
    families = {"channel": {"a": "x", "b": "x"}, "month": {"m": "q"}}
    many = [(source, f"{source}{n}", "a", "m") for source in ("s", "t") for n in range(2 * k)]
    few = [("s", f"few{n}", "b", "m") for n in range(k - 1)]
    first = count([*many, *few], families)
    second = count([*many, *few, ("t", "late", "a", "m")], families)
    before, after = (Edition({cell: len(g) for cell, g in each.cells.items()}, each) for each in (first, second))
    hidden = ("b", "m"), ("b", "q"), ("b", ANY)
    return before, Edition({cell: size for cell, size in after.counts.items() if cell not in hidden}, second)


def _name(cell: Cell) -> str:
    return "(" + ", ".join(cell) + ")"
