"""Facts made ready for deciding: policies read once (identical ones shared), principals and resources by their ARN."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tenantproof.probes.permissions.actions import Universe
from tenantproof.probes.permissions.context import Values, lowered
from tenantproof.probes.permissions.documents import Document, read_document, unreadable
from tenantproof.probes.permissions.evaluate import Ruled, ruled
from tenantproof.probes.permissions.facts import AccountFacts, Facts, Json, KeyFacts, Policy, PrincipalFacts
from tenantproof.probes.permissions.grants import Grant, read_grants
from tenantproof.probes.permissions.principals import Caller, Kind
from tenantproof.probes.permissions.roles import pathless

_UNKNOWN_GRANT = Grant(id="that nobody could read", grantee="", fault="not read")
_UNDER_RCP = frozenset({"kms", "s3", "secretsmanager", "sqs", "sts"})
"""Services whose resources an RCP reaches, of those that facts are about (Organizations User Guide, RCPs)."""
_SERVICE_LINKED = ":role/aws-service-role/"


@dataclass(frozen=True, slots=True)
class Holder:
    """A principal and what is attached to it. `is_unlimited`: its policies may be rewritten, so they give anything."""

    caller: Caller
    policies: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: tuple[Document, ...] = ()
    scps: tuple[tuple[Document, ...], ...] = ()
    context: dict[str, Values] | None = None
    closed: tuple[str, ...] = ()
    is_unlimited: bool = False
    is_path_known: bool = False

    @property
    def is_service_linked(self) -> bool:
        """Whether it is a service-linked role, which no SCP and no RCP restricts."""
        return _SERVICE_LINKED in self.caller.arn


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with its own policy. `is_decisive`: without its policy's leave not even its own account may."""

    arn: str
    account: str
    policy: Document
    policy_kind: str = "resource policy"
    grants: tuple[Grant, ...] = ()
    rcps: tuple[tuple[Document, ...], ...] = ()
    context: dict[str, Values] | None = None
    closed: tuple[str, ...] = ()
    is_decisive: bool = False
    is_key: bool = False
    key: KeyFacts | None = None


class Ground:
    """Looks principals and resources up; what the facts don't list is a principal or resource nobody could read."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._documents: dict[tuple[str, str, bool], Document] = {}
        self._rules: dict[tuple[Document, ...], dict[Universe, tuple[Ruled, ...]]] = {}
        self._principals = {pathless(each.arn): each for each in facts.principals}
        self._keys = {each.arn: each for each in facts.keys}
        self._others = {each.arn: each for each in facts.resources}
        self._holders: dict[str, Holder] = {}
        self._resources: dict[tuple[str, str], Resource] = {}
        self.context = lowered(facts.context)
        self.endpoint = ((self._document("VPC endpoint", facts.endpoint, True),),) if facts.endpoint else ()

    def rules(self, documents: tuple[Document, ...], universe: Universe) -> tuple[Ruled, ...]:
        """The documents' statements, sorted once for each universe."""
        known = self._rules.setdefault(documents, {})
        if universe not in known:
            known[universe] = tuple(ruled(document, universe) for document in documents)
        return known[universe]

    def holder(self, arn: str) -> Holder:
        """The principal of that ARN: a user, a role, a session of a role, a root, a service."""
        if arn not in self._holders:
            self._holders[arn] = self._hold(Caller.of(arn))
        return self._holders[arn]

    def resource(self, arn: str, action: str) -> Resource:
        """The resource of that ARN, as a request for the action sees it."""
        service = action.partition(":")[0].lower()
        if (arn, service) not in self._resources:
            self._resources[arn, service] = self._find(arn, service)
        return self._resources[arn, service]

    def account(self, account: str) -> AccountFacts | None:
        """What is known of an account."""
        return self.facts.accounts.get(account)

    def _hold(self, caller: Caller) -> Holder:
        if caller.kind in (Kind.SERVICE, Kind.OTHER):
            values = {"aws:principalisawsservice": ("true",), "aws:principalservicename": (caller.arn,)}
            return Holder(caller, context=dict(values) if caller.kind is Kind.SERVICE else {})
        own = self._principals.get(caller.arn)
        entry = self._principals.get(caller.principal)
        session = own if own is not entry or caller.kind is Kind.FEDERATED else None
        account = self.account(caller.account)
        context, closed = _of_caller(caller, entry, account)
        return Holder(
            caller=caller,
            policies=self._policies(caller, entry),
            boundary=self._boundary(caller, entry),
            session=self._sessions(caller, session, entry),
            scps=() if _SERVICE_LINKED in caller.arn else self._levels("SCPs", account, is_scp=True),
            context=context,
            closed=closed,
            is_path_known=entry is not None,
        )

    def _policies(self, caller: Caller, entry: PrincipalFacts | None) -> tuple[Document, ...]:
        if caller.kind is Kind.ROOT:
            return ()
        if entry is None or "policies" in entry.unread:
            return (unreadable(f"identity policies of {caller.principal}", "not read"),)
        return tuple(self._document(each.name or f"policy {at}", each, False) for at, each in enumerate(entry.policies))

    def _boundary(self, caller: Caller, entry: PrincipalFacts | None) -> Document | None:
        if caller.kind is Kind.ROOT:
            return None
        if entry is None or "boundary" in entry.unread:
            return unreadable(f"permissions boundary of {caller.principal}", "not read")
        return self._document("permissions boundary", entry.boundary, False) if entry.boundary else None

    def _sessions(
        self, caller: Caller, own: PrincipalFacts | None, entry: PrincipalFacts | None
    ) -> tuple[Document, ...]:
        named = own or entry
        if named is not None and "session_policies" in named.unread:
            return (unreadable(f"session policies of {caller.arn}", "not read"),)
        listed = named.session_policies if named else ()
        return tuple(self._document(each.name or f"session policy {at}", each, False) for at, each in enumerate(listed))

    def _levels(self, kind: str, account: AccountFacts | None, *, is_scp: bool) -> tuple[tuple[Document, ...], ...]:
        if account is None or account.management:
            return ()
        if ("scps" if is_scp else "rcps") in account.unread:
            return ((unreadable(kind, "not read"),),)
        levels = account.scps if is_scp else account.rcps
        return tuple(
            tuple(self._document(each.name or f"{kind} {at}", each, not is_scp) for at, each in enumerate(level))
            for level in levels
        )

    def _find(self, arn: str, service: str) -> Resource:
        parts = arn.split(":")
        account = parts[4] if len(parts) > 4 else ""
        if service == "kms" and arn != "*" and not parts[-1].startswith("alias/"):
            return self._key(arn, account)
        if service == "sts" and ":role/" in arn:
            role = self._principals.get(pathless(arn))
            trust = self._trust(arn, role)
            rcps = self._levels("RCPs", self.account(account), is_scp=False)
            return Resource(arn, account, trust, "trust policy", rcps=rcps, is_decisive=True, context=_at(parts))
        other = self._others.get(arn) or self._others.get(arn.partition("/")[0])
        rcps = (
            self._levels("RCPs", self.account(other.account), is_scp=False) if other and service in _UNDER_RCP else ()
        )
        account = other.account if other else account
        if other is None or other.policy is None:
            is_unread = bool(other and "policy" in other.unread) or (other is None and service in ("s3", "sns", "sqs"))
            policy = unreadable(f"policy of {arn}", "not read") if is_unread else Document("no resource policy")
            return Resource(arn, account, policy, rcps=rcps, context=_at(parts))
        return Resource(arn, account, self._text("resource policy", other.policy, True), rcps=rcps, context=_at(parts))

    def _trust(self, arn: str, role: PrincipalFacts | None) -> Document:
        if role is None or "trust" in role.unread:
            return unreadable(f"trust policy of {arn}", "not read")
        return self._text("trust policy", role.trust, True) if role.trust is not None else Document("no trust policy")

    def _key(self, arn: str, account: str) -> Resource:
        key = self._keys.get(arn)
        rcps = self._levels("RCPs", self.account(account), is_scp=False)
        policy = unreadable(f"key policy of {arn}", "not read")
        grants: tuple[Grant, ...] = (_UNKNOWN_GRANT,)
        context, closed = _at(arn.split(":")), tuple[str, ...]()
        if key is not None:
            if key.policy is not None and "policy" not in key.unread:
                policy = self._text("key policy", key.policy, True)
            if "grants" not in key.unread:
                grants = read_grants(key.grants)
            context, closed = context | _of_key(key), _closed(key)
        return Resource(
            arn, account, policy, "key policy", grants, rcps, context, closed, is_decisive=True, is_key=True, key=key
        )

    def _document(self, name: str, policy: Policy, resource_based: bool) -> Document:
        return self._text(name, policy.document, resource_based)

    def _text(self, name: str, source: Json | str, resource_based: bool) -> Document:
        text = source if isinstance(source, str) else json.dumps(source)
        known = (name, text, resource_based)
        if known not in self._documents:
            self._documents[known] = read_document(name, text, resource_based=resource_based)
        return self._documents[known]


