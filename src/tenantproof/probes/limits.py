"""What one tenant uses up must not be missing to another: a shared quota tells of others, and denies them (X111).

Needs the profile's [quota]; a quota that is used up is waited for, so that no other check meets it.
"""

from __future__ import annotations

import time
from typing import ClassVar

from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.quota_profile import Quota
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import access, sight

_TOO_MANY = 429


class Limits(Pairwise):
    """Uses one tenant's quota up and looks whether the others still have theirs. Nothing without [quota]."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"quota"})

    @property
    def units(self) -> int:
        """How many ordered pairs of tenants there are."""
        return len(self.pairs)

    def others(self, tenant: str) -> tuple[str, ...]:
        """Everybody else."""
        return tuple(each for each in self.tenants if each != tenant)

    def exhausted(self, tenant: str) -> Observation:
        """A tenant reads until it is told that this is too much: permitted, once it is."""
        request, answer = self._read(tenant)
        sent = 1
        while answer.status != _TOO_MANY and sent < self._quota.requests:
            request, answer = self._read(tenant)
            sent += 1
        outcome = PERMITTED if answer.status == _TOO_MANY else UNCLEAR if answer.is_whole else UNANSWERED
        note = f"{_TOO_MANY} came after {sent} requests" if outcome is PERMITTED else f"none in {sent} requests"
        return sight(f"{tenant} uses its quota up", request, answer, outcome, notes=[note])

    def spared(self, tenant: str, other: str) -> Observation:
        """Another tenant reads its own record meanwhile: permitted; or refused, for what it did not use up itself."""
        request, answer = self._read(other)
        outcome: Outcome = REFUSED
        notes: tuple[str, ...] = (f"told {_TOO_MANY} after its first request",)
        if answer.status != _TOO_MANY:
            own = self.target.canaries[other]
            outcome, notes = access(answer, self.target.profile.http, wanted=own, foreign=(), refusal="absent")
        unit = Unit(tenant, other, "read", "X111 another's quota is used up")
        what = f"{other} reads its own record while the quota of {tenant} is used up"
        return sight(what, request, answer, outcome, unit=unit, notes=notes)

    def rest(self) -> None:
        """Wait until the target takes requests of everybody again."""
        time.sleep(self._quota.seconds)

    @property
    def _quota(self) -> Quota:
        assert self.target.profile.quota
        return self.target.profile.quota

    def _read(self, tenant: str) -> tuple[Request, Answer]:
        request = self.target.request(
            self.target.operation("read"),
            tenant=tenant,
            record=self.target.tenant(tenant).records[0].id,
            bearer=self.target.bearer(tenant),
            principal=f"{tenant}/reader",
            probe=new_probe(),
        )
        return request, self.target.wire.send(request)
