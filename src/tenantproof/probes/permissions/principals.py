"""Who a statement speaks of: a role, a session of it, its whole account, or everybody."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tenantproof.probes.permissions.documents import Effect, Statement
from tenantproof.probes.permissions.roles import pathless
from tenantproof.probes.permissions.truth import Truth, negate, some

_SESSION = re.compile(r"arn:(aws[\w-]*):sts::(\d{12}):assumed-role/([^/]+)/(.+)")
_ACCOUNT = re.compile(r"(?:arn:aws[\w-]*:iam::)?(\d{12})(?::root)?")

_OTHERS = frozenset({"Service", "Federated", "CanonicalUser"})
"""Kinds of principal that a session of a role, a user or an account is none of."""


@dataclass(frozen=True)
class Caller:
    """A principal as policies name it. `names` holds its ARN and, for a session, that of its role without a path."""

    account: str
    names: frozenset[str]

    @classmethod
    def of(cls, arn: str) -> Caller:
        """The caller of an ARN as sts:GetCallerIdentity gives it."""
        parts = arn.split(":")
        account = parts[4] if len(parts) > 4 else ""
        session = _SESSION.fullmatch(arn)
        role = {f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"} if session else set()
        return cls(account, frozenset({pathless(arn), *role}))

    @property
    def principal(self) -> str:
        """The ARN that aws:PrincipalArn has: for a session, its role's."""
        return min(self.names, key=lambda name: ":sts:" in name)

    def is_named(self, arn: str) -> bool:
        """Whether a policy or grant that names `arn` names the caller."""
        return pathless(arn) in self.names


def speaks_of(statement: Statement, caller: Caller) -> Truth:
    """Whether the statement's Principal or NotPrincipal takes the caller in.

    An Allow for the caller's whole account hands the decision to that account's own policies, which are not known
    here: it may. A Deny for it is a Deny.
    """
    hit = some(_is(kind, value, caller, statement.effect) for kind, value in statement.principals)
    return negate(hit) if statement.except_principals else hit


def _is(kind: str, value: str, caller: Caller, effect: Effect) -> Truth:
    if kind in _OTHERS:
        return False
    if kind != "AWS":
        return None
    if value == "*" or caller.is_named(value):
        return True
    whole = _ACCOUNT.fullmatch(value)
    if whole and whole[1] == caller.account:
        return None if effect is Effect.ALLOW else True
    return False
