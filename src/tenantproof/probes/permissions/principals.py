"""Who a statement speaks of: a role, a session of it, a user, a whole account, a service, or everybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache

from tenantproof.probes.permissions.documents import Statement
from tenantproof.probes.permissions.roles import pathless

_SESSION = re.compile(r"arn:(aws[\w-]*):sts::(\d{12}):assumed-role/([^/]+)/(.+)")
_ROLE = re.compile(r"arn:(aws[\w-]*):iam::(\d{12}):role/(?:.*/)?([^/]+)")
_ACCOUNT = re.compile(r"(?:arn:(aws[\w-]*):iam::)?(\d{12})(?::root)?")
_KINDS = (
    (re.compile(r"arn:aws[\w-]*:iam::\d{12}:user/.+"), "user"),
    (re.compile(r"arn:aws[\w-]*:iam::\d{12}:root"), "root"),
    (re.compile(r"arn:aws[\w-]*:sts::\d{12}:federated-user/.+"), "federated"),
    (re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?"), "service"),
)
_OTHERS = frozenset({"Federated", "CanonicalUser"})
"""Kinds of principal that a session of a role, a user or an account is none of."""


class Kind(StrEnum):
    """What a caller is. A ROLE is any session of it, whose name is not known."""

    SESSION = "session"
    ROLE = "role"
    USER = "user"
    ROOT = "root"
    FEDERATED = "federated"
    SERVICE = "service"
    OTHER = "other"


class Named(IntEnum):
    """How a policy of a resource names a caller; the higher, the less can cut what it is given.

    An account's name hands the decision to the account's own policies. What a role is given, a permissions boundary
    and a session policy can still cut; what a user, a session or everybody is given, they can't (IAM user guide,
    "Policy evaluation for requests within a single account").
    """

    NO = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True)
class Caller:
    """A principal as policies name it. `names` holds its ARN and, for a session, that of its role without a path."""

    account: str
    names: frozenset[str]
    arn: str = ""
    kind: Kind = Kind.OTHER
    partition: str = "aws"

    @classmethod
    def of(cls, arn: str) -> Caller:
        """The caller of an ARN as sts:GetCallerIdentity gives it, of a role's or a user's ARN, or a service's name."""
        parts = arn.split(":")
        account = parts[4] if len(parts) > 4 else ""
        partition = parts[1] if len(parts) > 4 else ""
        if session := _SESSION.fullmatch(arn):
            role = f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"
            return cls(account, frozenset({arn, role}), arn, Kind.SESSION, partition)
        if _ROLE.fullmatch(arn):
            return cls(account, frozenset({pathless(arn)}), arn, Kind.ROLE, partition)
        kind = next((Kind(name) for pattern, name in _KINDS if pattern.fullmatch(arn)), Kind.OTHER)
        return cls(account, frozenset({arn}), arn, kind, partition)

    @property
    def principal(self) -> str:
        """The ARN that aws:PrincipalArn has: for a session, its role's."""
        return min(self.names, key=lambda name: ":sts:" in name)

    def is_named(self, arn: str) -> bool:
        """Whether a policy or grant that names `arn` names the caller."""
        return pathless(arn) in self.names

    def __hash__(self) -> int:
        return hash(self.arn)


@lru_cache(maxsize=65536)
def _named(principals: tuple[tuple[str, str], ...], caller: Caller) -> tuple[Named, Named]:
    sure = maybe = Named.NO
    for kind, value in principals:
        least, most = _one(kind, value, caller)
        sure, maybe = max(sure, least), max(maybe, most)
    return sure, maybe


def named(statement: Statement, caller: Caller) -> tuple[Named, Named]:
    """How the statement's Principal or NotPrincipal names the caller: surely, and at most."""
    sure, maybe = _named(statement.principals, caller)
    if not statement.except_principals:
        return sure, maybe
    # Whoever is not listed is meant, as everybody is.
    return (Named.NO if maybe else Named.ROLE), (Named.NO if sure else Named.DIRECT)


def _one(kind: str, value: str, caller: Caller) -> tuple[Named, Named]:
    if kind == "Service":
        hit = Named.DIRECT if caller.kind is Kind.SERVICE and value == caller.arn else Named.NO
        return hit, hit
    if kind in _OTHERS:
        return Named.NO, Named.NO
    if kind != "AWS" or caller.kind is Kind.OTHER:
        return Named.NO, Named.DIRECT
    if caller.kind is Kind.SERVICE:
        return Named.NO, Named.DIRECT if value == "*" else Named.NO
    return _arn(value, caller)


def _arn(value: str, caller: Caller) -> tuple[Named, Named]:
    if value == "*":
        return Named.DIRECT, Named.DIRECT
    whole = _ACCOUNT.fullmatch(value)
    if whole:
        hit = Named.ACCOUNT if whole[2] == caller.account and whole[1] in (None, caller.partition) else Named.NO
        return hit, hit
    if caller.is_named(value):
        hit = Named.ROLE if ":role/" in value else Named.DIRECT
        return hit, hit
    session = _SESSION.fullmatch(value) if caller.kind is Kind.ROLE else None
    if session and f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" in caller.names:
        return Named.NO, Named.DIRECT
    return Named.NO, Named.NO
