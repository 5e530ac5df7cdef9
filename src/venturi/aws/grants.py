"""KMS grants: what a grant adds for its grantee, and under which encryption context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from venturi.aws.caller import Caller

OPERATIONS = frozenset(
    {
        "CreateGrant",
        "Decrypt",
        "DeriveSharedSecret",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetPublicKey",
        "ReEncryptFrom",
        "ReEncryptTo",
        "RetireGrant",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)
"""What a grant can allow (KMS API Reference, CreateGrant)."""
_UNBOUND = frozenset({"DescribeKey", "RetireGrant"})
# These carry no encryption context, so a constraint on it can't apply to them.


@dataclass(frozen=True)
class Grant:
    """A grant on one key."""

    id: str
    token: str
    grantee: str
    operations: frozenset[str]
    constraints: Mapping[str, Any] = field(default_factory=dict)
    retiring: str = ""
    name: str = ""
    created: float = 0.0
    """When it was made, in seconds since 1970."""
    issuer: str = ""
    """Account that made it."""


def covers(grant: Grant, caller: Caller, operation: str, context: Mapping[str, str]) -> bool:
    """Whether `grant` lets `caller` do `operation` under this encryption context."""
    if operation not in grant.operations or grant.grantee not in caller.names:
        return False
    return operation in _UNBOUND or constraints_hold(grant.constraints, context)


def constraints_hold(constraints: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """EncryptionContextEquals and EncryptionContextSubset, exact and case-sensitive; any other constraint fails."""
    for name, wanted in constraints.items():
        if name == "EncryptionContextEquals":
            met = dict(context) == dict(wanted)
        elif name == "EncryptionContextSubset":
            met = wanted.items() <= context.items()
        else:
            met = False
        if not met:
            return False
    return True


def may_retire(grant: Grant, caller: Caller) -> bool:
    """The retiring principal may, and so may a grantee whose grant lists RetireGrant."""
    return grant.retiring in caller.names or ("RetireGrant" in grant.operations and grant.grantee in caller.names)
