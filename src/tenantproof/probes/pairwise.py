"""What probes have in common that set tenants against each other."""

from __future__ import annotations

import itertools
from functools import cached_property

from tenantproof.probes.probe import Probe


class Pairwise(Probe):
    """Sets every tenant of the profile against every other; nobody, where the target lacks what the probe `uses`."""

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of all tenants of the profile, or none."""
        is_there = self.uses <= self.target.capabilities
        return tuple(tenant.id for tenant in self.target.profile.tenants) if is_there else ()

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every ordered pair of an attacker and a victim."""
        return tuple(itertools.permutations(self.tenants, 2))
