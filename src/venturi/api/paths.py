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


Found: TypeAlias = "Mapping[str, tuple[Route, dict[str, str]]]"
"""The operations of a path by method, each with the path's parameters."""


class _Shape:
    """The templates that have their parameters in the same places, by what stands in the others."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.blank = [place for place, name in enumerate(parts) if name.startswith("{")]
        self.taken = [place for place in range(len(parts)) if place not in self.blank]
        self.names = itemgetter(*self.taken)
        self.known: dict[object, list[tuple[int, Route]]] = {}


class RouteTable:
    """Routes, laid out so that a path is looked up and not compared with each."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._shapes: dict[int, dict[tuple[int, ...], _Shape]] = {}
        for order, route in enumerate(routes):
            parts = route.parts
            made = _Shape(parts)
            shape = self._shapes.setdefault(len(parts), {}).setdefault(tuple(made.blank), made)
            shape.known.setdefault(shape.names(parts), []).append((order, route))

    def find(self, path: str) -> Found:
        """The operations of a path. Of two with one method, the later route counts."""
        given = path.split("/")
        fits = [
            (order, route, shape.blank)
            for shape in self._shapes.get(len(given), _NONE).values()
            if (routes := shape.known.get(shape.names(given))) and all(map(given.__getitem__, shape.blank))
            for order, route in routes
        ]
        return {route.method: (route, _parameters(route, given, blank)) for _, route, blank in sorted(fits, key=_order)}


def _parameters(route: Route, given: Sequence[str], blank: Sequence[int]) -> dict[str, str]:
    return {route.parts[place][1:-1]: given[place] for place in blank}


def tenant_in(path: str) -> str | None:
    """The tenant that the path names, exactly as sent, or None when it is not about a tenant."""
    segments = path.split("/")
    return segments[3] if segments[:3] == _TENANTS and len(segments) > 3 else None


def is_ambiguous(path: str) -> bool:
    """Whether a proxy on the way might read the path differently: escapes, dot segments, doubled slashes."""
    return _AMBIGUOUS.search(path) is not None
