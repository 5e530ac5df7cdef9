"""KMS rules beside permission: sane requests, no lockout, and grants within the grant they are made under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from venturi.aws.call import Call
from venturi.aws.faults import AwsFault, Reply
from venturi.aws.grants import Grant, may_retire
from venturi.aws.keystore.shapes import require_bounds
from venturi.aws.kms_calls import ciphertext
from venturi.aws.policy import MalformedPolicyError, Question, Says, require_key_policy, resource_policy_says

if TYPE_CHECKING:
    from venturi.aws.cloud import MotoCloud
    from venturi.aws.keystore.records import Key

# Everything else is managed by key id or key ARN alone (KMS Developer Guide, Key identifiers).
_ALIAS_TAKERS = frozenset(
    {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyWithoutPlaintext",
     "GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncrypt", "Sign", "Verify", "VerifyMac",
     "DeriveSharedSecret", "DeleteAlias"}
)  # fmt: skip
_LARGEST_POLICY = 32 * 1024


def require_sane(call: Call, key: Key | None, cloud: MotoCloud) -> None:
    """Refuse what KMS refuses whoever asks.

    Raises AwsFault: ValidationException, NotFoundException, IncorrectKeyException, MalformedPolicyDocumentException.
    """
    params = call.params
    require_bounds(call.action, params)
    days = params.get("PendingWindowInDays")
    if days is not None and not 7 <= days <= 30:
        raise AwsFault("ValidationException", "PendingWindowInDays must be between 7 and 30.")
    named = str(params.get("KeyId", ""))
    if named.rpartition(":")[2].startswith("alias/") and call.action not in _ALIAS_TAKERS:
        raise AwsFault("NotFoundException", f"Invalid keyId {named}")
    if call.action == "RetireGrant" and not (params.get("GrantToken") or (named and params.get("GrantId"))):
        raise AwsFault("ValidationException", "A grant is retired by its token, or by its key and id.")
    if key is not None and key.manager == "AWS" and call.action in _NOT_ON_AWS_KEYS:
        raise AwsFault("AccessDeniedException", f"{key.arn} is managed by AWS.")
    _require_same_key(call, key, cloud)
    if params.get("Policy") is not None:
        _require_no_lockout(call, key)


_NOT_ON_AWS_KEYS = frozenset(
    {"CancelKeyDeletion", "CreateAlias", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation",
     "PutKeyPolicy", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias", "UpdateKeyDescription"}
)  # fmt: skip


def require_within(parents: list[Grant], params: Mapping[str, Any]) -> None:
    """What a grantee passes on must be within what one grant gives it. Raises AwsFault AccessDeniedException."""
    asked = set(params.get("Operations") or ())
    constraints = params.get("Constraints") or {}
    if not any(asked <= parent.operations and (not parent.constraints or parent.constraints == constraints)
               for parent in parents):  # fmt: skip
        raise AwsFault("AccessDeniedException", "A grant can't give more than the grant it was made under.")


def retirable(call: Call, key: Key) -> bool:
    """Whether the caller may retire the grant it names, without any policy saying so."""
    ident, token = call.params.get("GrantId"), call.params.get("GrantToken")
    return any(may_retire(grant, call.caller) for grant in key.grants if ident == grant.id or token == grant.token)


def answered(answer: Mapping[str, Any], request_id: str) -> Reply:
    """The answer of an operation on the wire."""
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", request_id)]
    return Reply("200 OK", headers, json.dumps(answer).encode() if answer else b"")


def _require_same_key(call: Call, key: Key | None, cloud: MotoCloud) -> None:
    """A ciphertext that is symmetric names its key, and it has to be the one that the call names."""
    if call.action == "Decrypt" and key is not None and key.spec != "SYMMETRIC_DEFAULT":
        return
    if call.action not in ("Decrypt", "ReEncrypt"):
        return
    made_under = cloud.key_of_ciphertext(ciphertext(call.params), call.region)
    if made_under is None:
        raise AwsFault("InvalidCiphertextException", "The ciphertext was made under no key that we know.")
    named = call.params.get("KeyId" if call.action == "Decrypt" else "SourceKeyId")
    if named and cloud.find_key(str(named), call.caller.account, call.region) is not made_under:
        raise AwsFault("IncorrectKeyException", "The key ID in the request does not identify a key that can do this.")


def _require_no_lockout(call: Call, key: Key | None) -> None:
    text = str(call.params["Policy"])
    try:
        require_key_policy(text)
    except MalformedPolicyError as error:
        raise AwsFault("MalformedPolicyDocumentException", str(error)) from None
    if len(text) > _LARGEST_POLICY:
        raise AwsFault("LimitExceededException", f"A key policy has at most {_LARGEST_POLICY} bytes.")
    if call.params.get("BypassPolicyLockoutSafetyCheck"):
        return
    resource = key.arn if key else "*"
    question = Question(call.caller, "kms:PutKeyPolicy", resource, {"kms:calleraccount": (call.caller.account,)})
    if resource_policy_says(text, question) not in (Says.ALLOWS, Says.DELEGATES):
        raise AwsFault("MalformedPolicyDocumentException", "The new key policy will not allow you to update it later.")