def _of_caller(
    caller: Caller, entry: PrincipalFacts | None, account: AccountFacts | None
) -> tuple[dict[str, Values], tuple[str, ...]]:
    """Condition keys that follow from who calls, and prefixes of those that are known to be absent."""
    kind = {Kind.USER: "User", Kind.ROOT: "Account", Kind.FEDERATED: "FederatedUser"}.get(caller.kind, "AssumedRole")
    values: dict[str, Values] = {
        "aws:principalaccount": (caller.account,),
        "kms:calleraccount": (caller.account,),
        "aws:principalarn": (entry.arn if entry and ":role/" in entry.arn else caller.principal,),
        "aws:principaltype": (kind,),
        "aws:principalisawsservice": ("false",),
    }
    closed: tuple[str, ...] = ("aws:principalservicename",)
    if caller.kind is Kind.USER:
        values["aws:username"] = (caller.arn.rpartition("/")[2],)
    else:
        closed += ("aws:username",)
    if entry is not None and "tags" not in entry.unread:
        values |= lowered({f"aws:PrincipalTag/{name}": value for name, value in entry.tags.items()})
        closed += ("aws:principaltag/",)
    if account is not None and "organization" not in account.unread:
        values["aws:principalorgid"] = (account.organization,) if account.organization else ()
    return values, closed


def _at(parts: list[str]) -> dict[str, Values]:
    values: dict[str, Values] = {}
    if len(parts) > 4:
        values |= {"aws:resourceaccount": (parts[4],)} if parts[4] else {}
        values |= {"aws:requestedregion": (parts[3],)} if parts[3] else {}
    return values


def _of_key(key: KeyFacts) -> dict[str, Values]:
    values: dict[str, Values] = {}
    if key.spec:
        values["kms:keyspec"] = (key.spec,)
    if key.usage:
        values["kms:keyusage"] = (key.usage,)
    if key.origin:
        values["kms:keyorigin"] = (key.origin,)
    if "metadata" not in key.unread:
        values["kms:multiregion"] = (str(key.multi_region).lower(),)
    if "aliases" not in key.unread:
        values["kms:resourcealiases"] = key.aliases
    if "tags" not in key.unread:
        values |= lowered({f"aws:ResourceTag/{name}": value for name, value in key.tags.items()})
    return values


def _closed(key: KeyFacts) -> tuple[str, ...]:
    return ("aws:resourcetag/",) if "tags" not in key.unread else ()
