"""Asks who could come to do what to a tenant's key: everybody that AWS lists, with what each could give itself."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

from tenantproof.clients.redaction import one_line
from tenantproof.clients.target import Target
from tenantproof.clients.wire import new_probe
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PRESENT, UNANSWERED, Outcome
from tenantproof.model.profile import Aws, Tenant
from tenantproof.probes.key_facts import EXHIBIT, collect
from tenantproof.probes.key_uses import beyond, by_others, is_used_by
from tenantproof.probes.permissions.authorize import Authorizer
from tenantproof.probes.permissions.closure import Closure, Way
from tenantproof.probes.permissions.facts import Facts, KeyFacts
from tenantproof.probes.permissions.grants import Grant, read_grants
from tenantproof.probes.permissions.principals import Caller, Kind
from tenantproof.probes.probe import Probe

STRANGER = "arn:aws:iam::999999999999:root"
"""The root of an account that is nobody's here: it holds everything that its own side could give."""
_SHOWN = 3
_PRINCIPAL = re.compile(r"arn:aws[\w-]*:iam::\d{12}:(?:role|user)/[\w+=,.@/-]+")
_ACCOUNT = re.compile(r"(?<![\w-])\d{12}(?![\w-])")


class KeyReach(Probe):
    """The escalation closure over all facts that the auditors may read, which the bundle keeps."""

    needs: ClassVar[frozenset[str]] = frozenset({"kms"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        if target.profile.aws is None:
            raise UsageError("the profile has no [aws]; add it to have keys assessed")
        self.aws: Aws = target.profile.aws
        self.tenants = target.profile.tenants
        self.workload = Caller.of(self.aws.workload.arn)
        self.vendor = self.workload.account

    @cached_property
    def facts(self) -> Facts:
        """Everything that AWS says, read once."""
        return collect(self.target)

    @cached_property
    def _told(self) -> str:
        """What the keys' policies and grants say, as text in which names can be sought."""
        return "\n".join(f"{key.policy} {key.grants}" for key in self.facts.keys)

    @cached_property
    def _closure(self) -> Closure:
        return Closure(Authorizer(self.facts))

    def read(self, tenant: Tenant) -> Observation:
        """Whether the key's policy and grants are among the facts; without them nobody is ruled out."""
        key = self._key(tenant)
        missing = "the key is not among the facts" if key is None else ", ".join(key.unread)
        seen = UNANSWERED if missing else PRESENT
        return _seen(f"the facts about {tenant.id}'s key", seen, tenant, notes=(missing, f"kept in {EXHIBIT}"))

    def vendors(self) -> tuple[str, ...]:
        """Every principal of the vendor: the workload, the account's root, whoever its auditor lists or a key names."""
        listed = [each.arn for each in self.facts.principals if each.arn.split(":")[4] == self.vendor]
        workload = self.workload.principal
        known = {Caller.of(arn).principal for arn in listed}
        named = {arn for arn in _PRINCIPAL.findall(self._told) if Caller.of(arn).account == self.vendor}
        unlisted = sorted({workload, *named} - known)
        return (*unlisted, *listed, f"arn:aws:iam::{self.vendor}:root")

    def others(self, tenant: Tenant) -> tuple[str, ...]:
        """Everybody who is neither the tenant's nor the vendor's: other tenants' people, a stranger, whoever is named.

        An account that a key's policy or a grant on it names stands there by its root.
        """
        own = {tenant.account, self.vendor}
        accounts = ({each.account for each in self.tenants} | set(_ACCOUNT.findall(self._told))) - own
        listed = [each.arn for each in self.facts.principals if each.arn.split(":")[4] in accounts]
        return (*listed, *(f"arn:aws:iam::{account}:root" for account in sorted(accounts) if account), STRANGER)

    def exceeds(self, tenant: Tenant, principal: str) -> Observation:
        """Whether a principal of the vendor could come to more than the vendor says its workload holds."""
        held = {action.lower() for action in self.aws.allowed_actions}
        ways = self._closure.ways(principal, tenant.key_arn)
        return self._reached(tenant, principal, {name: way for name, way in ways.items() if name.lower() not in held})

    def reaches(self, tenant: Tenant, principal: str) -> Observation:
        """Whether somebody to whom the key is none of his business could come to anything at all."""
        return self._reached(tenant, principal, self._closure.ways(principal, tenant.key_arn))

    def grants_in_order(self, tenant: Tenant) -> Observation:
        """Whether every grant is for the tenant's own people, or for the workload within what it may hold."""
        key = self._key(tenant)
        faults = [fault for grant in read_grants(key.grants if key else ()) for fault in self._faults(tenant, grant)]
        seen = UNANSWERED if key is None or "grants" in key.unread else ABSENT if faults else PRESENT
        unit = Unit("vendor", tenant.id, "kms:ListGrants", "grants")
        return _seen(f"the grants on {tenant.id}'s key are in order", seen, tenant, unit, tuple(faults[:_SHOWN]))

    def trail_shows(self, tenant: Tenant) -> Observation:
        """Whether the trail of the key's owner shows that the vendor uses it, as it does all day."""
        key = self._key(tenant)
        read = key is not None and key.uses is not None
        seen = PRESENT if key and read and is_used_by(key, self.vendor) else ABSENT if read else UNANSWERED
        return _seen(f"the trail of {tenant.id}'s key shows the vendor's use", seen, tenant)

    def used_by_others(self, tenant: Tenant) -> Observation:
        """Whether somebody used the key who is neither the tenant's nor the vendor's, as far as the trail is read."""
        key = self._key(tenant)
        strange = by_others(key, tenant.account, self.vendor) if key else []
        seen = PRESENT if strange else UNANSWERED if key is None or key.uses is None else ABSENT
        what = f"somebody else has used {tenant.id}'s key"
        return _seen(what, seen, tenant, Unit("others", tenant.id, "kms:*", "trail"), tuple(strange[:_SHOWN]))

    def used_beyond(self, tenant: Tenant) -> Observation:
        """Whether the vendor did more with the key than its workload may, or did it as somebody else."""
        key, allowed = self._key(tenant), frozenset(action.lower() for action in self.aws.allowed_actions)
        more = beyond(key, self.vendor, self.workload, allowed) if key else []
        unread = key is None or key.uses is None or (self.aws.auditor is not None and key.vendor_uses is None)
        seen = PRESENT if more else UNANSWERED if unread else ABSENT
        what = f"the vendor has done more with {tenant.id}'s key"
        return _seen(what, seen, tenant, Unit("vendor", tenant.id, "kms:*", "trail"), tuple(more[:_SHOWN]))

    def alias_in_place(self, tenant: Tenant) -> Observation:
        """Whether the alias by which the vendor looks the key up still points at the tenant's key."""
        region = tenant.key_arn.split(":")[3]
        kms = self.target.aws.client(
            "kms", tenant.aws["auditor"], region=region, key=f"tenants.{tenant.id}.aws.auditor"
        )
        answer = self.target.aws.call(kms, "describe_key", KeyId=tenant.key_alias)
        arn = str((answer.data.get("KeyMetadata") or {}).get("Arn", ""))
        seen = UNANSWERED if answer.failure else PRESENT if arn == tenant.key_arn else ABSENT
        note = f"{tenant.key_alias} is {arn or answer.code}"
        return _seen(
            f"{tenant.key_alias} is {tenant.id}'s key", seen, tenant, Unit("", tenant.id, "alias", ""), (note,)
        )

    def _reached(self, tenant: Tenant, principal: str, ways: dict[str, Way]) -> Observation:
        key = self._key(tenant)
        seen = PRESENT if ways else UNANSWERED if key is None or key.unread else ABSENT
        notes = [_way(action, way) for action, way in sorted(ways.items())]
        more = [f"and {len(notes) - _SHOWN} more"] if len(notes) > _SHOWN else []
        unit = Unit(principal, tenant.id, "kms:*", "escalation closure")
        what = f"{principal} could come to more on {tenant.id}'s key"
        return _seen(what, seen, tenant, unit, (*notes[:_SHOWN], *more))

    def _faults(self, tenant: Tenant, grant: Grant) -> Iterator[str]:
        name, grantee = f"grant {grant.id}", Caller.of(grant.grantee)
        if grant.fault:
            yield f"{name}: {grant.fault}"
        if grant.retiring and Caller.of(grant.retiring).account != tenant.account:
            yield f"{name} may be retired by {grant.retiring}"
        if grantee.kind is Kind.SERVICE:
            return
        if self.workload.is_named(grant.grantee) or grantee.names & self.workload.names:
            yield from self._of_workload(tenant, name, grant)
        elif grantee.account != tenant.account:
            yield f"{name} is for {grant.grantee}, who is not of the tenant's account"
        elif self._is_gone(grantee):
            yield f"{name} is for {grant.grantee}, who is gone"

    def _of_workload(self, tenant: Tenant, name: str, grant: Grant) -> Iterator[str]:
        held = {action.lower() for action in self.aws.allowed_actions}
        if more := [each for each in grant.operations if f"kms:{each}".lower() not in held]:
            yield f"{name} gives the workload {', '.join(more)}"
        if ("tenant", tenant.id) not in (*grant.equals, *grant.subset):
            yield f"{name} is not bound to the tenant's encryption context"

    def _is_gone(self, grantee: Caller) -> bool:
        account = self.facts.accounts.get(grantee.account)
        if account is None or "principals" in account.unread or grantee.kind is Kind.ROOT:
            return False
        return not any(Caller.of(each.arn).names & grantee.names for each in self.facts.principals)

    def _key(self, tenant: Tenant) -> KeyFacts | None:
        return next((key for key in self.facts.keys if key.arn == tenant.key_arn), None)


def _way(action: str, way: Way) -> str:
    return f"{action}{'' if way.is_sure else ' (perhaps)'}: {' -> '.join(way.steps) or 'as it is'}"


def _seen(
    what: str, outcome: Outcome, tenant: Tenant, unit: Unit | None = None, notes: tuple[str, ...] = ()
) -> Observation:
    return Observation(
        probe=new_probe(),
        what=one_line(what),
        outcome=outcome,
        principal=f"{tenant.id}, auditor",
        request=f"on {tenant.key_arn}",
        at=time.time(),
        unit=unit,
        notes=tuple(one_line(note) for note in notes if note),
    )
