"""The table of routes, matched against the path as it was sent: nothing is decoded, folded or normalised first."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venturi.api.answer import Answer
    from venturi.api.exchange import Exchange

_AMBIGUOUS = re.compile(r"[^A-Za-z0-9/._~-]|//|/\.{1,2}(/|$)")
_TENANTS = ["", "v1", "tenants"]


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

    def fit(self, given: Sequence[str]) -> dict[str, str] | None:
        """The parameters of a path with as many segments as the template, or None when the path is another one."""
        found = {}
        for name, value in zip(self.parts, given, strict=True):
            if name.startswith("{") and value:
                found[name[1:-1]] = value
            elif name != value:
                return None
        return found


def candidates(routes: Sequence[Route], path: str) -> dict[str, tuple[Route, dict[str, str]]]:
    """The operations of a path by method, each with the path's parameters."""
    given = path.split("/")
    alike = (route for route in routes if len(route.parts) == len(given))
    return {route.method: (route, found) for route in alike if (found := route.fit(given)) is not None}


def tenant_in(path: str) -> str | None:
    """The tenant that the path names, exactly as sent, or None when it is not about a tenant."""
    segments = path.split("/")
    return segments[3] if segments[:3] == _TENANTS and len(segments) > 3 else None


def is_ambiguous(path: str) -> bool:
    """Whether a proxy on the way might read the path differently: escapes, dot segments, doubled slashes."""
    return _AMBIGUOUS.search(path) is not None
