"""What an organization puts above an account: service and resource control policies, level by level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

Level: TypeAlias = tuple[str, ...]
"""The documents attached to the root, to an organizational unit or to an account."""
Kind: TypeAlias = Literal["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
SCP: Kind = "SERVICE_CONTROL_POLICY"
RCP: Kind = "RESOURCE_CONTROL_POLICY"
UNDER_RCP = frozenset({"kms", "s3", "secretsmanager", "sqs", "sts"})
"""Services served here whose resources an RCP reaches (Organizations User Guide, Resource control policies)."""

_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


class Organizations:
    """Reads moto's organizations. An account is told by its twelve digits."""

    def __init__(self) -> None:
        from moto.iam.models import iam_backends
        from moto.organizations.models import organizations_backends

        self._iam: Any = iam_backends
        self._backends: Any = organizations_backends

    def levels(self, account: str, kind: Kind) -> tuple[Level, ...]:
        """The policies of a kind from the account up to the root; none where the kind is off or does not apply.

        Neither kind restricts the management account, or anybody while the root has not enabled it.
        """
        organization = self._of(account)
        if organization is None or organization.org.master_account_id == account:
            return ()
        above = list(_above(organization, account))
        if not above or all(each["Type"] != kind for each in above[-1].policy_types):
            return ()
        return tuple(
            tuple(str(policy.content) for policy in each.attached_policies if policy.type == kind) for each in above
        )

    def id_of(self, account: str) -> str:
        """The id of the account's organization; empty for one that stands alone."""
        organization = self._of(account)
        return "" if organization is None else str(organization.org.id)

    def begun(self, master: str) -> None:
        """Switch on what a new organization with all features has on from the start: service control policies."""
        organization = self._of(master)
        if organization.org.feature_set == "ALL":
            organization.ou[0].add_policy_type(SCP)

    def joined(self, account: str, role: str) -> None:
        """Make an administrator of the role by which the organization comes into an account that it has created."""
        self._iam[account]["aws"].put_role_policy(role, "AdministratorAccess", _EVERYTHING)

    def _of(self, account: str) -> Any:  # noqa: ANN401  # moto ships no types for its backends
        master, _ = self._backends.master_accounts.get(account, (account, ""))
        found = self._backends[master]["aws"] if master in self._backends else None
        return found if found is not None and found.org is not None else None


def _above(organization: Any, account: str) -> Iterator[Any]:  # noqa: ANN401  # as above
    """The account and everything above it; the root is the last."""
    found = next((each for each in organization.accounts if each.id == account), None)
    units = {each.id: each for each in organization.ou}
    while found is not None:
        yield found
        found = units.get(found.parent_id)
