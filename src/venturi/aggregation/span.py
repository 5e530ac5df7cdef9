"""What follows from published counts by sums and differences: an exact test, by elimination modulo a large prime.

A group is computable when its indicator vector lies in the row span of the published cells' (Chin and Özsoyoğlu's audit
expert). Over a prime field the test can only err by calling a group computable that is not, with chance about 2^-31.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PRIME = (1 << 31) - 1
"""The largest prime whose products fit into 64 bits."""
Group: TypeAlias = "frozenset[tuple[str, str]]"
"""Persons, each as (source, person)."""
_Vector: TypeAlias = "NDArray[np.int64]"


class Span:
    """The row span of published groups, and what is left of every group that must not fall into it.

    `groups` are all the groups that will ever be asked about: persons who are in the same ones can't be told apart by
    any count, so that each such class is one unknown. Rows are kept fully reduced: each pivot's column is zero in all
    the others, and in what is left of the secret groups.
    """

    def __init__(self, groups: Iterable[Group], secret: Iterable[Group]) -> None:
        import numpy as np  # 0.2 s, for every process that knows the part; one of them uses it, and not at first

        known, hidden = list(dict.fromkeys(groups)), list(dict.fromkeys(secret))
        self._unknown = _classes([*known, *hidden])
        size = len(set(self._unknown.values()))
        self._pivots: list[int] = []
        self._rows: _Vector = np.zeros((0, size), np.int64)
        self._left: _Vector = np.zeros((len(hidden), size), np.int64)
        for index, group in enumerate(hidden):
            self._left[index] = self._vector(group)

    def withstands(self, group: Group) -> bool:
        """Whether no secret group would be computable if this one were published too."""
        row = self._reduced(group)
        if row is None or not len(self._left):
            return True
        return bool(_without(self._left, *row).any(axis=1).all())

    def publish(self, group: Group) -> None:
        """Add a published group."""
        row = self._reduced(group)
        if row is None:
            return
        import numpy as np

        self._rows = np.vstack([_without(self._rows, *row), row[1]])
        self._left = _without(self._left, *row)
        self._pivots.append(row[0])

    def _reduced(self, group: Group) -> tuple[int, _Vector] | None:
        """What the group adds to the span as (pivot, row with 1 at the pivot), or None when it adds nothing."""
        import numpy as np

        vector = self._vector(group)
        factors = vector[self._pivots]
        # Products first, sums of what is left of them after: each stays within 64 bits.
        vector = (vector - (factors[:, None] * self._rows % PRIME).sum(axis=0)) % PRIME
        found = np.flatnonzero(vector)
        if not len(found):
            return None
        pivot = int(found[0])
        return pivot, vector * pow(int(vector[pivot]), -1, PRIME) % PRIME

    def _vector(self, group: Group) -> _Vector:
        import numpy as np

        vector = np.zeros(self._rows.shape[1], np.int64)
        vector[[self._unknown[member] for member in group]] = 1
        return vector


def _classes(groups: Sequence[Group]) -> dict[tuple[str, str], int]:
    """The number of every person's class: those who are in exactly the same groups."""
    signatures: dict[tuple[str, str], list[int]] = {}
    for index, group in enumerate(groups):
        for member in group:
            signatures.setdefault(member, []).append(index)
    numbers: dict[Hashable, int] = {}
    return {member: numbers.setdefault(tuple(where), len(numbers)) for member, where in signatures.items()}


def _without(vectors: _Vector, pivot: int, row: _Vector) -> _Vector:
    """Every vector with the row taken away as often as makes it zero at the pivot."""
    return (vectors - vectors[:, pivot, None] * row % PRIME) % PRIME
