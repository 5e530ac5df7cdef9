"""What follows from published counts by sums and differences: an exact test, by elimination modulo a large prime.

A group is computable when its indicator vector lies in the row span of the published cells' (Chin and Özsoyoğlu's audit
expert). Over a prime field the test can only err by calling a group computable that is not, with chance about 2^-61.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

PRIME = (1 << 61) - 1
Group: TypeAlias = "frozenset[tuple[str, str]]"
"""Persons, each as (source, person)."""
_Vector: TypeAlias = list[int]


class Span:
    """The row span of published groups, and what is left of every group that must not fall into it.

    `groups` are all the groups that will ever be asked about: persons who are in the same ones can't be told apart by
    any count, so that each such class is one unknown.
    """

    def __init__(self, groups: Iterable[Group], secret: Iterable[Group]) -> None:
        known, hidden = list(dict.fromkeys(groups)), list(dict.fromkeys(secret))
        self._unknown = _classes([*known, *hidden])
        self._size = len(set(self._unknown.values()))
        self._rows: list[tuple[int, _Vector]] = []
        self._left = [self._vector(group) for group in hidden]

    def withstands(self, group: Group) -> bool:
        """Whether no secret group would be computable if this one were published too."""
        row = self._reduced(group)
        return row is None or not any(_is_zero(_without(left, row)) for left in self._left)

    def publish(self, group: Group) -> None:
        """Add a published group."""
        row = self._reduced(group)
        if row is not None:
            self._rows.append(row)
            self._left = [_without(left, row) for left in self._left]

    def _reduced(self, group: Group) -> tuple[int, _Vector] | None:
        """What the group adds to the span as (pivot, row with 1 at the pivot), or None when it adds nothing."""
        vector = self._vector(group)
        # In the order of publication: a later row is zero at the pivots of all earlier ones.
        for row in self._rows:
            vector = _without(vector, row)
        pivot = next((index for index, value in enumerate(vector) if value), None)
        if pivot is None:
            return None
        inverse = pow(vector[pivot], -1, PRIME)
        return pivot, [value * inverse % PRIME for value in vector]

    def _vector(self, group: Group) -> _Vector:
        vector = [0] * self._size
        for member in group:
            vector[self._unknown[member]] = 1
        return vector


def _classes(groups: Sequence[Group]) -> dict[tuple[str, str], int]:
    """The number of every person's class: those who are in exactly the same groups."""
    signatures: dict[tuple[str, str], list[int]] = {}
    for index, group in enumerate(groups):
        for member in group:
            signatures.setdefault(member, []).append(index)
    numbers: dict[Hashable, int] = {}
    return {member: numbers.setdefault(tuple(where), len(numbers)) for member, where in signatures.items()}


def _without(vector: _Vector, row: tuple[int, _Vector]) -> _Vector:
    pivot, values = row
    factor = vector[pivot]
    return [(a - factor * b) % PRIME for a, b in zip(vector, values, strict=True)] if factor else vector


def _is_zero(vector: _Vector) -> bool:
    return not any(vector)
