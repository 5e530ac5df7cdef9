"""What each KMS call needs: which keys it touches, under which encryption context, and the facts conditions ask for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from venturi.aws.call import Call
from venturi.aws.cloud import Key, MotoCloud
from venturi.aws.faults import AwsFault
from venturi.aws.needs import Need

KEYLESS = frozenset(
    {
        "CreateKey",
        "ListKeys",
        "GenerateRandom",
        "ListRetirableGrants",
        "CreateCustomKeyStore",
        "DescribeCustomKeyStores",
    }
)
_BY_ALIAS = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias"})


def kms_needs(call: Call, cloud: MotoCloud) -> tuple[Need, ...]:
    """The permissions a KMS call needs, the key's first.

    Raises AwsFault: NotFoundException for an unknown key of the caller's own, AccessDeniedException for anybody else's.
    """
    action = f"kms:{call.action}"
    if call.action in KEYLESS or (call.action == "ListAliases" and not call.params.get("KeyId")):
        return (Need(action, "*", call.caller.account),)
    if call.action == "ReEncrypt":
        return _reencrypt(call, cloud)
    key = named_key(call, cloud)
    need = _need(call, key, action, encryption_context(call.params, "EncryptionContext"))
    if call.action in _BY_ALIAS:
        alias = f"arn:aws:kms:{call.region}:{call.caller.account}:{call.params.get('AliasName', '')}"
        return need, Need(action, alias, call.caller.account)
    return (need,)


def named_key(call: Call, cloud: MotoCloud) -> Key:
    """The key a call is about: named by it, or else in its ciphertext or grant token."""
    reference = call.params.get("KeyId") or call.params.get("TargetKeyId") or call.params.get("DestinationKeyId")
    if call.action == "DeleteAlias":
        reference = call.params.get("AliasName")
    if reference:
        return _found(cloud.find_key(str(reference), call.caller.account, call.region), call, str(reference))
    if call.action == "RetireGrant" and call.params.get("GrantToken"):
        return _found(cloud.key_of_grant(str(call.params["GrantToken"]), call.region), call, "")
    if "CiphertextBlob" in call.params:
        return _found(cloud.key_of_ciphertext(ciphertext(call.params), call.region), call, "")
    raise AwsFault("ValidationException", "1 validation error detected: Value null at 'keyId' must not be null.")


def ciphertext(params: Mapping[str, Any]) -> bytes:
    """The ciphertext of a call. Raises AwsFault InvalidCiphertextException when it is not base64."""
    try:
        return base64.b64decode(str(params.get("CiphertextBlob", "")), validate=True)
    except (binascii.Error, ValueError):
        raise AwsFault("InvalidCiphertextException", "The ciphertext is not base64.") from None


def encryption_context(params: Mapping[str, Any], name: str) -> Mapping[str, str]:
    """The encryption context in parameter `name`. Raises AwsFault ValidationException unless it maps texts to texts."""
    context = params.get(name) or {}
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise AwsFault("ValidationException", f"{name} maps strings to strings.")
    if len({key.lower() for key in context}) != len(context):
        raise AwsFault("ValidationException", f"Two keys of {name} differ in case only.")
    return context


def _reencrypt(call: Call, cloud: MotoCloud) -> tuple[Need, ...]:
    destination = named_key(call, cloud)
    source = _found(cloud.key_of_ciphertext(ciphertext(call.params), call.region), call, "")
    return (
        _need(call, destination, "kms:ReEncryptTo", encryption_context(call.params, "DestinationEncryptionContext")),
        _need(call, source, "kms:ReEncryptFrom", encryption_context(call.params, "SourceEncryptionContext")),
    )


def _found(key: Key | None, call: Call, reference: str) -> Key:
    if key is not None:
        return key
    foreign = not reference or (reference.startswith("arn:") and f":{call.caller.account}:" not in reference)
    if foreign:
        raise AwsFault(
            "AccessDeniedException", "The key does not exist in this Region, or you are not allowed to use it."
        )
    raise AwsFault("NotFoundException", f"Key '{reference}' does not exist")


def _need(call: Call, key: Key, action: str, context: Mapping[str, str]) -> Need:
    return Need(action, key.arn, key.account, key.policy, decisive=True, key=key, context=context,
                facts=_facts(call, key, context))  # fmt: skip


def _facts(call: Call, key: Key, context: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Condition keys of KMS (KMS Developer Guide, Condition keys), in lower case."""
    params = call.params
    facts: dict[str, tuple[str, ...]] = {
        f"kms:encryptioncontext:{name.lower()}": (value,) for name, value in context.items()
    }
    facts |= {
        "kms:calleraccount": (call.caller.account,),
        "kms:keyspec": (key.spec,),
        "kms:keyusage": (key.usage,),
        "kms:keyorigin": (key.origin,),
        "kms:multiregion": (str(key.multi_region).lower(),),
        "kms:resourcealiases": key.aliases,
    }
    if context:
        facts["kms:encryptioncontextkeys"] = tuple(context)
    if str(params.get("KeyId", "")).rpartition(":")[2].startswith("alias/"):
        facts["kms:requestalias"] = (str(params["KeyId"]).rpartition(":")[2],)
    if call.action == "CreateGrant":
        facts |= _grant_facts(params)
    for name in ("PendingWindowInDays", "RotationPeriodInDays"):
        if name in params:
            prefix = "ScheduleKeyDeletion" if name.startswith("Pending") else ""
            facts[f"kms:{prefix}{name}".lower()] = (str(params[name]),)
    return {name: values for name, values in facts.items() if values}


def _grant_facts(params: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        # Nothing here acts for a caller on an AWS service's behalf, so no grant is for one.
        "kms:grantisforawsresource": ("false",),
        "kms:grantoperations": tuple(str(name) for name in params.get("Operations") or ()),
        "kms:granteeprincipal": (str(params.get("GranteePrincipal", "")),),
        "kms:retiringprincipal": tuple(filter(None, (params.get("RetiringPrincipal"),))),
        "kms:grantconstrainttype": tuple(params.get("Constraints") or ()),
    }
