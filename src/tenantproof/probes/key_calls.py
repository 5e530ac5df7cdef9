"""The calls that the vendor's workload must be refused on a tenant's key, and what takes each of them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tenantproof.clients.aws import AwsAnswer
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome

Arguments: TypeAlias = Mapping[str, Any]
"""Keyword arguments of one KMS operation; their types are the operation's."""

_REFUSALS = frozenset({"AccessDeniedException", "AccessDenied"})
_STRANGER = "arn:aws:iam::000000000000:root"
_NO_GRANT = "0" * 64


@dataclass(frozen=True)
class KeyCall:
    """One call. `undo` are the operations that take it back if it was carried out, in order."""

    operation: str
    arguments: Arguments
    actions: tuple[str, ...]
    undo: tuple[tuple[str, Arguments], ...] = ()


def harmless(key: str, ciphertext: bytes, context: Mapping[str, str]) -> tuple[KeyCall, ...]:
    """Calls that change nothing even where they are permitted: reads, and what KMS rehearses (DryRun).

    All in the tenant's encryption context, in which the vendor may do most; `ciphertext` was made in it.
    """
    named, dry = {"KeyId": key}, {"KeyId": key, "DryRun": True}
    used = dry | {"EncryptionContext": context}
    bounds = {"EncryptionContextSubset": context}
    return (
        _call("encrypt", used | {"Plaintext": b"tenantproof"}),
        _call("generate_data_key_without_plaintext", used | {"KeySpec": "AES_256"}),
        _call("generate_data_key_pair", used | {"KeyPairSpec": "ECC_NIST_P256"}),
        KeyCall(
            "re_encrypt",
            {
                "CiphertextBlob": ciphertext,
                "SourceEncryptionContext": context,
                "DestinationKeyId": key,
                "DestinationEncryptionContext": context,
                "DryRun": True,
            },
            ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
        ),
        _call("create_grant", dry | {"GranteePrincipal": _STRANGER, "Operations": ["Decrypt"], "Constraints": bounds}),
        _call("revoke_grant", dry | {"GrantId": _NO_GRANT}),
        _call("get_key_policy", named | {"PolicyName": "default"}),
        _call("list_grants", named),
        _call("describe_key", named),
        _call("get_key_rotation_status", named),
        _call("list_resource_tags", named),
    )


def harmful(key: str, policy: str, rotation_days: int) -> tuple[KeyCall, ...]:
    """Calls that could put a key out of the tenant's hands or out of use, the mildest first.

    The policy put is the one that the key has, so that nothing changes where it is permitted.
    """
    named = {"KeyId": key}
    period = {"RotationPeriodInDays": rotation_days} if rotation_days else {}
    enable, cancel = ("enable_key", named), ("cancel_key_deletion", named)
    return (
        _call("put_key_policy", named | {"PolicyName": "default", "Policy": policy}),
        _call("disable_key_rotation", named, ("enable_key_rotation", named | period)),
        _call("disable_key", named, enable),
        _call("schedule_key_deletion", named | {"PendingWindowInDays": 30}, cancel, enable),
    )


def undo_of(call: KeyCall, answer: AwsAnswer) -> tuple[tuple[str, Arguments], ...]:
    """What takes a call back that was carried out, a grant that was only to be rehearsed among them."""
    made = answer.data.get("GrantId")
    if answer.is_granted and call.operation == "create_grant" and made:
        return (("revoke_grant", {"KeyId": call.arguments["KeyId"], "GrantId": made}),)
    return call.undo if answer.is_granted else ()


def outcome_of(answer: AwsAnswer) -> Outcome:
    """Refused is AWS's own refusal; a rehearsal that would have succeeded is a permission."""
    if answer.failure:
        return UNANSWERED
    if answer.is_granted or answer.code == "DryRunOperationException":
        return PERMITTED
    return REFUSED if answer.code in _REFUSALS else UNCLEAR


def _call(operation: str, arguments: Arguments, *undo: tuple[str, Arguments]) -> KeyCall:
    name = "".join(part.capitalize() for part in operation.split("_"))
    return KeyCall(operation, arguments, (f"kms:{name}",), undo)
