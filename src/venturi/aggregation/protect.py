"""Decides which cells a release may publish: none below k, and none that makes a small group computable.

Cells are tried from coarse to fine in an order that no data can change, and one is published only if nothing about a
group of 1 to k-1 persons follows from it together with what is published already, tonight or before. Cohorts are sets
of persons, so a difference is judged by who is in it: a person who left and another who came make two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from venturi.aggregation.cube import Cell, Cohort, Cube, left_over
from venturi.aggregation.span import Group, Span


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


@dataclass
class View:
    """A release in the making as one reader sees it, in the light of all that was published before.

    Everybody sees the cohorts as they are; a contributing tenant also sees what is left without its own persons.
    """

    cube: Cube
    history: Sequence[Published]
    span: Span
    chosen: list[Cell] = field(default_factory=list)

    def choose(self, cell: Cell) -> None:
        """Publish the cell."""
        if cell in self.cube.cohorts:
            self.chosen.append(cell)
            self.span.publish(self.cube.cohorts[cell].members)


def distinct(history: Sequence[Published]) -> list[Published]:
    """The releases without those that were published before, cell for cell: what is said twice tells nothing new."""
    found = {frozenset(release.cohorts.items()): release for release in history}
    return list(found.values())


class Protector:
    """Chooses the cells of a release. Each rule is a method that says whether a cell may be published."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def select(self, cube: Cube, history: Sequence[Published]) -> Selection:
        """The cells that may be published, coarse before fine."""
        views = self.views(cube, distinct(self.remembered(history)))
        chosen: list[Cell] = []
        withheld: dict[Cell, str] = {}
        for cell in cube.order():
            reason = self.objection(cube, views, cell)
            if reason:
                withheld[cell] = reason
                continue
            chosen.append(cell)
            for view in views:
                view.choose(cell)
        return Selection(tuple(chosen), withheld)

    def remembered(self, history: Sequence[Published]) -> Sequence[Published]:
        """The earlier releases that a reader may have kept: all of them."""
        return history

    def views(self, cube: Cube, history: Sequence[Published]) -> list[View]:
        """What everybody sees, and what each contributing tenant makes of it by taking its own persons away."""
        views = [View(cube, history, self.span(cube, history))]
        for source in sorted({source for cohort in cube.cohorts.values() for source in cohort.sources}):
            rest = cube.without(source)
            past = [Published(left_over(release.cohorts, source)) for release in history]
            views.append(View(rest, past, self.span(rest, past)))
        return views

    def span(self, cube: Cube, history: Sequence[Published]) -> Span:
        """What was published before, and the small groups that must not become computable."""
        before = [cohort.members for release in history for cohort in release.cohorts.values()]
        groups = [*before, *(cohort.members for cohort in cube.cohorts.values())]
        span = Span(groups, self.small_groups(cube, history))
        for group in dict.fromkeys(before):
            span.publish(group)
        return span

    def small_groups(self, cube: Cube, history: Sequence[Published]) -> Iterator[Group]:
        """Small cells, and the small groups that came to or left a cell since it was published."""
        for cell, cohort in cube.cohorts.items():
            moved = [
                group
                for release in history
                if (earlier := release.cohorts.get(cell))
                for group in (cohort.members - earlier.members, earlier.members - cohort.members)
            ]
            for group in (cohort.members, *moved):
                if not self.is_safe(len(group)):
                    yield group

    def objection(self, cube: Cube, views: Sequence[View], cell: Cell) -> str:
        """Why the cell may not be published beside the chosen ones, or nothing."""
        cohort = cube.cohorts[cell]
        if not self.is_large(cohort):
            return "below k"
        if not self.is_mixed(cohort):
            return "too few sources"
        return next((reason for view in views if (reason := self.objection_in(view, cell))), "")

    def objection_in(self, view: View, cell: Cell) -> str:
        """Why the cell may not be published to one kind of reader, or nothing."""
        if cell not in view.cube.cohorts:
            return ""
        rules: tuple[tuple[str, Callable[[View, Cell], bool]], ...] = (
            ("what an insider is left with is small", self.withstands_insiders),
            ("the difference from another cell is small", self.withstands_pairs),
            ("what a line leaves is small", self.withstands_lines),
            ("the difference from an earlier release is small", self.withstands_history),
            ("a small group could be computed", self.withstands_algebra),
        )
        return next((reason for reason, holds in rules if not holds(view, cell)), "")

    def is_large(self, cohort: Cohort) -> bool:
        """At least k persons."""
        return cohort.size >= self.smallest()

    def is_mixed(self, cohort: Cohort) -> bool:
        """At least so many tenants that none is alone in it."""
        return len(cohort.sources) >= self.rules.sources

    def withstands_insiders(self, view: View, cell: Cell) -> bool:
        """Whether a contributing tenant, taking its own persons away, is left with nobody or with at least k."""
        return self.is_safe(view.cube.cohorts[cell].size)

    def withstands_pairs(self, view: View, cell: Cell) -> bool:
        """Whether no two published cells, one within the other, differ by a small group."""
        inside = view.cube.cohorts[cell].members
        for other in view.chosen:
            around = view.cube.cohorts[other].members
            if (inside < around or around < inside) and not self.is_safe(len(inside ^ around)):
                return False
        return True

    def withstands_lines(self, view: View, cell: Cell) -> bool:
        """Whether every parent minus its published children leaves nobody or at least k, with this cell among them."""
        published = {*view.chosen, cell}
        for parent, children in view.cube.lines_through(cell):
            if parent not in published:
                continue
            there = [child for child in children if child in published]
            members = view.cube.cohorts
            rest = members[parent].members.difference(*(members[child].members for child in there))
            if there and not self.is_safe(len(rest)):
                return False
        return True

    def withstands_history(self, view: View, cell: Cell) -> bool:
        """Whether, against every earlier release of the cell, nobody or at least k persons changed."""
        now = view.cube.cohorts[cell].members
        earlier = (release.cohorts[cell].members for release in view.history if cell in release.cohorts)
        return all(self.is_safe(len(before ^ now)) for before in earlier)

    def withstands_algebra(self, view: View, cell: Cell) -> bool:
        """Whether no small group is a sum or difference of published cells, of any releases, with this one."""
        return view.span.withstands(view.cube.cohorts[cell].members)

    def is_safe(self, group: int) -> bool:
        """A group of nobody or of at least k."""
        return group == 0 or group >= self.smallest()

    def smallest(self) -> int:
        """The fewest persons that anything may be said about: k."""
        return self.rules.k
