"""What probes have in common that set tenants against each other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Set
from functools import cached_property
from typing import Any, ClassVar

from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.model.profile import Operation
from tenantproof.probes.probe import Probe


class Pairwise(Probe):
    """Sets every tenant of the profile against every other; nobody, where the target lacks what the probe `uses`."""

    spares: ClassVar[bool] = False
    """Whether it lets tenants be that are not there for tests, which the profile marks `disposable`."""

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The ids of those tenants of the profile, or none."""
        if not self.uses <= self.target.capabilities:
            return ()
        return tuple(each.id for each in self.target.profile.tenants if each.disposable or not self.spares)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every ordered pair of an attacker and a victim."""
        return tuple(itertools.permutations(self.tenants, 2))

    def among(self, having: Set[str]) -> tuple[tuple[str, str], ...]:
        """Those pairs of which both have what it takes."""
        return tuple(pair for pair in self.pairs if having >= set(pair))

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
