"""May this principal do this to this resource? Both sides, every kind of policy, three-valued, with what decides.

The formula is in `_given` and `span`; its sources are the IAM user guide ("Policy evaluation logic", for one account
and across accounts) and the KMS developer guide ("Troubleshooting AWS KMS permissions").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tenantproof.probes.permissions.actions import (
    Universe,
    crosses_accounts,
    kms_actions,
    kms_universe,
    universe_of,
)
from tenantproof.probes.permissions.context import Values, lowered
from tenantproof.probes.permissions.documents import Effect
from tenantproof.probes.permissions.evaluate import (
    Question,
    Ruled,
    addressed,
    deciding,
    granted,
    granting,
    identity_says,
    resource_says,
)
from tenantproof.probes.permissions.facts import Facts
from tenantproof.probes.permissions.ground import Ground, Holder, Resource
from tenantproof.probes.permissions.principals import Kind
from tenantproof.probes.permissions.spans import NOWHERE, Span
from tenantproof.probes.permissions.truth import Truth


class Answer(StrEnum):
    """What a decision comes to."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Step:
    """One step of an evaluation: which policies were asked, what they say, and the statement or grant that says it."""

    asked: str
    says: str
    by: str = ""


@dataclass(frozen=True)
class Ruling:
    """A decision: the answer, the one thing that decides, and the path to it."""

    answer: Answer
    because: str
    path: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked. `context`: condition keys with their values, () for a key that is not in the request.

    Without an encryption context (None) its choice is the caller's, and conditions on it can't be told.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, Values] = field(default_factory=dict)
    encryption_context: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Sides:
    """What every kind of policy says to one question. `gates` have to allow: SCPs and RCPs by level, the endpoint."""

    identity: Span
    boundary: Span
    session: Span
    direct: Span
    role: Span
    account: Span
    granted: Span
    gates: Span
    denied: Span


