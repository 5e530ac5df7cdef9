"""KMS rules beside permission: sane requests, no lockout, contexts bound without ambiguity, full answers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from venturi.aws.call import Call
from venturi.aws.cloud import Key, Ledger, MotoCloud
from venturi.aws.faults import AwsFault, Reply
from venturi.aws.grants import OPERATIONS, Grant, may_retire
from venturi.aws.kms_calls import ciphertext
from venturi.aws.policy import MalformedPolicyError, Question, Says, identity_policies_say, read, resource_policy_says

# moto understands a raw key id everywhere and an ARN or alias only in places, so it is given the id.
_KEY_PARAMETERS = ("KeyId", "TargetKeyId", "DestinationKeyId")
_ALIAS_TAKERS = frozenset(
    {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyWithoutPlaintext",
     "GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "GetPublicKey", "ReEncrypt", "Sign", "Verify", "VerifyMac",
     "DeriveSharedSecret", "DeleteAlias"}
)  # fmt: skip
CONTEXTS = ("EncryptionContext", "SourceEncryptionContext", "DestinationEncryptionContext")
CHANGES = frozenset({"CreateGrant", "RetireGrant", "RevokeGrant"})
"""Calls with DryRun that change something, and so may not be carried out to see whether they would succeed."""


def require_sane(call: Call, key: Key | None, cloud: MotoCloud) -> None:
    """Refuse what KMS refuses whoever asks.

    Raises AwsFault: ValidationException, NotFoundException, IncorrectKeyException, MalformedPolicyDocumentException.
    """
    params = call.params
    for name, low, high in (("PendingWindowInDays", 7, 30), ("RotationPeriodInDays", 90, 2560)):
        if name in params and not (type(params[name]) is int and low <= params[name] <= high):
            raise AwsFault("ValidationException", f"{name} must be between {low} and {high}.")
    named = str(params.get("KeyId", ""))
    if named.rpartition(":")[2].startswith("alias/") and call.action not in _ALIAS_TAKERS:
        raise AwsFault("NotFoundException", f"Invalid keyId {named}")
    if call.action == "Decrypt" and key is not None:
        _require_same_key(call, key, cloud)
    if call.action == "CreateGrant":
        _require_grantable(params)
    if "Policy" in params:
        _require_no_lockout(call, key)


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


def digest(context: Mapping[str, str]) -> dict[str, str]:
    """Stand in for a context by its SHA-256: moto binds keys and values run together, and {a: bc} is not {ab: c}."""
    if not context:
        return {}
    return {"sha256": hashlib.sha256(json.dumps(context, sort_keys=True).encode()).hexdigest()}


def with_raw_keys(params: Mapping[str, Any], key: Key | None) -> dict[str, Any]:
    """The parameters as moto takes them: the key by its id."""
    return {name: key.id if key and name in _KEY_PARAMETERS else value for name, value in params.items()}


def completed(call: Call, key: Key | None, reply: Reply, ledger: Ledger) -> Reply:
    """The answer of moto with what it leaves out, and the ledger with what moto forgets."""
    if not reply.succeeded or key is None:
        return reply
    answer = json.loads(reply.body or b"null") or {}
    match call.action:
        case "EnableKeyRotation":
            ledger.rotation_days[key.arn] = call.params.get("RotationPeriodInDays", 365)
        case "CreateGrant":
            ledger.granted[answer["GrantId"]] = (time.time(), call.caller.account)
        case "GetKeyRotationStatus":
            answer |= {"KeyId": key.arn}
            if answer["KeyRotationEnabled"]:
                answer["RotationPeriodInDays"] = ledger.rotation_days.get(key.arn, 365)
        case "ScheduleKeyDeletion":
            window = call.params.get("PendingWindowInDays", 30)
            answer |= {"KeyId": key.arn, "KeyState": "PendingDeletion", "PendingWindowInDays": window}
        case "CancelKeyDeletion":
            answer["KeyId"] = key.arn
        case "ListGrants":
            answer = _grants(answer, call, key, ledger)
        case _:
            return reply
    return Reply(reply.status, _without_length(reply.headers), json.dumps(answer).encode())


def _grants(answer: dict[str, Any], call: Call, key: Key, ledger: Ledger) -> dict[str, Any]:
    grantee = call.params.get("GranteePrincipal")
    listed = [grant for grant in answer["Grants"] if grantee in (None, grant["GranteePrincipal"])]
    for grant in listed:
        made, account = ledger.granted.get(grant["GrantId"], (0.0, key.account))
        grant |= {"KeyId": key.arn, "CreationDate": made, "IssuingAccount": f"arn:aws:iam::{account}:root"}
    return {"Grants": listed, "Truncated": False}


def _without_length(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() != "content-length"]


def _require_same_key(call: Call, key: Key, cloud: MotoCloud) -> None:
    made_under = cloud.key_of_ciphertext(ciphertext(call.params), call.region)
    if made_under is None:
        raise AwsFault("InvalidCiphertextException", "The ciphertext was made under no key that we know.")
    if made_under.arn != key.arn:
        raise AwsFault("IncorrectKeyException", "The key ID in the request does not identify a key that can do this.")


def _require_grantable(params: Mapping[str, Any]) -> None:
    operations = params.get("Operations") or []
    strange = [name for name in operations if name not in OPERATIONS]
    if not operations or strange or not params.get("GranteePrincipal"):
        raise AwsFault("ValidationException", f"A grant needs a grantee and known operations, not {strange}.")
    if set(params.get("Constraints") or {}) - {"EncryptionContextEquals", "EncryptionContextSubset"}:
        raise AwsFault("ValidationException", "A grant's constraints are EncryptionContextEquals and -Subset.")


def _require_no_lockout(call: Call, key: Key | None) -> None:
    text = str(call.params["Policy"])
    try:
        read(text)
    except MalformedPolicyError as error:
        raise AwsFault("MalformedPolicyDocumentException", str(error)) from None
    if call.params.get("BypassPolicyLockoutSafetyCheck"):
        return
    resource = key.arn if key else "*"
    question = Question(call.caller, "kms:PutKeyPolicy", resource, {"kms:calleraccount": (call.caller.account,)})
    said = resource_policy_says(text, question)
    if said not in (Says.ALLOWS, Says.DELEGATES) or identity_policies_say((), question) is Says.DENIES:
        raise AwsFault("MalformedPolicyDocumentException", "The new key policy will not allow you to update it later.")
