"""Every operation of KMS by name, and what carries it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from venturi.aws.faults import AwsFault
from venturi.aws.key_states import CRYPTOGRAPHIC
from venturi.aws.keystore import lifecycle, renewing, sharing, tags, using
from venturi.aws.keystore.order import Answer, Order

Operation: TypeAlias = Callable[[Order], Answer]


class Operations:
    """Carries out operations that have been authorized and found sane."""

    def knows(self, action: str) -> bool:
        """Whether KMS has such an operation."""
        return action in _TABLE

    def perform(self, order: Order) -> Answer:
        """Carry out an operation. Raises AwsFault for whatever it refuses."""
        if order.action not in CRYPTOGRAPHIC:
            return _changed(order) if order.action not in _READS else _read(order)
        using.require_usage(order, order.key)
        answer = _TABLE[order.action](order)
        if not order.is_dry:
            order.key.last_used = (order.action, order.now, order.request_id)
        return answer


def _read(order: Order) -> Answer:
    with order.store.turn.lock:
        return _TABLE[order.action](order)


def _changed(order: Order) -> Answer:
    with order.store.turn.changing():
        answer = _TABLE[order.action](order)
        if order.named is not None:
            order.store.changed(order.named)
        return answer


def _no_stores(order: Order) -> Answer:
    if order.params.get("CustomKeyStoreId") or order.params.get("CustomKeyStoreName"):
        raise AwsFault("CustomKeyStoreNotFoundException", "There is no such custom key store.")
    return {"CustomKeyStores": [], "Truncated": False}


def _no_new_store(order: Order) -> Answer:
    raise AwsFault("UnsupportedOperationException", f"{order.action} is not offered here.")


_TABLE: dict[str, Operation] = {
    "CancelKeyDeletion": lifecycle.cancel_deletion,
    "ConnectCustomKeyStore": _no_stores,
    "CreateAlias": sharing.create_alias,
    "CreateCustomKeyStore": _no_new_store,
    "CreateGrant": sharing.create_grant,
    "CreateKey": lifecycle.create,
    "Decapsulate": _no_new_store,
    "Decrypt": using.decrypt,
    "DeleteAlias": sharing.delete_alias,
    "DeleteCustomKeyStore": _no_stores,
    "DeleteImportedKeyMaterial": renewing.delete_imported,
    "DeriveSharedSecret": using.derive_shared_secret,
    "DescribeCustomKeyStores": _no_stores,
    "DescribeKey": lifecycle.describe,
    "DisableKey": lifecycle.disable,
    "DisableKeyRotation": renewing.disable_rotation,
    "DisconnectCustomKeyStore": _no_stores,
    "EnableKey": lifecycle.enable,
    "EnableKeyRotation": renewing.enable_rotation,
    "Encapsulate": _no_new_store,
    "Encrypt": using.encrypt,
    "GenerateDataKey": using.generate_data_key,
    "GenerateDataKeyPair": using.generate_data_key_pair,
    "GenerateDataKeyPairWithoutPlaintext": using.generate_data_key_pair,
    "GenerateDataKeyWithoutPlaintext": using.generate_data_key,
    "GenerateMac": using.generate_mac,
    "GenerateRandom": using.generate_random,
    "GetKeyLastUsage": lifecycle.last_usage,
    "GetKeyPolicy": tags.get_policy,
    "GetKeyRotationStatus": renewing.rotation_status,
    "GetParametersForImport": renewing.import_parameters,
    "GetPublicKey": using.get_public_key,
    "ImportKeyMaterial": renewing.import_material,
    "ListAliases": sharing.list_aliases,
    "ListGrants": sharing.list_grants,
    "ListKeyPolicies": tags.list_policies,
    "ListKeyRotations": renewing.list_rotations,
    "ListKeys": lifecycle.list_keys,
    "ListResourceTags": tags.list_tags,
    "ListRetirableGrants": sharing.list_retirable,
    "PutKeyPolicy": tags.put_policy,
    "ReEncrypt": using.re_encrypt,
    "ReplicateKey": lifecycle.replicate,
    "RetireGrant": sharing.retire_grant,
    "RevokeGrant": sharing.revoke_grant,
    "RotateKeyOnDemand": renewing.rotate,
    "ScheduleKeyDeletion": lifecycle.schedule_deletion,
    "Sign": using.sign,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "UpdateAlias": sharing.update_alias,
    "UpdateCustomKeyStore": _no_stores,
    "UpdateKeyDescription": lifecycle.update_description,
    "UpdatePrimaryRegion": lifecycle.update_primary,
    "Verify": using.verify,
    "VerifyMac": using.verify_mac,
}
# What is handed out for an import has to be known when the material comes.
_READS = frozenset(name for name in _TABLE if name.startswith(("Describe", "List", "Get"))) - {"GetParametersForImport"}
