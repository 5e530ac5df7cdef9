"""Whether a group follows from published ones by sums and differences: elimination modulo a large prime."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tenantproof.probes.cohorts import Group, Person

_PRIME = (1 << 61) - 1


def computable(secret: Iterable[Group], published: Sequence[Group]) -> list[Group]:
    """Those of the secret groups whose indicator is a linear combination of the published ones.

    Exact up to a chance of about 2^-61. Groups that were published themselves are left out: those need no algebra.
    """
    hidden = [group for group in dict.fromkeys(secret) if group not in set(published)]
    unknown = _classes([*published, *hidden])
    rows: list[tuple[int, list[int]]] = []
    for group in dict.fromkeys(published):
        vector = _reduced(_vector(group, unknown), rows)
        pivot = next((index for index, value in enumerate(vector) if value), None)
        if pivot is not None:
            inverse = pow(vector[pivot], -1, _PRIME)
            rows.append((pivot, [value * inverse % _PRIME for value in vector]))
    return [group for group in hidden if not any(_reduced(_vector(group, unknown), rows))]


def _classes(groups: Sequence[Group]) -> dict[Person, int]:
    """Persons who are in exactly the same groups are one unknown: no count can tell them apart."""
    where: dict[Person, list[int]] = {}
    for index, group in enumerate(groups):
        for person in group:
            where.setdefault(person, []).append(index)
    numbers: dict[tuple[int, ...], int] = {}
    return {person: numbers.setdefault(tuple(places), len(numbers)) for person, places in where.items()}


def _vector(group: Group, unknown: dict[Person, int]) -> list[int]:
    vector = [0] * (max(unknown.values(), default=-1) + 1)
    for person in group:
        vector[unknown[person]] = 1
    return vector


def _reduced(vector: list[int], rows: Sequence[tuple[int, list[int]]]) -> list[int]:
    for pivot, row in rows:
        if factor := vector[pivot]:
            vector = [(a - factor * b) % _PRIME for a, b in zip(vector, row, strict=True)]
    return vector
