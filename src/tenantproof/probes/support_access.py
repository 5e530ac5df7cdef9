"""Drives the break-glass path: the legal one, and every shortcut that must not work."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Tenant
from tenantproof.probes.near_misses import NearMisses
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import json_object, new_probe, sight
from tenantproof.probes.support_case import NOBODYS, Case
from tenantproof.probes.trail_events import Sought, TrailReader

__all__ = ["NearMisses", "SupportAccess"]

_LONG = 60
_BRIEF = 2
_SLACK_SECONDS = 0.5
_NOTICE_PATIENCE = 0.5
"""The part of the profile's timeout that a notice or an event may take."""
_HIDDEN_SECONDS = 3


class SupportAccess(Probe):
    """The vendor's support, its requests and what a tenant learns of them."""

    needs: ClassVar[frozenset[str]] = frozenset({"support"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        support = target.profile.support
        if support is None or len(support.principals) < 2:
            raise UsageError("the checks of support access need two people in [support.principals]; lend a second one")
        self.support = support
        self.people = tuple(sorted(support.principals))
        self.tenants = tuple(tenant for tenant in target.profile.tenants if "approver" in tenant.principals)
        if len(self.tenants) < 2:
            raise UsageError('the checks of support access need two tenants with a principal "approver"')
        self._trail = TrailReader(target)
        self._patience = _NOTICE_PATIENCE * target.profile.safety.timeout_seconds
        self._bodies: dict[str, dict[str, str]] = {}

    def case(self, tenant: Tenant, *, seconds: int = _LONG) -> Case:
        """A new case, not asked for yet."""
        return Case(self.target, tenant, self.people[0], min(seconds, self.support.max_seconds))

    def brief_case(self, tenant: Tenant) -> Case:
        """A case for about the shortest time that the target grants."""
        return self.case(tenant, seconds=max(_BRIEF, self.support.shortest_seconds))

    def other_than(self, tenant: Tenant) -> Tenant:
        """Another tenant."""
        return next(each for each in self.tenants if each.id != tenant.id)

    def outlast(self, case: Case) -> Observation:
        """Wait until the case has ended by its own clock, then read under it."""
        try:
            ends = datetime.fromisoformat(case.ends_at).timestamp()
        except ValueError:
            ends = time.time() + case.seconds
        left = ends - time.time()
        if left > case.seconds + _BRIEF:
            seen = case.read()
            note = f"it says that it ends in {left:.0f} s, {case.seconds} s were asked for"
            return _noted(seen, PERMITTED if seen.outcome is PERMITTED else UNCLEAR, note)
        time.sleep(max(0.0, left) + _SLACK_SECONDS)
        return case.read()

    def overlong(self, tenant: Tenant) -> Observation:
        """Ask for more time than the vendor may have: refused, or cut down to the limit."""
        case = self.case(tenant)
        limit = self.support.max_seconds
        seen = case.ask(limit + 1)
        granted = json_object(case.steps[-1][2].body).get("duration_seconds")
        if seen.outcome is PERMITTED and isinstance(granted, int) and granted <= limit:
            return _noted(seen, REFUSED, f"cut down to {granted} s")
        return seen

    def replayed(self, case: Case, challenge: str) -> Observation:
        """Activate with a challenge that was presented before."""
        seen = case.activate(challenge=challenge)
        return _noted(seen, seen.outcome, "the challenge was used before")

    def recorded(self, case: Case, step: str, trail_of: Tenant) -> Observation:
        """Whether a tenant's trail tells of a step of the case."""
        name, request, answer = next(each for each in reversed(case.steps) if each[0] == step)
        sought = Sought(request.probe, request.method, request.target, answer, "")
        reading = self._trail.miss(trail_of.id, sought)
        deadline = time.monotonic() + (self._patience if trail_of is case.tenant else 0)
        while reading.outcome is ABSENT and time.monotonic() < deadline:
            time.sleep(0.1)
            reading = self._trail.miss(trail_of.id, sought)
        what = f"the trail of {trail_of.id} tells of the step {name} of a case of {case.tenant.id}"
        return sight(what, reading.request, reading.answer, reading.outcome, notes=reading.notes)

    def told(self, case: Case, queue_of: Tenant) -> Observation:
        """Whether a tenant was notified of the case."""
        is_due = queue_of is case.tenant and case.id != NOBODYS
        deadline = time.monotonic() + (self._patience if is_due else 0)
        outcome, note = self._look(queue_of, case.id)
        while outcome is ABSENT and time.monotonic() < deadline:
            time.sleep(0.1)
            outcome, note = self._look(queue_of, case.id)
        return Observation(
            probe=new_probe(),
            what=f"{queue_of.id} is notified of a case of {case.tenant.id}",
            outcome=outcome,
            principal=f"{queue_of.id}, auditor",
            request=f"sqs:ReceiveMessage on {one_line(queue_of.notices)}",
            response=note,
            response_digest=digest("\n".join(self._bodies.get(queue_of.id, {}).values())),
            at=datetime.now(UTC).timestamp(),
        )

    def _look(self, tenant: Tenant, request: str) -> tuple[Outcome, str]:
        """Read everything that the queue holds now; messages stay in it for their owner."""
        if not tenant.notices or "auditor" not in tenant.aws:
            raise UsageError(f"tenant {tenant.id!r} needs notices (an SQS queue) and aws.auditor in the profile")
        kept = self._bodies.setdefault(tenant.id, {})
        place = f"tenants.{tenant.id}.aws.auditor"
        sqs = self.target.aws.client("sqs", tenant.aws["auditor"], region=tenant.region, key=place)
        for _ in range(100):
            answer = self.target.aws.call(
                sqs,
                "receive_message",
                QueueUrl=tenant.notices,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=0,
            )
            if not answer.is_granted:
                return (UNANSWERED if answer.failure else UNCLEAR), one_line(answer.failure or answer.code)
            messages = answer.data.get("Messages") or []
            kept |= dict(map(_identified, messages))
            if not messages:
                break
        held = sum(request in body for body in kept.values())
        return (PRESENT, f"{held} notices name it") if held else (ABSENT, "no notice names it")


def _identified(message: Any) -> tuple[str, str]:  # noqa: ANN401  # a message as SQS gives it
    """A message's id and body: a queue may show one message several times."""
    members = message if isinstance(message, dict) else {}
    body = str(members.get("Body", ""))
    return str(members.get("MessageId", body)), body


def _noted(seen: Observation, outcome: Outcome, note: str) -> Observation:
    from msgspec.structs import replace

    return replace(seen, outcome=outcome, notes=(*seen.notes, note))
