"""The population of a sweep and the plan that draws from it; both are arithmetic, and hold no list of units.

A unit is (attacker, victim, operation, vector). With T tenants and S shapes (an operation and a vector that fits it)
there are T (T - 1) S of them, numbered so that each can be told from its number alone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tenantproof.model.sweep import SweepChoice
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors.vector import Vector

_ROUNDS = 4


@dataclass(frozen=True)
class Shape:
    """What is tried, before it is said on whom."""

    endpoint: Endpoint
    vector: Vector


@dataclass(frozen=True)
class Population:
    """Every ordered pair of tenants (by their places) at every shape."""

    tenants: int
    shapes: Sequence[Shape]

    @property
    def size(self) -> int:
        """How many units there are."""
        return self.tenants * (self.tenants - 1) * len(self.shapes)

    def unit(self, number: int) -> tuple[int, int, Shape]:
        """Places of attacker and victim, and the shape."""
        pair, shape = divmod(number, len(self.shapes))
        attacker, victim = divmod(pair, self.tenants - 1)
        # The victim is any place but the attacker's.
        return attacker, victim + (victim >= attacker), self.shapes[shape]

    def number(self, attacker: int, victim: int, shape: int) -> int:
        """The number of a unit."""
        return (attacker * (self.tenants - 1) + victim - (victim > attacker)) * len(self.shapes) + shape


class Plan:
    """Which units are tried, and in which order. Every unit at most once; the same seed plans the same.

    A whole plan goes through the population in its order. A sample begins with a cover: every pair of an operation and
    an entry of the catalogue, and with these every operation and every entry, spread over attackers and victims so that
    each of them has its turn; then it draws without replacement until the budget is spent. `telling` names operations
    whose answers hold canaries, those that hold the most first.
    """

    def __init__(self, population: Population, choice: SweepChoice, telling: Sequence[str] = ()) -> None:
        self.population, self.choice, self._telling = population, choice, telling
        self.is_whole = choice.pairs == "all" or population.size <= choice.budget

    @property
    def units(self) -> int:
        """How many units all shards together try."""
        size = self.population.size
        return size if self.is_whole else min(size, max(self.choice.budget, 0))

    @property
    def selection(self) -> str:
        """In words, for whoever reads the evidence."""
        if self.is_whole:
            return "all"
        entries = len({(shape.vector.id, shape.vector.name) for shape in self.population.shapes})
        covered, wanted = min(self.choice.budget, len(self._cover)), len(self._cover)
        told = f"every attacker, victim and {entries} vectors" if covered >= entries else "not even every vector"
        pairs = "every pair" if covered == wanted else f"{covered} of {wanted} pairs"
        return f"sample of {self.units} with seed {self.choice.seed}: {told}, {pairs} of operation and vector"

    def numbers(self) -> Iterator[int]:
        """The numbers of this shard's units."""
        shard, shards = self.choice.shard
        for place, number in enumerate(self._all()):
            if place % shards == shard - 1:
                yield number

    def _all(self) -> Iterator[int]:
        size = self.population.size
        if self.is_whole:
            yield from range(size)
            return
        cover = self._cover[: self.units]
        yield from cover
        known, left = set(cover), self.units - len(cover)
        scatter = Scatter(size, self.choice.seed)
        drawn = (scatter.at(place) for place in range(size))
        fresh = (number for number in drawn if number not in known)
        for _, number in zip(range(left), fresh, strict=False):
            yield number

    @cached_property
    def _cover(self) -> list[int]:
        """One unit for every operation and entry, more where there are more tenants than that, in a shuffled order."""
        rng = random.Random(self.choice.seed)  # noqa: S311  # a sample, not a secret
        forms: dict[tuple[str, str, str], list[int]] = {}
        for index, shape in enumerate(self.population.shapes):
            forms.setdefault((shape.endpoint.name, shape.vector.id, shape.vector.name), []).append(index)
        tenants = self.population.tenants
        order = list(range(tenants))
        rng.shuffle(order)
        pairs = self._in_turn(list(forms.values()), rng)
        turns: Counter[str] = Counter()
        cover = []
        for turn in range(max(len(pairs), tenants) if pairs else 0):
            # Attackers and victims go round; the distance between them grows with every round.
            distance = 1 + turn // tenants % (tenants - 1)
            attacker, victim = order[turn % tenants], order[(turn + distance) % tenants]
            shapes = pairs[turn % len(pairs)]
            entry = self._entry(shapes)
            # An entry's forms go round its operations, so that each of them is tried somewhere.
            cover.append(self.population.number(attacker, victim, shapes[turns[entry] % len(shapes)]))
            turns[entry] += 1
        return cover

    def _entry(self, shapes: list[int]) -> str:
        vector = self.population.shapes[shapes[0]].vector
        return f"{vector.id} {vector.name}"

    def _in_turn(self, pairs: list[list[int]], rng: random.Random) -> list[list[int]]:
        """Shuffled, but every entry once before any comes twice: a small budget still sees all of them.

        Operations whose answers hold canaries come first, for there a leak can't be overlooked.
        """
        rng.shuffle(pairs)
        ranks = {name: rank for rank, name in enumerate(self._telling)}
        names = [each.endpoint.name for each in self.population.shapes]
        pairs.sort(key=lambda shapes: ranks.get(names[shapes[0]], len(ranks)))
        met: Counter[str] = Counter()
        ranked = []
        for shapes in pairs:
            entry = self._entry(shapes)
            ranked.append((met[entry], shapes))
            met[entry] += 1
        return [shapes for _, shapes in sorted(ranked, key=lambda each: each[0])]


class Scatter:
    """A permutation of 0 … size - 1, computed place by place: a Feistel network, walked until it is in range."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._half = max((max(size - 1, 1).bit_length() + 1) // 2, 1)
        rng = random.Random(seed)  # noqa: S311  # a sample, not a secret
        self._keys = [rng.getrandbits(64) | 1 for _ in range(_ROUNDS)]

    def at(self, place: int) -> int:
        """The number at a place."""
        number = self._turned(place)
        while number >= self._size:
            number = self._turned(number)
        return number

    def _turned(self, number: int) -> int:
        mask = (1 << self._half) - 1
        left, right = number >> self._half, number & mask
        for key in self._keys:
            mixed = (right + 1) * key & 0xFFFFFFFFFFFFFFFF
            left, right = right, left ^ ((mixed ^ mixed >> 29) * 0x9E3779B97F4A7C15 >> 32 & mask)
        return left << self._half | right


def shapes_of(endpoints: Sequence[Endpoint], vectors: Sequence[Vector]) -> tuple[Shape, ...]:
    """Every operation with every vector that fits it."""
    return tuple(Shape(endpoint, vector) for endpoint in endpoints for vector in vectors if vector.fits(endpoint))
