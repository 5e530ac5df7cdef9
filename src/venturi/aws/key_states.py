"""Which KMS calls a key in which state takes (KMS Developer Guide, Key states of KMS keys)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venturi.aws.faults import AwsFault

if TYPE_CHECKING:
    from venturi.aws.keystore.records import Key

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
_ROTATION = frozenset({"DisableKeyRotation", "EnableKeyRotation", "RotateKeyOnDemand"})
_MULTI_REGION = frozenset({"ReplicateKey", "UpdatePrimaryRegion"})
_NOT_WHEN_DISABLED = CRYPTOGRAPHIC | _ROTATION | _MULTI_REGION | {"CreateGrant"}
_NOT_WHEN_PENDING = _NOT_WHEN_DISABLED | {
    "CreateAlias",
    "DisableKey",
    "EnableKey",
    "GetParametersForImport",
    "ImportKeyMaterial",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
}
_NOT_BEFORE_IMPORT = CRYPTOGRAPHIC | {"CreateGrant", "DisableKey", "EnableKey"}
# What a key of this origin never takes is refused for that, whatever its state (notes 6 and 9 of the table).
_BY_ORIGIN = {
    "EXTERNAL": _ROTATION,
    "AWS_KMS": frozenset({"GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial"}),
}
_WORDS = {"PendingDeletion": "is pending deletion", "PendingReplicaDeletion": "is pending replica deletion"}


def require_usable(key: Key, action: str) -> None:
    """Refuse what the key's state does not allow.

    Raises AwsFault: DisabledException, UnsupportedOperationException, or KMSInvalidStateException for a key that awaits
    deletion (or does not), or material.
    """
    if action in _BY_ORIGIN.get(key.origin, ()):
        text = f"{key.arn} origin is {key.origin} which is not valid for this operation."
        raise AwsFault("UnsupportedOperationException", text)
    if key.is_pending:
        if action in _NOT_WHEN_PENDING:
            raise _invalid(key, _WORDS[key.state])
    elif action == "CancelKeyDeletion":
        raise _invalid(key, "is not pending deletion")
    elif key.state == "Disabled" and action in _NOT_WHEN_DISABLED:
        raise AwsFault("DisabledException", f"{key.arn} is disabled.")
    elif key.state == "PendingImport" and action in _NOT_BEFORE_IMPORT:
        raise _invalid(key, "is pending import")


def _invalid(key: Key, what: str) -> AwsFault:
    return AwsFault("KMSInvalidStateException", f"{key.arn} {what}.")
