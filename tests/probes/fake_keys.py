"""A small key service, asked as the harness asks AWS: three tenants' keys, the vendor's workload, tenants' auditors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from tenantproof.clients.aws import AwsAnswer
from tenantproof.clients.target import Target
from tenantproof.model.profile import AwsPrincipal, Profile
from tests.clients.profiles import CANARIES, profile_of

VENDOR = "700000000001"
ROLE = f"arn:aws:iam::{VENDOR}:role/venturi-workload"
WORKLOAD = f"arn:aws:sts::{VENDOR}:assumed-role/venturi-workload/api"
ACCOUNTS = {tenant: f"10000000000{number}" for number, tenant in enumerate(CANARIES, start=1)}
KEYS = {
    tenant: f"arn:aws:kms:us-east-1:{account}:key/{account[-1] * 8}-1111-4111-8111-111111111111"
    for tenant, account in ACCOUNTS.items()
}
Said = dict[str, Any]
"""Members of an answer, as boto3 gives them."""


class FakeKeys:
    """Gives the workload two actions in the tenant's own context. Every decision is a method, for a test to override.

    `called` holds (ARN of the caller, operation, arguments) of every call so far.
    """

    def __init__(self) -> None:
        self.called: list[tuple[str, str, Mapping[str, Any]]] = []

    # What a key is

    def policy(self, tenant: str) -> str:
        """The text of the key's policy."""
        return json.dumps({"Version": "2012-10-17", "Statement": self.statements(tenant)})

    def statements(self, tenant: str) -> list[Said]:
        bound = {"StringEquals": {"kms:EncryptionContext:tenant": tenant}}
        root = {"AWS": f"arn:aws:iam::{ACCOUNTS[tenant]}:root"}
        return [
            {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
            {
                "Effect": "Allow",
                "Principal": {"AWS": ROLE},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": bound,
            },
        ]

    def grants(self, tenant: str, marker: str) -> Said:
        """One page of grants."""
        return {"Grants": [], "Truncated": False}

    def metadata(self, tenant: str) -> Said:
        made = datetime.now(UTC)
        return {"Arn": KEYS[tenant], "KeyManager": "CUSTOMER", "KeyState": "Enabled", "CreationDate": made}

    def rotation(self, tenant: str) -> Said:
        return {"KeyRotationEnabled": True, "RotationPeriodInDays": 365}

    def rotations(self, tenant: str) -> Said:
        return {"Rotations": []}

    # Who may do what

    def workload(self, tenant: str, operation: str, arguments: Mapping[str, Any]) -> AwsAnswer:
        context = arguments.get("EncryptionContext")
        if operation == "generate_data_key" and context and context["tenant"] == tenant:
            return AwsAnswer(data={"Plaintext": b"secret", "CiphertextBlob": json.dumps(context).encode()})
        if operation == "decrypt" and arguments["CiphertextBlob"] == json.dumps(context).encode():
            return AwsAnswer(data={"Plaintext": b"secret"})
        return AwsAnswer(code="AccessDeniedException")

    def auditor(self, tenant: str, operation: str, arguments: Mapping[str, Any]) -> AwsAnswer:
        match operation:
            case "get_key_policy":
                return AwsAnswer(data={"Policy": self.policy(tenant)})
            case "list_grants":
                return AwsAnswer(data=self.grants(tenant, arguments.get("Marker", "")))
            case "describe_key":
                return AwsAnswer(data={"KeyMetadata": self.metadata(tenant)})
            case "get_key_rotation_status":
                return AwsAnswer(data=self.rotation(tenant))
            case "list_key_rotations":
                return AwsAnswer(data=self.rotations(tenant))
        return AwsAnswer(code="AccessDeniedException")

    # What clients.aws has

    def client(self, service: str, principal: AwsPrincipal, *, region: str = "", key: str = "") -> str:
        assert (service, region) == ("kms", "us-east-1")
        return principal.arn

    def identify(self, principal: AwsPrincipal, *, key: str = "") -> str:
        self.called.append((principal.arn, "get_caller_identity", {}))
        return principal.arn

    def call(self, client: str, operation: str, **arguments: Any) -> AwsAnswer:
        self.called.append((client, operation, arguments))
        named = arguments.get("KeyId") or arguments["DestinationKeyId"]
        tenant = next(tenant for tenant, key in self.keys().items() if key == named)
        return (self.workload if client == WORKLOAD else self.auditor)(tenant, operation, arguments)

    # What the profile says

    def keys(self) -> dict[str, str]:
        return KEYS

    def accounts(self) -> dict[str, str]:
        return ACCOUNTS

    def by_workload(self) -> list[str]:
        """The operations that the workload called, in order."""
        return [operation for who, operation, _ in self.called if who == WORKLOAD]


@dataclass(frozen=True)
class Lent:
    """What the profile lends and says; by default everything."""

    disposable: bool = True
    disposable_keys: bool = True
    allow_destructive: bool = True
    allowed: tuple[str, ...] = ()


def target_of(keys: FakeKeys, lent: Lent = Lent()) -> Target:  # it is frozen
    """A target that consists of these keys alone."""
    profile = _profile(keys, lent)
    return cast("Target", SimpleNamespace(profile=profile, aws=keys))


def _profile(keys: FakeKeys, lent: Lent) -> Profile:
    tenants = [
        {
            "id": tenant,
            "account": keys.accounts()[tenant],
            "key_arn": keys.keys()[tenant],
            "disposable": lent.disposable,
            "principals": {},
            "aws": {"auditor": _principal(f"arn:aws:iam::{ACCOUNTS[tenant]}:user/auditor")},
        }
        for tenant in CANARIES
    ]
    aws = {"region": "us-east-1", "workload": _principal(WORKLOAD), "disposable_keys": lent.disposable_keys}
    more = {
        "tenants": tenants,
        "aws": aws | {"allowed_actions": ["kms:Decrypt", "kms:GenerateDataKey", *lent.allowed]},
        "safety": {"hosts": ["127.0.0.1:1"], "allow_destructive": lent.allow_destructive},
    }
    return profile_of("127.0.0.1:1", {tenant: {} for tenant in CANARIES}, more=more)


def _principal(arn: str) -> Said:
    return {"arn": arn, "access_key_id": "AKIA0", "secret_access_key": {"env": "NOWHERE"}}
