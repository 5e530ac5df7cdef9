"""What policies and grants say about a caller and a resource, for all actions at once; and what a key's side gives.

The key's side is its policy and its grants: across accounts AWS wants both sides, so what the key's side does not give,
nobody has. Both sides together are in `authorize`. Rules: AWS KMS developer guide, "Key policies", "Grants in AWS KMS".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tenantproof.probes.permissions.actions import (
    Universe,
    keys_never_in,
    kms_universe,
    takes_encryption_context,
    universe_of,
)
from tenantproof.probes.permissions.context import Context, Values, lowered
from tenantproof.probes.permissions.documents import Document, Effect, Statement
from tenantproof.probes.permissions.grants import Grant, read_grants
from tenantproof.probes.permissions.principals import Caller, Named, named
from tenantproof.probes.permissions.spans import NOWHERE, Span, where
from tenantproof.probes.permissions.truth import Truth

__all__ = ["Decision", "Grant", "decide", "possible_actions", "read_grants"]

_ENCRYPTION = "kms:encryptioncontext:"
_ENCRYPTION_KEYS = "kms:encryptioncontextkeys"


@dataclass(frozen=True)
class Decision:
    """`may` is None when it can't be told; `because` names what decides."""

    may: Truth
    because: str


@dataclass(slots=True)
class Question:
    """May this caller do any of the universe's actions to this resource? What is known of every request is in `known`
    (lower-case keys), what is known to be absent in `closed`.

    Without an encryption context the caller's choice of one is open.
    """

    caller: Caller
    resource: str
    universe: Universe
    known: tuple[Mapping[str, Values], ...] = ()
    closed: tuple[str, ...] = ()
    encryption_context: Mapping[str, str] | None = None
    is_path_known: bool = False
    _contexts: tuple[tuple[int, Context], ...] = ()

    @property
    def contexts(self) -> tuple[tuple[int, Context], ...]:
        """Sets of actions, and what is known of the requests for them; made when a condition first asks."""
        if not self._contexts:
            self._contexts = tuple(self._known_of(*each) for each in _classes(self.universe))
        return self._contexts

    def _known_of(self, mask: int, takes: bool, never: tuple[str, ...]) -> tuple[int, Context]:
        pairs = self.encryption_context if takes else {}
        shut = never if pairs is None else (*never, _ENCRYPTION)
        return mask, Context(_encryption(pairs), self.closed + shut, self.known, self.is_path_known)


