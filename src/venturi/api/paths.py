"""The table of routes, matched against the path as it was sent: nothing is decoded, folded or normalised first."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from venturi.api.answer import Answer
    from venturi.api.exchange import Exchange

_AMBIGUOUS = re.compile(r"[^A-Za-z0-9/._~-]|//|/\.{1,2}(/|$)")
_TENANTS = ["", "v1", "tenants"]
_NONE: Mapping[tuple[int, ...], _Shape] = {}
_order = itemgetter(0)


@dataclass(frozen=True)
class Route:
    """One operation.

    `scopes`: any one of them is enough, and none is needed when there are none. `query`: the parameters it knows.
    `grantable`: the vendor's people may come in with a grant for one of `scopes`.
    """

    method: str
    template: str
    handler: Callable[[Exchange], Awaitable[Answer]]
    scopes: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    grantable: bool = False
    public: bool = False

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The template's segments."""
        return tuple(self.template.split("/"))

    @cached_property
    def kind(self) -> str:
        """What it is about: the last segment, or the one before an id."""
        return self.template.split("/{id}")[0].rsplit("/", 1)[-1]


Found: TypeAlias = "Mapping[str, tuple[Route, dict[str, str]]]"
"""The operations of a path by method, each with the path's parameters."""
_Slots: TypeAlias = "Sequence[tuple[str, int]]"
"""The names of a route's parameters, and where they stand in a path."""


class _Shape:
    """The templates that have their parameters in the same places, by what stands in the others."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.blank = [place for place, name in enumerate(parts) if name.startswith("{")]
        self.taken = [place for place in range(len(parts)) if place not in self.blank]
        self.names = itemgetter(*self.taken)
        self.known: dict[object, list[tuple[int, Route, _Slots]]] = {}


class RouteTable:
    """Routes, laid out so that a path is looked up and not compared with each."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._shapes: dict[int, dict[tuple[int, ...], _Shape]] = {}
        for order, route in enumerate(routes):
            parts = route.parts
            made = _Shape(parts)
            shape = self._shapes.setdefault(len(parts), {}).setdefault(tuple(made.blank), made)
            slots = [(parts[place][1:-1], place) for place in shape.blank]
            shape.known.setdefault(shape.names(parts), []).append((order, route, slots))

    def find(self, path: str) -> Found:
        """The operations of a path. Of two with one method, the later route counts."""
        given = path.split("/")
        fits: list[tuple[int, Route, _Slots]] = []
        for shape in self._shapes.get(len(given), _NONE).values():
            routes = shape.known.get(shape.names(given))
            if routes and all(map(given.__getitem__, shape.blank)):
                fits += routes
        fits.sort(key=_order)
        return {route.method: (route, {name: given[place] for name, place in slots}) for _, route, slots in fits}


def tenant_in(path: str) -> str | None:
    """The tenant that the path names, exactly as sent, or None when it is not about a tenant."""
    segments = path.split("/")
    return segments[3] if segments[:3] == _TENANTS and len(segments) > 3 else None


def is_ambiguous(path: str) -> bool:
    """Whether a proxy on the way might read the path differently: escapes, dot segments, doubled slashes."""
    return _AMBIGUOUS.search(path) is not None
