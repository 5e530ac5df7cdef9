"""KMS grants: what each adds, for whom, and in which encryption context (KMS developer guide, "Grants in AWS KMS")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tenantproof.probes.permissions.actions import Universe
from tenantproof.probes.permissions.principals import Caller
from tenantproof.probes.permissions.spans import NOWHERE, Span

_UNBOUND = ("kms:DescribeKey", "kms:RetireGrant")
"""Operations that a grant's encryption-context constraint does not bind."""


@dataclass(frozen=True)
class Grant:
    """One grant, as far as it matters to a decision."""

    id: str
    grantee: str
    retiring: str = ""
    operations: tuple[str, ...] = ()
    equals: tuple[tuple[str, str], ...] = ()
    subset: tuple[tuple[str, str], ...] = ()
    fault: str = ""
    """Why nobody can tell what it gives, if nobody can."""

    @property
    def constrained(self) -> bool:
        """Whether an encryption context has to fit."""
        return bool(self.equals or self.subset)

    def gives(self, caller: Caller, universe: Universe, encryption_context: Mapping[str, str] | None) -> Span:
        """The actions that the grant gives the caller. Without an encryption context, the choice of one is open."""
        span = NOWHERE
        if self.retiring and caller.is_named(self.retiring):
            bit = universe.bit("kms:RetireGrant")
            span = Span(bit, bit)
        if self.fault:
            return span.either(Span(0, universe.all))
        if not caller.is_named(self.grantee):
            return span
        free, bound = _masks(universe, self.operations)
        if not self.constrained:
            return span.either(Span(free | bound, free | bound))
        if encryption_context is None:
            return span.either(Span(free, free | bound))
        fits = self._fits(encryption_context)
        return span.either(Span(free | bound, free | bound) if fits else Span(free, free))

    def _fits(self, context: Mapping[str, str]) -> bool:
        exact = not self.equals or dict(self.equals) == dict(context)
        return exact and set(self.subset) <= set(context.items())


@lru_cache(maxsize=4096)
def _masks(universe: Universe, operations: tuple[str, ...]) -> tuple[int, int]:
    """The operations that no constraint binds, and the others."""
    mask = universe.covered(tuple(f"kms:{name}" for name in operations if "*" not in name and "?" not in name))
    unbound = universe.covered(_UNBOUND)
    return mask & unbound, mask & ~unbound


def read_grants(listed: Iterable[Mapping[str, object]]) -> tuple[Grant, ...]:
    """Grants as kms:ListGrants returns them; members that are missing count as empty."""
    return tuple(_grant(entry) for entry in listed)


def _grant(entry: Mapping[str, object]) -> Grant:
    operations, constraints = entry.get("Operations"), entry.get("Constraints")
    bounds = constraints if isinstance(constraints, Mapping) else {}
    return Grant(
        id=str(entry.get("GrantId", "")),
        grantee=str(entry.get("GranteePrincipal", "")),
        retiring=str(entry.get("RetiringPrincipal", "")),
        operations=tuple(str(name) for name in operations) if isinstance(operations, list | tuple) else (),
        equals=_pairs(bounds.get("EncryptionContextEquals")),
        subset=_pairs(bounds.get("EncryptionContextSubset")),
        fault=_strange(bounds),
    )


def _strange(bounds: Mapping[str, object]) -> str:
    strange = sorted(set(bounds) - {"EncryptionContextEquals", "EncryptionContextSubset"})
    return f"constraint {strange[0]}" if strange else ""


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((str(k), str(v)) for k, v in value.items()) if isinstance(value, Mapping) else ()
