"""The catalogue of cross-tenant request vectors: data and small functions, one module per group or two."""

from __future__ import annotations

from collections.abc import Container, Iterable

from tenantproof.probes.vectors.bodies import BODIES
from tenantproof.probes.vectors.caches import CACHES
from tenantproof.probes.vectors.graphql import GRAPHQL
from tenantproof.probes.vectors.headers import HEADERS
from tenantproof.probes.vectors.lists import LISTS
from tenantproof.probes.vectors.methods import METHODS
from tenantproof.probes.vectors.paths import PATHS
from tenantproof.probes.vectors.queries import QUERIES
from tenantproof.probes.vectors.state import STATE
from tenantproof.probes.vectors.vector import Skipped, Vector

__all__ = ["UNTRIED", "VECTORS", "Skipped", "Vector", "elsewhere", "untried"]

VECTORS: tuple[Vector, ...] = tuple(
    vector
    for group in (PATHS, HEADERS, QUERIES, BODIES, GRAPHQL, METHODS, LISTS, CACHES, STATE)
    for vector in group.vectors
)
"""Every vector in every form, in the order of the catalogue's groups."""

_ELSEWHERE: dict[str, str] = {
    "X097": "forged tokens are the business of token validation",
    "X103": "stale permission is the business of support access",
    **dict.fromkeys(("X104", "X105", "X107", "X113", "X114"), "existence is compared answer by answer"),
    "X106": "latency is compared by rank",
    **dict.fromkeys(("X115", "X116"), "every tenant's state is read before and after every block of requests"),
    "X126": "what a refused write leaves behind is in the state that is read after it",
    **dict.fromkeys(("X127", "X128", "X129", "X130", "X131"), "the trails are reconciled with the probes"),
}
"""What is not a request of its own: which part of the sweep decides it."""

_LENT: dict[str, tuple[str, str]] = {
    "X036": ("certificates", "certificates are shown that do not go with a token"),
    **dict.fromkeys(("X064", "X124"), ("restore", "exports are put back, one's own and another's")),
    "X084": ("links", "links that the API hands out are changed"),
    "X085": ("shares", "links by which tenants share an object are changed"),
    **dict.fromkeys(("X088", "X089"), ("webhooks", "every tenant's events are received")),
    "X108": ("names without unique", "names of others are asked for beside those of nobody"),
    "X109": ("names with unique", "names of others are given again, beside those of nobody"),
    "X110": ("objects", "a tenant makes objects between two of another"),
    "X111": ("quota", "one tenant's quota is used up"),
    **dict.fromkeys(("X122", "X123"), ("tenancy", "a tenant is deleted and made again")),
    "X125": ("erasure", "what was erased is asked for again, and written to again"),
}
"""The table of the profile without which it is not tried, and what is done."""

UNTRIED: tuple[Skipped, ...] = ()
"""Entries of the catalogue that are tried nowhere, and what it would take."""

_NEEDS = {
    "X004": "needs an object within an object, both named in a path",
    "X017": "needs ids that are numbers",
    "X018": "needs ids that are UUIDs",
    "X034": "needs a target that speaks TLS",
    "X091": "needs a search: an operation that takes free text in its query, or is http.operations.search",
    **dict.fromkeys(("X061", "X062"), "needs a GraphQL operation, and the profile's [http.graphql] about it"),
}
"""What entries need that not every target has."""


def elsewhere(capabilities: Container[str]) -> dict[str, str]:
    """What is tried of the catalogue by no request of the sweep, at a target with these capabilities, and how."""
    return {**_ELSEWHERE, **{ident: done for ident, (table, done) in _LENT.items() if table in capabilities}}


def untried(tried: Iterable[Vector], capabilities: Container[str]) -> tuple[Skipped, ...]:
    """Every entry of the catalogue that is not tried at a target where `tried` are, in its order, and why."""
    known = {vector.id for vector in tried}
    unfit = {vector.id for vector in VECTORS} - known
    skipped = [Skipped(ident, _NEEDS.get(ident, "no operation that it fits")) for ident in unfit]
    unlent = [
        Skipped(ident, f"needs [{table}] in the profile, and what it permits")
        for ident, (table, _) in _LENT.items()
        if table not in capabilities
    ]
    return tuple(sorted((*UNTRIED, *skipped, *unlent), key=lambda each: each.id))
