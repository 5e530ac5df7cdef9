"""What a tenant's key policy and grants let the vendor do: two operations, under the tenant's own context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

PolicyDocument: TypeAlias = dict[str, Any]
"""An IAM policy document; JSON of AWS's shape, not ours."""
Client: TypeAlias = Any
"""A client of boto3, which is generated at run time and has no static type."""
WORKLOAD_ROLE = "venturi-workload"
SUPPORT_ROLE = "venturi-support"
WORKLOAD_OPERATIONS = ("kms:Decrypt", "kms:GenerateDataKey")


class KeyPolicy(Protocol):
    """Writes the policy of one tenant's key."""

    def __call__(self, *, tenant: str, account: str, vendor_account: str) -> PolicyDocument:
        """The document for `tenant`, whose key is in AWS account `account`."""
        ...


@dataclass(frozen=True)
class GrantRequest:
    """One KMS grant to make on a tenant's key. `constraints` is as CreateGrant takes them."""

    grantee: str
    operations: tuple[str, ...]
    constraints: dict[str, dict[str, str]] = field(default_factory=dict)
    retiring: str = ""

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of boto3's `create_grant`, apart from KeyId."""
        asked: dict[str, Any] = {"GranteePrincipal": self.grantee, "Operations": list(self.operations)}
        asked |= {"RetiringPrincipal": self.retiring} if self.retiring else {}
        return asked | ({"Constraints": self.constraints} if self.constraints else {})


def tenant_key_policy(*, tenant: str, account: str, vendor_account: str) -> PolicyDocument:
    """Let the tenant's own account administer its key, and the vendor's workload use it for this tenant's data."""
    return {
        "Version": "2012-10-17",
        "Id": "venturi-tenant-key",
        "Statement": [
            {
                "Sid": "TenantAccountAdministersItsKey",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "VendorWorkloadUsesIt",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{vendor_account}:role/{WORKLOAD_ROLE}"},
                "Action": list(WORKLOAD_OPERATIONS),
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:EncryptionContext:tenant": tenant}},
            },
        ],
    }


def tenant_grants(*, tenant: str, account: str, vendor_account: str) -> list[GrantRequest]:  # noqa: ARG001
    """No grants: what the vendor may do stands in the key policy alone, where an auditor looks first."""
    return []


class KeyPlan:
    """Which tenant uses which key, and how often a key is rotated."""

    def rotation_days(self) -> int:
        """The rotation period in days; 0: the key is not rotated."""
        return 365

    def aliased(self, made: str, another: Callable[[], str]) -> str:
        """The key that the alias is to name: the one that was made; `another` makes one more and returns its ARN."""
        del another
        return made

    def assign(self, made: dict[str, str]) -> dict[str, str]:
        """Tenant to the ARN of the key that its data is encrypted under, from the keys that were made, by tenant."""
        return made

    def hand_over(self, keys: Mapping[str, str], kms: Callable[[str], Client]) -> None:
        """What is done with the keys (tenant to ARN) before their tenants have them: nothing.

        `kms` gives a client, in the Region of a key, as the root of the account of that id.
        """
