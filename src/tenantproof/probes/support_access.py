"""Drives the break-glass path: the legal one, and every shortcut that must not work."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Tenant
from tenantproof.probes.access_mutations import Mutations
from tenantproof.probes.access_races import Races
from tenantproof.probes.access_residue import Residue
from tenantproof.probes.near_misses import NearMisses
from tenantproof.probes.other_factors import OtherFactors
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import json_object, new_probe, sight
from tenantproof.probes.standing_access import StandingAccess
from tenantproof.probes.support_case import NOBODYS, Case
from tenantproof.probes.trail_events import Sought, TrailReader

__all__ = ["Mutations", "NearMisses", "Races", "Residue", "StandingAccess", "SupportAccess"]

_LONG = 60
_BRIEF = 2
_SLACK_SECONDS = 0.5
_NOTICE_PATIENCE = 0.5
"""The part of the profile's timeout that a notice or an event may take."""
_HIDDEN_SECONDS = 3
_SKEW_SECONDS = 0.25
"""By how much the queue's clock and ours may differ."""


@dataclass(frozen=True)
class Notice:
    """One message of a tenant's queue, and when the queue took it (0: it does not say)."""

    body: str
    sent: float = 0.0


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
        self.others = OtherFactors(target, support)
        """The same desk's codes and security keys."""
        self._trail = TrailReader(target)
        self._patience = _NOTICE_PATIENCE * target.profile.safety.timeout_seconds
        self._notices: dict[str, dict[str, Notice]] = {}

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

    def recorded_once(self, case: Case, step: str) -> Observation:
        """Whether the tenant's trail has exactly one record of a read, of whoever read and under which case."""
        seen = self.recorded(case, step, case.tenant)
        _, request, answer = next(each for each in reversed(case.steps) if each[0] == step)
        reading = self._trail.miss(case.tenant.id, Sought(request.probe, request.method, request.target, answer, ""))
        if reading.outcome is not PRESENT:
            return seen
        told = [str(event) for event in reading.events]
        unsaid = [
            name for name in (case.asker, case.id) if answer.status < 300 and not any(name in each for each in told)
        ]
        if unsaid:
            return _noted(seen, UNCLEAR, "the record does not say who read, or under which case")
        if len(told) != 1:
            return _noted(seen, UNCLEAR, f"{len(told)} records of one read")
        return seen

    def told(self, case: Case, queue_of: Tenant) -> Observation:
        """Whether a tenant was notified, once, that access under the case begins, and before it did."""
        is_due = queue_of is case.tenant and case.id != NOBODYS
        deadline = time.monotonic() + (self._patience if is_due else 0)
        outcome, note = self._look(queue_of, case)
        while outcome is ABSENT and time.monotonic() < deadline:
            time.sleep(0.1)
            outcome, note = self._look(queue_of, case)
        bodies = sorted(notice.body for notice in self._notices.get(queue_of.id, {}).values())
        return Observation(
            probe=new_probe(),
            what=f"{queue_of.id} is notified of a case of {case.tenant.id}",
            outcome=outcome,
            principal=f"{queue_of.id}, auditor",
            request=f"sqs:ReceiveMessage on {one_line(queue_of.notices)}",
            response=note,
            response_digest=digest("\n".join(bodies)),
            at=datetime.now(UTC).timestamp(),
            notes=(note,),
        )

    def _judged(self, case: Case, tenant: Tenant) -> tuple[Outcome, str]:
        """Present is one notice that tells of the access and that the queue took before it had begun."""
        held = [notice for notice in self._notices[tenant.id].values() if case.id in notice.body]
        ours = [notice for notice in held if self.support.notice_word in notice.body]
        if tenant is not case.tenant or not ours:
            return (PRESENT if held and tenant is not case.tenant else ABSENT), f"{len(ours)} notices name it"
        if len(ours) > 1 and (self.support.notice_word or len({notice.body for notice in ours}) < len(ours)):
            return UNCLEAR, f"{len(ours)} notices of one access"
        begun = [answer.at + answer.seconds for name, _, answer in case.steps if name == "activate"]
        if begun and min(notice.sent for notice in ours) > begun[-1] + _SKEW_SECONDS:
            return UNCLEAR, "the notice was sent after access had begun"
        return PRESENT, f"{len(ours)} notices name it"

    def _look(self, tenant: Tenant, case: Case) -> tuple[Outcome, str]:
        """Read everything that the queue holds now; messages stay in it for their owner."""
        if not tenant.notices or "auditor" not in tenant.aws:
            raise UsageError(f"tenant {tenant.id!r} needs notices (an SQS queue) and aws.auditor in the profile")
        kept = self._notices.setdefault(tenant.id, {})
        place = f"tenants.{tenant.id}.aws.auditor"
        sqs = self.target.aws.client("sqs", tenant.aws["auditor"], region=tenant.region, key=place)
        for _ in range(100):
            answer = self.target.aws.call(
                sqs,
                "receive_message",
                QueueUrl=tenant.notices,
                MaxNumberOfMessages=10,
                AttributeNames=["SentTimestamp"],
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=0,
            )
            if not answer.is_granted:
                return (UNANSWERED if answer.failure else UNCLEAR), one_line(answer.failure or answer.code)
            messages = answer.data.get("Messages") or []
            kept |= dict(map(_identified, messages))
            if not messages:
                break
        return self._judged(case, tenant)


def _identified(message: Any) -> tuple[str, Notice]:  # noqa: ANN401  # a message as SQS gives it
    """A message by its id: a queue may show one message several times."""
    members = message if isinstance(message, dict) else {}
    body = str(members.get("Body", ""))
    attributes = members.get("Attributes")
    sent = str(attributes.get("SentTimestamp")) if isinstance(attributes, dict) else ""
    return str(members.get("MessageId", body)), Notice(body, int(sent) / 1000 if sent.isdecimal() else 0.0)


def _noted(seen: Observation, outcome: Outcome, note: str) -> Observation:
    from msgspec.structs import replace

    return replace(seen, outcome=outcome, notes=(*seen.notes, note))