class Authorizer:
    """Decides over one set of facts; every policy is read and sorted once."""

    def __init__(self, facts: Facts) -> None:
        self.ground = Ground(facts)

    def rule(self, request: Request) -> Ruling:
        """Decide one request, and say why."""
        if fault := self._fault(request):
            return Ruling(Answer.UNKNOWN, fault)
        universe = kms_universe() if kms_universe().bit(request.action) else universe_of(request.action)
        holder, resource = self.ground.holder(request.principal), self.ground.resource(request.resource, request.action)
        asked = self.question(holder, resource, universe, request.context, request.encryption_context)
        sides = self.sides(holder, resource, asked)
        bit = universe.bit(request.action)
        path = tuple(self._path(holder, resource, asked, sides, bit))
        if _foreign(holder, resource) and not crosses_accounts(request.action):
            return Ruling(
                Answer.DENY, f"KMS takes {request.action.partition(':')[2]} from the key's own account only", path
            )
        may = span(holder, resource, sides).truth(bit)
        return Ruling(_ANSWERS[may], _because(may, path), path)

    def span_of(
        self, holder: Holder, resource: Resource, universe: Universe, context: Mapping[str, Values] | None = None
    ) -> Span:
        """The actions of the universe that the holder may do to the resource, in some encryption context."""
        asked = self.question(holder, resource, universe, context or {}, None)
        if not self._is_conceivable(holder, resource, asked):
            return NOWHERE
        found = span(holder, resource, self.sides(holder, resource, asked))
        return Span(*(mask & _taken(universe) for mask in found)) if _foreign(holder, resource) else found

    def _is_conceivable(self, holder: Holder, resource: Resource, asked: Question) -> bool:
        """Whether anything at all might allow something: most principals have nothing to do with most keys."""
        if granted(resource.grants, asked).maybe:
            return True
        policy = self.ground.rules((resource.policy,), asked.universe)[0]
        if any(addressed(statement, asked.caller)[1] for _, statement in policy.allows):
            return True
        own = self.ground.rules(holder.policies, asked.universe)
        is_capable = holder.is_unlimited or holder.caller.kind is Kind.ROOT or any(each.allows for each in own)
        return is_capable and not resource.is_decisive

    def question(
        self,
        holder: Holder,
        resource: Resource,
        universe: Universe,
        context: Mapping[str, Values],
        encryption_context: Mapping[str, str] | None,
    ) -> Question:
        """The question with all that the facts know of such a request; what `context` says comes first."""
        known = [lowered(context), self.ground.context, holder.context, resource.context]
        return Question(
            holder.caller,
            resource.arn,
            universe,
            known=tuple(table for table in known if table),
            closed=holder.closed + resource.closed,
            encryption_context=encryption_context,
            is_path_known=holder.is_path_known,
        )

    def sides(self, holder: Holder, resource: Resource, asked: Question) -> Sides:
        """Ask every policy."""
        everything = Span(asked.universe.all, asked.universe.all)
        rules = self.ground.rules
        identity, denied = identity_says(rules(holder.policies, asked.universe), asked)
        if holder.is_unlimited or holder.caller.kind is Kind.ROOT:
            identity = everything
        boundary = session = gates = everything
        if holder.boundary is not None:
            boundary, more = identity_says(rules((holder.boundary,), asked.universe), asked)
            denied = denied.either(more)
        if holder.session:
            session, more = identity_says(rules(holder.session, asked.universe), asked)
            denied = denied.either(more)
        for level in holder.scps:
            allowed, more = identity_says(rules(level, asked.universe), asked)
            gates, denied = gates.both(allowed), denied.either(more)
        rcps = () if holder.is_service_linked else resource.rcps
        for level in (*rcps, *self.ground.endpoint):
            allowed, more = self._resource_gate(rules(level, asked.universe), asked)
            gates, denied = gates.both(allowed), denied.either(more)
        said = resource_says(rules((resource.policy,), asked.universe)[0], asked)
        return Sides(
            identity, boundary, session, said.direct, said.role, said.account, granted(resource.grants, asked), gates,
            denied.either(said.denied),
        )  # fmt: skip

    @staticmethod
    def _resource_gate(policies: Iterable[Ruled], asked: Question) -> tuple[Span, Span]:
        allowed = denied = NOWHERE
        for policy in policies:
            said = resource_says(policy, asked)
            allowed, denied = allowed.either(said.account), denied.either(said.denied)
        return allowed, denied

    def _fault(self, request: Request) -> str:
        """Why nobody can decide such a request, if nobody can."""
        service, colon, name = request.action.partition(":")
        if not (colon and service and name) or set("*?") & set(request.action):
            return f"{request.action!r} is no action; write it as service:Name"
        if service.lower() == "kms" and request.action.lower() not in {known.lower() for known in kms_actions()}:
            return f"{request.action} is no action of KMS that is known here"
        caller = self.ground.holder(request.principal).caller
        if caller.kind is Kind.OTHER:
            return f"{request.principal!r} is no user, role, session, root or service"
        parts = request.resource.split(":")
        if request.resource != "*" and (len(parts) < 6 or parts[0] != "arn"):
            return f"{request.resource!r} is no ARN"
        if request.resource != "*" and caller.kind is not Kind.SERVICE and parts[1] != caller.partition:
            return f"{caller.partition} and {parts[1]} are partitions of their own; nothing is documented across them"
        if service.lower() == "kms" and parts[-1].startswith("alias/") and not _is_about_alias(name):
            return f"{request.resource} is an alias, which authorizes nothing on its key; ask about the key's ARN"
        return ""

    def _path(self, holder: Holder, resource: Resource, asked: Question, sides: Sides, bit: int) -> Iterator[Step]:
        """Every step of the evaluation, in the order that the documentation draws it."""
        rules = self.ground.rules
        universe = asked.universe
        levels: list[tuple[str, tuple[Ruled, ...]]] = [
            ("identity policies", rules(holder.policies, universe)),
            ("permissions boundary", rules((holder.boundary,), universe) if holder.boundary else ()),
            ("session policies", rules(holder.session, universe)),
            *((f"SCPs, level {at}", rules(level, universe)) for at, level in enumerate(holder.scps, 1)),
            *((f"RCPs, level {at}", rules(level, universe)) for at, level in enumerate(resource.rcps, 1)),
            *(("VPC endpoint policy", rules(level, universe)) for level in self.ground.endpoint),
            (resource.policy_kind, rules((resource.policy,), universe)),
        ]
        for asked_of, policies in levels:
            if policies and (deny := deciding(policies, Effect.DENY, bit, asked)):
                sure = any(self._denies(policy, asked).sure & bit for policy in policies)
                yield Step(asked_of, "denies" if sure else "may deny", deny)
        if holder.is_unlimited or holder.caller.kind is Kind.ROOT:
            yield Step("identity policies", "allows", "everything: the root user, or whoever may rewrite them")
        for asked_of, policies in levels:
            if policies and asked_of != resource.policy_kind:
                allow = deciding(policies, Effect.ALLOW, bit, asked)
                truth = self._allows(policies, asked).truth(bit)
                yield Step(asked_of, _SAYS[truth], allow)
        if resource.policy.statements or resource.is_decisive:
            yield _resource_step(resource, deciding(levels[-1][1], Effect.ALLOW, bit, asked), sides, bit)
        if resource.grants:
            yield Step("grants", _SAYS[sides.granted.truth(bit)], granting(resource.grants, bit, asked))

    @staticmethod
    def _denies(policy: Ruled, asked: Question) -> Span:
        if any(statement.principals or statement.except_principals for _, statement in policy.denies):
            return resource_says(policy, asked).denied
        return identity_says((policy,), asked)[1]

    def _allows(self, policies: tuple[Ruled, ...], asked: Question) -> Span:
        if any(statement.principals for policy in policies for _, statement in policy.allows):
            return self._resource_gate(policies, asked)[0]
        return identity_says(policies, asked)[0]


