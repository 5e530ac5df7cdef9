"""May this principal do this to this key? Three-valued, with the statement or grant that decides.

The question is asked of the key's side alone (its policy and its grants): across accounts AWS wants both sides, so what
the key's side does not give, nobody has. Rules: AWS KMS developer guide, "Key policies" and "Grants in AWS KMS".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tenantproof.probes.permissions.actions import kms_actions, takes_encryption_context
from tenantproof.probes.permissions.context import Context, lowered
from tenantproof.probes.permissions.documents import Document, Effect, Statement
from tenantproof.probes.permissions.principals import Caller, speaks_of
from tenantproof.probes.permissions.truth import Truth, every, some

_UNBOUND = frozenset({"kms:describekey", "kms:retiregrant"})
"""Operations that a grant's encryption-context constraint does not bind."""


@dataclass(frozen=True)
class Grant:
    """One grant. `constrained`: it carries an encryption-context constraint."""

    id: str
    grantee: str
    retiring: str = ""
    operations: tuple[str, ...] = ()
    equals: tuple[tuple[str, str], ...] = ()
    subset: tuple[tuple[str, str], ...] = ()

    @property
    def constrained(self) -> bool:
        """Whether an encryption context has to fit."""
        return bool(self.equals or self.subset)


@dataclass(frozen=True)
class Decision:
    """`may` is None when it can't be told; `because` names what decides."""

    may: Truth
    because: str


def decide(
    action: str,
    resource: str,
    caller: Caller,
    policy: Document,
    grants: Sequence[Grant] = (),
    encryption_context: Mapping[str, str] | None = None,
) -> Decision:
    """Whether the caller may do `action` ("kms:Decrypt") to the key `resource` (its ARN).

    Without an encryption context the caller's choice of one is open, so a condition on it can't be told.
    """
    context = _context(action, caller, encryption_context)
    denied, deny_name = _applies(Effect.DENY, action, resource, caller, policy, context)
    if denied:
        return Decision(False, f"denied by {deny_name}")
    allowed, allow_name = _applies(Effect.ALLOW, action, resource, caller, policy, context)
    granted, grant_name = _granted(action, caller, grants, encryption_context)
    given = some((allowed, granted))
    name = allow_name if allowed else grant_name if granted else allow_name or grant_name
    if given is False:
        return Decision(False, "nothing allows it")
    if given is True and denied is False:
        return Decision(True, f"allowed by {name}")
    unsure = deny_name if denied is None and given is True else name
    return Decision(None, f"can't be ruled out: {unsure}")


def possible_actions(resource: str, caller: Caller, policy: Document, grants: Sequence[Grant] = ()) -> dict[str, str]:
    """Every KMS action that can't be shown to be kept from the caller in any encryption context, and why not."""
    decisions = {action: decide(action, resource, caller, policy, grants) for action in kms_actions()}
    return {action: decision.because for action, decision in decisions.items() if decision.may is not False}


def read_grants(listed: Iterable[Mapping[str, object]]) -> tuple[Grant, ...]:
    """Grants as kms:ListGrants returns them; members that are missing count as empty."""
    return tuple(_grant(entry) for entry in listed)


def _context(action: str, caller: Caller, encryption_context: Mapping[str, str] | None) -> Context:
    values: dict[str, tuple[str, ...] | str] = {
        "aws:PrincipalAccount": caller.account,
        "kms:CallerAccount": caller.account,
        "aws:PrincipalArn": caller.principal,
    }
    takes = takes_encryption_context(action)
    if encryption_context is None and takes:
        return Context(lowered(values))
    pairs = (encryption_context or {}) if takes else {}
    values |= {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
    values["kms:EncryptionContextKeys"] = tuple(pairs)
    return Context(lowered(values), closed=("kms:encryptioncontext:",))


def _applies(
    effect: Effect, action: str, resource: str, caller: Caller, policy: Document, context: Context
) -> tuple[Truth, str]:
    """Whether some statement of that effect applies, and the one that says most."""
    best: Truth = False
    name = ""
    for statement in policy.statements:
        truth = _statement(statement, effect, action, resource, caller, context)
        if truth:
            return True, statement.name
        if truth is None and best is False:
            best, name = None, statement.name
    return best, name


def _statement(
    statement: Statement, effect: Effect, action: str, resource: str, caller: Caller, context: Context
) -> Truth:
    if statement.fault:
        return None
    if statement.effect is not effect or not statement.covers(action):
        return False
    return every((speaks_of(statement, caller), statement.concerns(resource, context), statement.meets(context)))


def _granted(
    action: str, caller: Caller, grants: Sequence[Grant], encryption_context: Mapping[str, str] | None
) -> tuple[Truth, str]:
    best: Truth = False
    name = ""
    for grant in grants:
        truth = _gives(grant, action, caller, encryption_context)
        if truth:
            return True, f"grant {grant.id}"
        if truth is None and best is False:
            best, name = None, f"grant {grant.id}"
    return best, name


def _gives(grant: Grant, action: str, caller: Caller, encryption_context: Mapping[str, str] | None) -> Truth:
    wanted = action.lower()
    if wanted == "kms:retiregrant" and caller.is_named(grant.retiring):
        return True
    if not caller.is_named(grant.grantee) or wanted not in {f"kms:{name}".lower() for name in grant.operations}:
        return False
    if not grant.constrained or wanted in _UNBOUND:
        return True
    if encryption_context is None:
        return None
    exact = not grant.equals or dict(grant.equals) == dict(encryption_context)
    return exact and set(grant.subset) <= set(encryption_context.items())


def _grant(entry: Mapping[str, object]) -> Grant:
    operations, constraints = entry.get("Operations"), entry.get("Constraints")
    bounds = constraints if isinstance(constraints, Mapping) else {}
    return Grant(
        id=str(entry.get("GrantId", "")),
        grantee=str(entry.get("GranteePrincipal", "")),
        retiring=str(entry.get("RetiringPrincipal", "")),
        operations=tuple(str(name) for name in operations) if isinstance(operations, list) else (),
        equals=_pairs(bounds.get("EncryptionContextEquals")),
        subset=_pairs(bounds.get("EncryptionContextSubset")),
    )


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((str(k), str(v)) for k, v in value.items()) if isinstance(value, Mapping) else ()
