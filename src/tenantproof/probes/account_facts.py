"""An account's principals with everything attached to them, and what its organization puts above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from tenantproof.clients.aws import AwsAnswer
from tenantproof.probes.permissions.facts import AccountFacts, Json, Policy, PrincipalFacts

_ALONE = "AWSOrganizationsNotInUseException"
_FILTER = ("User", "Role", "Group", "LocalManagedPolicy")
# Not AWSManagedPolicy: there are more than a thousand; those in use are read one by one.


class Reads(Protocol):
    """What is needed of a reader of an account."""

    trouble: list[str]

    def ask(self, service: str, operation: str, **arguments: Any) -> AwsAnswer:  # noqa: ANN401  # the operation's own
        """One call."""
        ...

    def read(self, service: str, operation: str, absent: tuple[str, ...] = (), **arguments: Any) -> Json | None:  # noqa: ANN401  # the operation's own
        """What a call gives; None where nobody can read it."""
        ...

    def pages(self, service: str, operation: str, member: str, **arguments: Any) -> list[Json] | None:  # noqa: ANN401  # the operation's own
        """All of a listing."""
        ...


@dataclass(frozen=True)
class Account:
    """One account as its auditor sees it."""

    id: str
    facts: AccountFacts
    principals: tuple[PrincipalFacts, ...] = ()
    trouble: list[str] = field(default_factory=list)


def account_facts(reader: Reads, account: str) -> Account:
    """Read an account's users, roles and organization."""
    details = _details(reader)
    unread = [] if details is not None else ["principals"]
    principals = tuple(_Principals(reader, details).all()) if details is not None else ()
    told = _organization(reader, account)
    facts = msgspec.convert(told | {"unread": told["unread"] + unread}, AccountFacts)
    return Account(account, facts, principals, reader.trouble)


def _details(reader: Reads) -> dict[str, list[Json]] | None:
    """GetAccountAuthorizationDetails, all pages of its four lists."""
    found: dict[str, list[Json]] = {}
    more: Json = {}
    for _ in range(1000):
        page = reader.read("iam", "get_account_authorization_details", Filter=list(_FILTER), **more)
        if page is None:
            return None
        for member in ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies"):
            found.setdefault(member, []).extend(page.get(member) or [])
        if not page.get("IsTruncated"):
            return found
        more = {"Marker": page.get("Marker", "")}
    return None


class _Principals:
    """Puts a principal's policies together: inline, attached, its groups', and its boundary."""

    def __init__(self, reader: Reads, details: dict[str, list[Json]]) -> None:
        self._reader, self._details = reader, details
        self._groups = {str(group.get("GroupName")): group for group in details["GroupDetailList"]}
        self._managed = {str(each.get("Arn")): _default_version(each) for each in details["Policies"]}

    def all(self) -> Iterator[PrincipalFacts]:
        """Every user and role."""
        for user in self._details["UserDetailList"]:
            yield self._one(user, "UserPolicyList", [str(name) for name in user.get("GroupList") or []])
        for role in self._details["RoleDetailList"]:
            yield self._one(role, "RolePolicyList", [])

    def _one(self, entry: Json, inline: str, groups: list[str]) -> PrincipalFacts:
        unread = []
        policies = list(self._policies(entry, inline, ""))
        for name in groups:
            policies += self._policies(self._groups.get(name, {}), "GroupPolicyList", f"group {name}: ")
        boundary = (entry.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        bound = self._policy(str(boundary), str(boundary)) if boundary else None
        if any(policy is None for policy in policies):
            unread.append("policies")
        if boundary and bound is None:
            unread.append("boundary")
        told = {
            "arn": entry.get("Arn", ""),
            "policies": [msgspec.to_builtins(policy) for policy in policies if policy],
            "boundary": msgspec.to_builtins(bound) if bound else None,
            "trust": entry.get("AssumeRolePolicyDocument"),
            "tags": {str(tag.get("Key")): str(tag.get("Value")) for tag in entry.get("Tags") or []},
            "unread": unread,
        }
        return msgspec.convert(told, PrincipalFacts)

    def _policies(self, entry: Json, inline: str, prefix: str) -> Iterator[Policy | None]:
        for policy in entry.get(inline) or []:
            yield Policy(name=prefix + str(policy.get("PolicyName")), document=policy.get("PolicyDocument") or "")
        for attached in entry.get("AttachedManagedPolicies") or []:
            yield self._policy(str(attached.get("PolicyArn")), prefix + str(attached.get("PolicyName")))

    def _policy(self, arn: str, name: str) -> Policy | None:
        if self._managed.get(arn) is None:
            self._managed[arn] = self._read(arn)
        document = self._managed[arn]
        return None if document is None else Policy(name=name, document=document, arn=arn)

    def _read(self, arn: str) -> Json | str | None:
        described = self._reader.read("iam", "get_policy", PolicyArn=arn) or {}
        version = (described.get("Policy") or {}).get("DefaultVersionId")
        if not version:
            return None
        found = self._reader.read("iam", "get_policy_version", PolicyArn=arn, VersionId=version) or {}
        document: Json | str | None = (found.get("PolicyVersion") or {}).get("Document")
        return document


def _default_version(policy: Json) -> Json | str | None:
    for version in policy.get("PolicyVersionList") or []:
        if version.get("IsDefaultVersion"):
            document: Json | str | None = version.get("Document")
            return document
    return None


def _organization(reader: Reads, account: str) -> Json:
    """The organization, and the SCPs and RCPs of every level from its root down to the account."""
    answer = reader.ask("organizations", "describe_organization")
    if answer.code == _ALONE:
        return {"organization": "", "unread": []}
    organization = answer.data.get("Organization") or {}
    if not answer.is_granted or not organization.get("Id"):
        reader.trouble.append(f"account {account}: organizations:DescribeOrganization: {answer.failure or answer.code}")
        return {"unread": ["organization", "scps", "rcps"]}
    told: Json = {
        "organization": organization["Id"],
        "management": organization.get("MasterAccountId") == account,
        "unread": [],
    }
    if told["management"]:
        return told
    levels = _levels(reader, account)
    for name, kind in (("scps", "SERVICE_CONTROL_POLICY"), ("rcps", "RESOURCE_CONTROL_POLICY")):
        policies = [_controls(reader, target, kind) for target in levels] if levels else [None]
        if any(level is None for level in policies):
            told["unread"].append(name)
        else:
            # A kind of policy that the root has not enabled is attached nowhere.
            told[name] = [level for level in policies if level]
    return told


def _levels(reader: Reads, account: str) -> list[str] | None:
    """The ids from the root down to the account."""
    found = [account]
    for _ in range(10):
        parents = reader.pages("organizations", "list_parents", "Parents", ChildId=found[0])
        if not parents:
            return None
        found.insert(0, str(parents[0].get("Id")))
        if parents[0].get("Type") == "ROOT":
            return found
    return None


def _controls(reader: Reads, target: str, kind: str) -> list[Json] | None:
    listed = reader.pages("organizations", "list_policies_for_target", "Policies", TargetId=target, Filter=kind)
    if listed is None:
        return None
    found = []
    for each in listed:
        policy = (reader.read("organizations", "describe_policy", PolicyId=each.get("Id")) or {}).get("Policy") or {}
        if "Content" not in policy:
            return None
        found.append(
            {"name": str(each.get("Name", "")), "document": policy["Content"], "arn": str(each.get("Arn", ""))}
        )
    return found
