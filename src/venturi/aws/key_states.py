"""Which KMS calls a key in which state takes (KMS Developer Guide, Key states of KMS keys)."""

from __future__ import annotations

from venturi.aws.cloud import Key
from venturi.aws.faults import AwsFault

CRYPTOGRAPHIC = frozenset(
    {
        "Decrypt",
        "DeriveSharedSecret",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetPublicKey",
        "ReEncrypt",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)
"""Calls that use key material."""
_NOT_WHEN_DISABLED = CRYPTOGRAPHIC | {
    "CreateGrant",
    "DisableKeyRotation",
    "EnableKeyRotation",
    "RotateKeyOnDemand",
}
_NOT_WHEN_PENDING = _NOT_WHEN_DISABLED | {
    "CreateAlias",
    "DisableKey",
    "EnableKey",
    "GetKeyRotationStatus",
    "ReplicateKey",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
}


def require_usable(key: Key, action: str) -> None:
    """Refuse what the key's state does not allow.

    Raises AwsFault: DisabledException, or KMSInvalidStateException for a key that awaits deletion (or does not).
    """
    if key.state == "PendingDeletion":
        if action in _NOT_WHEN_PENDING:
            raise _invalid(key, "is pending deletion")
    elif action == "CancelKeyDeletion":
        raise _invalid(key, "is not pending deletion")
    elif key.state == "Disabled" and action in _NOT_WHEN_DISABLED:
        raise AwsFault("DisabledException", f"{key.arn} is disabled.")
    elif key.state not in ("Enabled", "Disabled") and action in CRYPTOGRAPHIC:
        raise _invalid(key, f"is {key.state}")


def _invalid(key: Key, what: str) -> AwsFault:
    return AwsFault("KMSInvalidStateException", f"{key.arn} {what}.")
