"""Probes for access across tenants: requests, the same in the trails, sweeps, links, latency, and what is gone."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PRESENT, UNCLEAR
from tenantproof.probes.across import OPERATIONS, Attempt, CrossTenant
from tenantproof.probes.certificates import ClientCertificates
from tenantproof.probes.departed import Departed
from tenantproof.probes.gaps import Gaps
from tenantproof.probes.http2 import OverHttp2
from tenantproof.probes.latency import Latency
from tenantproof.probes.lent_links import LentLinks
from tenantproof.probes.limits import Limits
from tenantproof.probes.names import Names
from tenantproof.probes.rebirth import Rebirth
from tenantproof.probes.reconcile import Reconciliation
from tenantproof.probes.restoring import Restoring
from tenantproof.probes.shares import SharedLinks
from tenantproof.probes.sighting import new_probe, sight
from tenantproof.probes.sweep import Sweep
from tenantproof.probes.trail_context import chosen_source, untold_context
from tenantproof.probes.trail_events import Sought, TrailReader, TrailReading
from tenantproof.probes.vectors.headers import ORIGINS
from tenantproof.probes.webhooks import Webhooks

__all__ = [
    "OPERATIONS",
    "ClientCertificates",
    "CrossTenant",
    "CrossTenantTrail",
    "Departed",
    "Gaps",
    "Latency",
    "LentLinks",
    "Limits",
    "Names",
    "OverHttp2",
    "Rebirth",
    "Reconciliation",
    "Restoring",
    "SharedLinks",
    "Sweep",
    "Webhooks",
]


_ELSEWHERE = "192.0.2.77"
"""An address that is nobody's (RFC 5737)."""


class CrossTenantTrail(CrossTenant):
    """The same, read back in the audit trails of everybody concerned."""

    needs: ClassVar[frozenset[str]] = frozenset({"http", "trail"})

    @cached_property
    def _reader(self) -> TrailReader:
        return TrailReader(self.target)

    def bystander(self, attacker: str, victim: str) -> str:
        """A tenant that has no part in an attempt; empty when the profile has only two tenants."""
        return next((tenant for tenant in self.tenants if tenant not in {attacker, victim}), "")

    def bystanders(self, attempt: Attempt) -> tuple[str, ...]:
        """One tenant that has no part in the attempt, or none."""
        one = self.bystander(attempt.attacker, attempt.victim)
        return (one,) if one else ()

    def own_read_in_trail(self, tenant: str) -> Observation:
        """A tenant reads its own record and finds the event of it in its own trail, by the trace id."""
        record = self.record_of(tenant)
        request, answer = self._send("read", at=tenant, as_=tenant, record=record.id)
        reading = self._reader.appear(tenant, Sought(request.probe, request.method, self._route("read"), answer, ""))
        return self._trail_sight(f"{tenant} finds its own read in its trail", reading)

    def nothing_in_trail(self, tenant: str) -> Observation:
        """A tenant looks for a trace id that was never sent: what absence looks like."""
        request, answer = self._send("read", at=tenant, as_=tenant, record=self.record_of(tenant).id)
        never = Sought(new_probe(), request.method, self._route("read"), answer, "")
        return self._trail_sight(f"{tenant} looks in its trail for what never was", self._reader.miss(tenant, never))

    def logged(self, attempt: Attempt, *, in_: str) -> Observation:
        """Whether the attempt stands in the trail of the tenant `in_`, with its full context."""
        what = f"{in_} finds the attempt of {attempt.attacker} on {attempt.victim} in its trail"
        return self._trail_sight(what, self._reader.find(in_, self._sought(attempt)), attempt)

    def context(self, attempt: Attempt) -> Observation:
        """Whether the attacker's own copy of the attempt tells its whole context, field by field."""
        reading = self._reader.miss(attempt.attacker, self._sought(attempt))
        what = f"{attempt.attacker} looks for the whole context of its attempt on {attempt.victim} in its trail"
        missing = [untold_context(event, attempt.request, attempt.answer, attempt.victim) for event in reading.events]
        if reading.outcome is PRESENT and (least := min(missing, key=len)):
            note = f"the event says nothing of: {', '.join(least)}"
            reading = dataclasses.replace(reading, outcome=UNCLEAR, notes=(note,))
        return self._trail_sight(what, reading, attempt)

    def chosen_source(self, attacker: str, victim: str) -> Observation:
        """Whether an attempt is recorded as coming from where it says: present, if the attacker's copy believes it."""
        said = (*((name, _ELSEWHERE) for name in ORIGINS), ("Forwarded", f"for={_ELSEWHERE}"))
        record = self.record_of(victim).id
        request, answer = self._send("read", at=victim, as_=attacker, record=record, headers=said)
        reading = self._reader.appear(attacker, self._refused("read", request, answer))
        if believed := {path for event in reading.events for path in chosen_source(event, _ELSEWHERE)}:
            reading = dataclasses.replace(reading, notes=(f"members that hold it: {', '.join(sorted(believed)[:5])}",))
        elif reading.outcome is PRESENT:
            reading = dataclasses.replace(reading, outcome=ABSENT)
        what = f"{attacker} chooses where its attempt on {victim} is said to come from"
        unit = Unit(attacker=attacker, victim=victim, operation="read", vector="chosen source")
        return sight(what, reading.request, reading.answer, reading.outcome, unit=unit, notes=reading.notes)

    def absent(self, attempt: Attempt, *, in_: str) -> Observation:
        """Whether the attempt stands in the trail of a tenant that it does not concern."""
        what = f"{in_} looks in its trail for the attempt of {attempt.attacker} on {attempt.victim}"
        return self._trail_sight(what, self._reader.miss(in_, self._sought(attempt)), attempt)

    def spilled(self, attempt: Attempt, *, in_: str) -> Observation:
        """Whether an event of the attempt holds a token or a canary."""
        canaries = [canary for own in self.target.canaries.values() for canary in own]
        reading = self._reader.spill(in_, self._sought(attempt), [*_pieces(attempt.token), *canaries])
        what = f"{in_} looks for secrets in the event of {attempt.attacker}'s attempt on {attempt.victim}"
        return self._trail_sight(what, reading, attempt)

    def _sought(self, attempt: Attempt) -> Sought:
        operation = attempt.access.unit.operation if attempt.access.unit else "read"
        return self._refused(operation, attempt.request, attempt.answer)

    def _refused(self, operation: str, request: Request, answer: Answer) -> Sought:
        code = self._http.refusals["mismatch"].code
        return Sought(request.probe, request.method, self._route(operation), answer, code)

    def _route(self, operation: str) -> str:
        return self.target.operation(operation).path

    def _trail_sight(self, what: str, reading: TrailReading, attempt: Attempt | None = None) -> Observation:
        unit = attempt.access.unit if attempt else None
        notes = (*reading.notes, *((f"of probe {attempt.request.probe}",) if attempt else ()))
        return sight(what, reading.request, reading.answer, reading.outcome, unit=unit, notes=notes)


def _pieces(token: str) -> list[str]:
    """The parts of a token that would be enough to use it or to guess it: all of it, and its signature."""
    signature = token.rpartition(".")[2]
    return [token, signature] if len(signature) >= 16 else [token]