_ANSWERS: dict[Truth, Answer] = {True: Answer.ALLOW, False: Answer.DENY, None: Answer.UNKNOWN}
_SAYS: dict[Truth, str] = {True: "allows", False: "does not allow", None: "may allow"}


def span(holder: Holder, resource: Resource, sides: Sides) -> Span:
    """Where the request is allowed: given by somebody, let through by every gate, denied by nobody."""
    return _given(holder, resource, sides).both(sides.gates).without(sides.denied)


def _given(holder: Holder, resource: Resource, sides: Sides) -> Span:
    cuts = sides.boundary.both(sides.session)
    own = sides.identity.both(cuts)
    if holder.caller.kind is Kind.SERVICE:
        return sides.direct
    # What a boundary or a session policy does to a grant is not documented: where they don't allow, it is unsure.
    by_grant = Span(sides.granted.sure & cuts.sure, sides.granted.maybe)
    if resource.account and resource.account != holder.caller.account:
        return sides.account.both(own).either(by_grant)
    given = sides.direct.either(sides.role.both(cuts)).either(by_grant)
    return given.either(sides.account.both(own) if resource.is_decisive else own)


def _foreign(holder: Holder, resource: Resource) -> bool:
    return bool(
        resource.is_key and resource.account != holder.caller.account and holder.caller.kind is not Kind.SERVICE
    )


def _taken(universe: Universe) -> int:
    """The actions that KMS takes from other accounts."""
    if universe not in _TAKEN:
        _TAKEN[universe] = universe.covered(tuple(name for name in universe.actions if crosses_accounts(name)))
    return _TAKEN[universe]


_TAKEN: dict[Universe, int] = {}


def _is_about_alias(name: str) -> bool:
    return name.lower() in ("createalias", "updatealias", "deletealias")


def _resource_step(resource: Resource, by: str, sides: Sides, bit: int) -> Step:
    role, account = sides.role.truth(bit), sides.account.truth(bit)
    if role or sides.direct.truth(bit):
        return Step(resource.policy_kind, "allows", by)
    if account:
        return Step(resource.policy_kind, "leaves it to the principal's account", by)
    return Step(resource.policy_kind, "may allow" if account is None else "does not allow", by)


def _because(may: Truth, path: tuple[Step, ...]) -> str:
    if may:
        return f"allowed by {_what_allows(path)}"
    wanted = "denies" if may is False else "may"
    steps = [step for step in path if step.says.startswith(wanted) and step.by]
    if may is None:
        return f"can't be told: {steps[0].by}" if steps else "can't be told"
    if steps:
        return f"denied by {steps[0].by}"
    missing = [step.asked for step in path if step.says == "does not allow"]
    return f"nothing allows it: asked {', '.join(missing)}"


def _what_allows(path: tuple[Step, ...]) -> str:
    """The statement that gives it, with the one that leaves it to the account; or else the grant."""
    says = {step.asked: step for step in path}
    own, grants = says.get("identity policies"), says.get("grants")
    policy = next((step for step in path if step.asked in _ATTACHED), None)
    if policy and policy.says == "allows":
        return policy.by
    if own and own.says == "allows" and (policy is None or policy.says.startswith("leaves")):
        return f"{own.by}; {policy.by} leaves it to the account" if policy else own.by
    return grants.by if grants else own.by if own else "nothing known"


_ATTACHED = ("key policy", "trust policy", "resource policy")