@dataclass(frozen=True, slots=True)
class Ruled:
    """A policy whose statements are sorted by effect, each with the actions of one universe that it covers."""

    name: str
    allows: tuple[tuple[int, Statement], ...] = ()
    denies: tuple[tuple[int, Statement], ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What a resource's policy says: denied, given (directly; to the role at least; to the account at least)."""

    denied: Span
    direct: Span
    role: Span
    account: Span


def _encryption(pairs: Mapping[str, str] | None) -> dict[str, Values]:
    if pairs is None:
        return {}
    table = lowered({f"{_ENCRYPTION}{key}": value for key, value in pairs.items()}) if pairs else {}
    return table | {_ENCRYPTION_KEYS: tuple(pairs)}


@cache
def _classes(universe: Universe) -> tuple[tuple[int, bool, tuple[str, ...]], ...]:
    """Sets of actions whose requests have the same condition keys: whether a context, and which never."""
    found: dict[tuple[bool, tuple[str, ...]], int] = {}
    for action in universe.actions:
        alike = takes_encryption_context(action), keys_never_in(action)
        found[alike] = found.get(alike, 0) | universe.bit(action)
    return tuple((mask, *alike) for alike, mask in found.items())


def ruled(document: Document, universe: Universe) -> Ruled:
    """Sort a policy's statements once, so that a decision looks only at those that cover an action it asks about."""
    allows, denies = [], []
    for statement in document.statements:
        mask = universe.all
        if not statement.fault:
            mask = universe.covered(statement.actions, except_them=statement.except_actions)
        if mask and (statement.fault or statement.effect is Effect.ALLOW):
            allows.append((mask, statement))
        if mask and (statement.fault or statement.effect is Effect.DENY):
            denies.append((mask, statement))
    return Ruled(document.name, tuple(allows), tuple(denies))


def applies(mask: int, statement: Statement, asked: Question) -> Span:
    """For which of the actions in `mask` the statement's Resource and Condition fit, whoever it names."""
    if statement.fault:
        return Span(0, mask)
    anywhere = statement.resources == ("*",) and not statement.except_resources
    if anywhere and not statement.conditions:
        return Span(mask, mask)
    span = NOWHERE
    for group, context in asked.contexts:
        if group & mask:
            met: Truth = True if anywhere else statement.concerns(asked.resource, context)
            if met is not False and statement.conditions:
                held = statement.meets(context)
                met = held if met else (None if held is not False else False)
            span = span.either(where(met, group & mask))
    return span


def identity_says(policies: Iterable[Ruled], asked: Question) -> tuple[Span, Span]:
    """What policies that name no principal allow and deny."""
    allowed = denied = NOWHERE
    for policy in policies:
        for mask, statement in policy.allows:
            if mask & ~allowed.sure:
                allowed = allowed.either(applies(mask, statement, asked))
        for mask, statement in policy.denies:
            denied = denied.either(applies(mask, statement, asked))
    return allowed, denied


def resource_says(policy: Ruled, asked: Question) -> Said:
    """What the resource's own policy says about the caller."""
    denied = direct = role = account = NOWHERE
    for mask, statement in policy.denies:
        sure, maybe = addressed(statement, asked.caller)
        if maybe:
            span = applies(mask, statement, asked)
            denied = denied.either(span if sure else span.doubted())
    for mask, statement in policy.allows:
        sure, maybe = addressed(statement, asked.caller)
        if not maybe:
            continue
        span = applies(mask, statement, asked)
        direct = direct.either(_at(Named.DIRECT, sure, maybe, span))
        role = role.either(_at(Named.ROLE, sure, maybe, span))
        account = account.either(_at(Named.ACCOUNT, sure, maybe, span))
    return Said(denied, direct, role, account)


def addressed(statement: Statement, caller: Caller) -> tuple[Named, Named]:
    """How a statement names the caller, surely and at most; one that can't be read may name anybody."""
    return (Named.DIRECT, Named.DIRECT) if statement.fault else named(statement, caller)


def _at(level: Named, sure: Named, maybe: Named, span: Span) -> Span:
    return span if sure >= level else span.doubted() if maybe >= level else NOWHERE


def granted(grants: Iterable[Grant], asked: Question) -> Span:
    """What grants give the caller."""
    span = NOWHERE
    for grant in grants:
        span = span.either(grant.gives(asked.caller, asked.universe, asked.encryption_context))
    return span


def deciding(policies: Iterable[Ruled], effect: Effect, bit: int, asked: Question) -> str:
    """The name of the statement that says most about one action, or nothing."""
    best = ""
    for policy in policies:
        for mask, statement in policy.allows if effect is Effect.ALLOW else policy.denies:
            names = addressed(statement, asked.caller) if statement.principals else (Named.DIRECT, Named.DIRECT)
            truth = applies(mask & bit, statement, asked).truth(bit) if mask & bit and names[1] else False
            if truth and names[0]:
                return statement.name
            if truth is not False and not best:
                best = statement.name
    return best


def granting(grants: Iterable[Grant], bit: int, asked: Question) -> str:
    """The name of the grant that says most about one action, or nothing."""
    best = ""
    for grant in grants:
        truth = grant.gives(asked.caller, asked.universe, asked.encryption_context).truth(bit)
        if truth:
            return f"grant {grant.id}"
        if truth is None and not best:
            best = f"grant {grant.id}"
    return best


def decide(
    action: str,
    resource: str,
    caller: Caller,
    policy: Document,
    grants: Sequence[Grant] = (),
    encryption_context: Mapping[str, str] | None = None,
) -> Decision:
    """Whether the key's side gives the caller `action` ("kms:Decrypt") on the key `resource` (its ARN).

    Without an encryption context the caller's choice of one is open, so a condition on it can't be told. An Allow for
    the caller's whole account hands the decision to that account's own policies, which are not known here: it may.
    """
    universe = kms_universe() if kms_universe().bit(action) else universe_of(action)
    asked = _key_question(resource, caller, universe, encryption_context)
    rules, bit = ruled(policy, universe), universe.bit(action)
    may = _key_side(rules, grants, asked).truth(bit)
    deny = deciding([rules], Effect.DENY, bit, asked)
    if may is False:
        said = resource_says(rules, asked)
        return Decision(False, f"denied by {deny}" if said.denied.truth(bit) else "nothing allows it")
    allow, grant = deciding([rules], Effect.ALLOW, bit, asked), granting(grants, bit, asked)
    if may:
        by_policy = resource_says(rules, asked).role.truth(bit)
        return Decision(True, f"allowed by {allow if by_policy else grant}")
    return Decision(None, f"can't be ruled out: {deny if deny and not allow else allow or grant}")


def possible_actions(resource: str, caller: Caller, policy: Document, grants: Sequence[Grant] = ()) -> dict[str, str]:
    """Every KMS action that can't be shown to be kept from the caller in any encryption context, and why not."""
    universe = kms_universe()
    asked = _key_question(resource, caller, universe, None)
    span = _key_side(ruled(policy, universe), grants, asked)
    return {action: decide(action, resource, caller, policy, grants).because for action in universe.named(span.maybe)}


def _key_side(policy: Ruled, grants: Sequence[Grant], asked: Question) -> Span:
    said = resource_says(policy, asked)
    given = said.role.either(said.account.doubted()).either(granted(grants, asked))
    return given.without(said.denied)


def _key_question(
    resource: str, caller: Caller, universe: Universe, encryption_context: Mapping[str, str] | None
) -> Question:
    known: dict[str, Values] = {
        "aws:principalaccount": (caller.account,),
        "kms:calleraccount": (caller.account,),
        "aws:principalarn": (caller.principal,),
    }
    return Question(caller, resource, universe, (known,), encryption_context=encryption_context)
