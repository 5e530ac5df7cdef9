"""What a principal could come to do to a key: with what it has, and with what it could give itself (escalation)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from tenantproof.probes.permissions.actions import Universe, grant_actions, kms_universe
from tenantproof.probes.permissions.authorize import Authorizer
from tenantproof.probes.permissions.context import Values
from tenantproof.probes.permissions.documents import Effect
from tenantproof.probes.permissions.ground import Holder, Resource
from tenantproof.probes.permissions.principals import Kind
from tenantproof.probes.permissions.spans import NOWHERE, Span, where

_BECOME_ROLE = ("iam:UpdateAssumeRolePolicy", "iam:PassRole")
_BECOME_USER = ("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile")
_WIDEN_ROLE = ("iam:PutRolePolicy", "iam:AttachRolePolicy")
_WIDEN_USER = ("iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:AddUserToGroup")
_WIDEN_POLICY = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
_UNBIND = ("iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary")
_RELABEL = ("kms:TagResource", "kms:UntagResource", "kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias")
"""What changes the tags and aliases that conditions look at."""
_NEW_POLICY = ("kms:PutKeyPolicy",)
_NEW_KEY = ("kms:ReplicateKey",)


@dataclass(frozen=True)
class Way:
    """How a principal comes to an action: surely or perhaps, and the steps, of which the first is taken first."""

    is_sure: bool
    steps: tuple[str, ...]


@dataclass(frozen=True)
class _Reached:
    """A principal that one can act as, and how."""

    holder: Holder
    is_sure: bool
    steps: tuple[str, ...]


class Closure:
    """The escalation closure over one set of facts. A principal's reach is found once and used for every key."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._rules, self._ground = authorizer, authorizer.ground
        self._reach: dict[str, tuple[_Reached, ...]] = {}
        # By the identity of a holder, which `_kept` keeps alive: comparing two would compare all their policies.
        self._kept: dict[int, Holder] = {}
        self._edges: dict[int, tuple[tuple[Holder, Span, str], ...]] = {}
        self._spans_at: dict[tuple[int, str], Span] = {}
        self._wide: dict[str, _Reached | None] = {}
        self._others = [
            self._ground.holder(each.arn) for each in self._ground.facts.principals if ":sts:" not in each.arn
        ]

    def ways(self, principal: str, key: str) -> dict[str, Way]:
        """Every KMS action that the principal may come to do to the key, and the way there, the shortest it found."""
        universe, found = kms_universe(), dict[str, Way]()
        for span, steps in self._spans(principal, key):
            for action in universe.named(span.maybe):
                is_sure = bool(span.sure & universe.bit(action))
                known = found.get(action)
                if known is None or (is_sure and not known.is_sure):
                    found[action] = Way(is_sure, steps)
        return found

    def span(self, principal: str, key: str) -> Span:
        """The same as bits over `kms_universe`, without the ways."""
        total = NOWHERE
        for reached in self.reach(principal):
            span = self._at_key_together(reached.holder, key)
            total = total.either(span if reached.is_sure else span.doubted())
        return total

    def _at_key_together(self, holder: Holder, key: str) -> Span:
        known = (id(self._kept.setdefault(id(holder), holder)), key)
        if known not in self._spans_at:
            total = NOWHERE
            for span, _ in self._at_key(holder, self._ground.resource(key, "kms:Decrypt")):
                total = total.either(span)
            self._spans_at[known] = total
        return self._spans_at[known]

    def reach(self, principal: str) -> tuple[_Reached, ...]:
        """Everybody that the principal may come to act as, itself first."""
        if principal not in self._reach:
            self._reach[principal] = tuple(self._walk(self._ground.holder(principal)))
        return self._reach[principal]

    def _spans(self, principal: str, key: str) -> Iterator[tuple[Span, tuple[str, ...]]]:
        resource = self._ground.resource(key, "kms:Decrypt")
        for reached in self.reach(principal):
            for span, steps in self._at_key(reached.holder, resource):
                yield (span if reached.is_sure else span.doubted()), (*reached.steps, *steps)

    def _at_key(self, holder: Holder, resource: Resource) -> Iterator[tuple[Span, tuple[str, ...]]]:
        """What the holder has on the key, and what it could give itself there."""
        universe = kms_universe()
        has = self._rules.span_of(holder, resource, universe)
        yield has, ()
        if has.maybe & _mask(_NEW_POLICY):
            yield _all(has, _mask(_NEW_POLICY)), ("kms:PutKeyPolicy: writes itself into the key policy",)
        if resource.key and resource.key.multi_region and has.maybe & _mask(_NEW_KEY):
            yield _all(has, _mask(_NEW_KEY)), ("kms:ReplicateKey: makes a replica under a policy of its own",)
        if has.maybe & universe.bit("kms:CreateGrant"):
            yield self._grants(holder, resource, has), ("kms:CreateGrant: grants itself the operation",)
        if has.maybe & _mask(_RELABEL):
            relabelled = self._rules.span_of(holder, _relabelled(resource), universe)
            yield relabelled.doubted(), ("changes the tags or aliases that a condition looks at",)

    def _grants(self, holder: Holder, resource: Resource, has: Span) -> Span:
        """The operations that the holder could grant itself, one by one where conditions look at them."""
        universe = kms_universe()
        create = universe.bit("kms:CreateGrant")
        operations = universe.covered(grant_actions())
        if has.sure & create:
            return Span(operations, operations)
        span = NOWHERE
        for action in grant_actions():
            context = _of_grant(action, holder)
            may = self._rules.span_of(holder, resource, _creating(), context).truth(1)
            span = span.either(where(may, universe.bit(action)))
        return span

    def _walk(self, start: Holder) -> Iterator[_Reached]:
        """Breadth first: whom one can act as from where one is, and whose policies one can widen on the way."""
        first = _Reached(start, True, ())
        done = {start.caller.principal: first}
        waiting = deque([first])
        while waiting:
            here = waiting.popleft()
            if not here.holder.is_unlimited and (wide := self._widened(here)):
                done[here.holder.caller.principal] = wide
                # As it was, it may do for sure what widened it may do only perhaps.
                yield here
                here = wide
            yield here
            for there in self._next(here):
                known = done.get(there.holder.caller.principal)
                if known is None or (there.is_sure and not known.is_sure):
                    done[there.holder.caller.principal] = there
                    waiting.append(there)

    def _next(self, here: _Reached) -> Iterator[_Reached]:
        known = id(self._kept.setdefault(id(here.holder), here.holder))
        if known not in self._edges:
            self._edges[known] = tuple(self._edges_of(here.holder))
        for other, span, step in self._edges[known]:
            yield _Reached(other, here.is_sure and bool(span.sure), (*here.steps, step))

    def _edges_of(self, holder: Holder) -> Iterator[tuple[Holder, Span, str]]:
        for other in self._others:
            if other.caller.principal != holder.caller.principal:
                for span, step in self._becomes(holder, other):
                    if span.maybe:
                        yield other, span, step

    def _becomes(self, holder: Holder, other: Holder) -> Iterator[tuple[Span, str]]:
        arn = other.caller.arn
        if other.caller.kind is Kind.ROLE:
            yield self._on(holder, arn, _universe("sts:AssumeRole")), f"sts:AssumeRole: becomes {arn}"
            actions = _universe(*_BECOME_ROLE)
            span = self._on(holder, arn, actions)
            rewrites, passes = (_one(span, actions.bit(name)) for name in _BECOME_ROLE)
            yield rewrites, f"iam:UpdateAssumeRolePolicy: writes itself into the trust of {arn}"
            # What it takes besides, a service that runs its code with the role, is left open.
            trusted = self._trusts_a_service(arn)
            yield (passes.doubted() if trusted else NOWHERE), f"iam:PassRole: has a service act as {arn}"
        if other.caller.kind is Kind.USER:
            yield self._on(holder, arn, _universe(*_BECOME_USER)), f"iam:CreateAccessKey or a login: becomes {arn}"

    def _widened(self, here: _Reached) -> _Reached | None:
        """The same principal with policies and boundary rewritten, where it could do that to itself."""
        arn = here.holder.caller.arn
        if arn not in self._wide:
            self._wide[arn] = self._rewritten(here.holder)
        wide = self._wide[arn]
        if wide is None:
            return None
        return replace(wide, is_sure=here.is_sure and wide.is_sure, steps=(*here.steps, *wide.steps))

    def _rewritten(self, holder: Holder) -> _Reached | None:
        arn = holder.caller.principal
        own = _WIDEN_ROLE if holder.caller.kind in (Kind.ROLE, Kind.SESSION) else _WIDEN_USER
        names = [arn, *self._managed(arn)]
        spans = [self._on(holder, each, _universe(*(own if each == arn else _WIDEN_POLICY))) for each in names]
        if not any(span.maybe for span in spans):
            return None
        free = self._on(holder, arn, _universe(*_UNBIND)).maybe
        wide = replace(holder, is_unlimited=True, boundary=None if free else holder.boundary)
        return _Reached(wide, any(span.sure for span in spans), (f"widens the policies of {arn}",))

    def _managed(self, arn: str) -> Iterator[str]:
        for each in self._ground.facts.principals:
            if each.arn == arn:
                yield from (policy.arn for policy in each.policies if policy.arn)

    def _on(self, holder: Holder, arn: str, universe: Universe) -> Span:
        service = universe.actions[0].partition(":")[0]
        parts = arn.split(":")
        if service == "iam" and len(parts) > 4 and parts[4] not in (holder.caller.account, "aws"):
            return NOWHERE
        return self._rules.span_of(holder, self._ground.resource(arn, universe.actions[0]), universe)

    def _trusts_a_service(self, arn: str) -> bool:
        trust = self._ground.resource(arn, "sts:AssumeRole").policy
        return any(
            statement.fault
            or (statement.effect is Effect.ALLOW and any(k == "Service" for k, _ in statement.principals))
            for statement in trust.statements
        )


def _relabelled(resource: Resource) -> Resource:
    """The key with tags and aliases that nobody knows."""
    kept = {
        name: values
        for name, values in (resource.context or {}).items()
        if not name.startswith(("aws:resourcetag/", "kms:resourcealiases"))
    }
    return replace(resource, context=kept, closed=())


def _of_grant(action: str, holder: Holder) -> Mapping[str, Values]:
    """The condition keys of a request by which the holder grants itself one operation."""
    return {
        "kms:grantoperations": (action.partition(":")[2],),
        "kms:granteeprincipal": (holder.caller.principal,),
        "kms:grantisforawsresource": ("false",),
    }


def _all(has: Span, mask: int) -> Span:
    """Every action, as surely as one of those in `mask`."""
    everything = kms_universe().all
    return Span(everything if has.sure & mask else 0, everything)


def _one(span: Span, bit: int) -> Span:
    return Span(span.sure & bit, span.maybe & bit)


@cache
def _mask(actions: tuple[str, ...]) -> int:
    return kms_universe().covered(actions)


@cache
def _universe(*actions: str) -> Universe:
    return Universe(actions)


@cache
def _creating() -> Universe:
    return Universe(("kms:CreateGrant",))
