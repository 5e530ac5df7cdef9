"""What probes have in common that set tenants against each other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.model.profile import Operation
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

    def act(
        self,
        operation: Operation,
        at: str,
        *,
        by: str,
        as_: str = "",
        record: str = "",
        body: Mapping[str, Any] | None = None,  # JSON
        octets: bytes = b"",
        kind: str = "application/json",
    ) -> tuple[Request, Answer]:
        """An operation under the path of the tenant `at`, by the principal `by` of that tenant, or of `as_`.

        It is sent `body`, or else octets of a kind. Raises TargetError when there is no token.
        """
        who, said = as_ or at, json.dumps(body).encode() if body is not None else octets
        request = self.target.request(
            operation,
            tenant=at,
            record=record,
            bearer=self.target.bearer(who, by),
            headers=(("Content-Type", kind),) if said else (),
            body=said,
            principal=f"{who}/{by}",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)
