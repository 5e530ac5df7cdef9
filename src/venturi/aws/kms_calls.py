"""What each KMS call needs: which keys it touches, under which encryption context, and the facts conditions ask for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from venturi.aws.call import Call
from venturi.aws.caller import Caller
from venturi.aws.cloud import MotoCloud
from venturi.aws.faults import AwsFault
from venturi.aws.keystore.records import Key
from venturi.aws.needs import Need

KEYLESS = frozenset(
    {
        "ConnectCustomKeyStore",
        "CreateCustomKeyStore",
        "CreateKey",
        "DeleteCustomKeyStore",
        "DescribeCustomKeyStores",
        "DisconnectCustomKeyStore",
        "GenerateRandom",
        "ListKeys",
        "ListRetirableGrants",
        "UpdateCustomKeyStore",
    }
)
_BY_ALIAS = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias"})
# Parameters that are condition keys under their own name (KMS Developer Guide, AWS KMS condition keys).
_ALSO_FACTS = (
    "BypassPolicyLockoutSafetyCheck", "DataKeyPairSpec", "EncryptionAlgorithm", "ExpirationModel",
    "KeyAgreementAlgorithm", "MacAlgorithm", "MessageType", "PrimaryRegion", "ReplicaRegion", "RotationPeriodInDays",
    "SigningAlgorithm", "ValidTo", "WrappingAlgorithm", "WrappingKeySpec",
)  # fmt: skip


def kms_needs(call: Call, cloud: MotoCloud) -> tuple[Need, ...]:
    """The permissions a KMS call needs, the key's first.

    Raises AwsFault: NotFoundException for an unknown key of the caller's own, AccessDeniedException for anybody else's.
    """
    action = f"kms:{call.action}"
    if call.action in KEYLESS or (call.action == "ListAliases" and not call.params.get("KeyId")):
        return _keyless(call, action)
    if call.action == "ReEncrypt":
        return _reencrypt(call, cloud)
    key = named_key(call, cloud)
    need = _need(call, key, action, encryption_context(call.params, "EncryptionContext"))
    if call.action in _BY_ALIAS:
        return _by_alias(call, need, cloud)
    if call.action == "ReplicateKey":
        return need, Need("kms:CreateKey", "*", call.caller.account)
    if call.action == "UpdatePrimaryRegion":
        replica = key.family.members.get(str(call.params.get("PrimaryRegion", "")))
        return (need, _need(call, replica, action, {})) if replica not in (None, key) else (need,)
    return (need,)


def _keyless(call: Call, action: str) -> tuple[Need, ...]:
    params, account = call.params, call.caller.account
    facts = {"kms:calleraccount": (account,)} | request_facts(call)
    if call.action == "CreateKey":
        facts |= {
            "kms:keyspec": (str(params.get("KeySpec") or params.get("CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT"),),
            "kms:keyusage": (str(params.get("KeyUsage") or "ENCRYPT_DECRYPT"),),
            "kms:keyorigin": (str(params.get("Origin") or "AWS_KMS"),),
            "kms:multiregion": (str(bool(params.get("MultiRegion"))).lower(),),
        }
    first = Need(action, "*", account, facts=facts)
    return (first, Need("kms:TagResource", "*", account, facts=facts)) if params.get("Tags") else (first,)


def _by_alias(call: Call, need: Need, cloud: MotoCloud) -> tuple[Need, ...]:
    """The alias has to be allowed too, and when it is moved, the key that it leaves."""
    name, account = str(call.params.get("AliasName", "")), call.caller.account
    alias = Need(need.action, f"arn:aws:kms:{call.region}:{account}:{name}", account, facts=need.facts)
    left = cloud.find_key(name, account, call.region) if call.action == "UpdateAlias" else None
    if left is None or left is need.key:
        return need, alias
    return need, alias, _need(call, left, need.action, {})


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
    same = {"kms:reencryptonsamekey": (str(source is destination).lower(),)}
    needs = (
        _need(call, destination, "kms:ReEncryptTo", encryption_context(call.params, "DestinationEncryptionContext")),
        _need(call, source, "kms:ReEncryptFrom", encryption_context(call.params, "SourceEncryptionContext")),
    )
    for need in needs:
        need.facts.update(same)  # type: ignore[attr-defined]  # ours, made just now
    return needs


def _found(key: Key | None, call: Call, reference: str) -> Key:
    if key is not None:
        return key
    if reference.startswith("arn:") and reference.count(":") < 5:
        raise AwsFault("InvalidArnException", f"{reference} is no ARN.")
    foreign = not reference or (reference.startswith("arn:") and f":{call.caller.account}:" not in reference)
    if foreign:
        raise AwsFault(
            "AccessDeniedException", "The key does not exist in this Region, or you are not allowed to use it."
        )
    raise AwsFault("NotFoundException", f"Key '{reference}' does not exist")


def _need(call: Call, key: Key, action: str, context: Mapping[str, str]) -> Need:
    facts = key_facts(call.caller, key, context) | request_facts(call)
    return Need(action, key.arn, key.account, key.policy, decisive=True, key=key, context=context, facts=facts)


def key_facts(caller: Caller, key: Key, context: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Condition keys that a key and the encryption context give, in lower case."""
    facts: dict[str, tuple[str, ...]] = {
        f"kms:encryptioncontext:{name.lower()}": (value,) for name, value in context.items()
    }
    facts |= {f"aws:resourcetag/{name.lower()}": (value,) for name, value in key.tags.items()}
    facts |= {
        "kms:calleraccount": (caller.account,),
        "kms:keyspec": (key.spec,),
        "kms:customermasterkeyspec": (key.spec,),
        "kms:keyusage": (key.usage,),
        "kms:customermasterkeyusage": (key.usage,),
        "kms:keyorigin": (key.origin,),
        "kms:multiregion": (str(key.multi_region).lower(),),
    }
    if key.multi_region:
        facts["kms:multiregionkeytype"] = ("PRIMARY" if key.is_primary else "REPLICA",)
    if key.aliases:
        facts["kms:resourcealiases"] = tuple(key.aliases)
    if context:
        facts["kms:encryptioncontextkeys"] = tuple(context)
    return facts


def request_facts(call: Call) -> dict[str, tuple[str, ...]]:
    """Condition keys that the parameters of a KMS call give, in lower case."""
    params = call.params
    facts: dict[str, tuple[str, ...]] = {
        f"kms:{name.lower()}": (_said(params[name]),) for name in _ALSO_FACTS if params.get(name) is not None
    }
    if call.action.startswith("GenerateDataKeyPair") and params.get("KeyPairSpec"):
        facts["kms:datakeypairspec"] = (str(params["KeyPairSpec"]),)
    named = str(params.get("KeyId", "")).rpartition(":")[2]
    if named.startswith("alias/"):
        facts["kms:requestalias"] = (named,)
    if call.action == "CreateGrant":
        facts |= _grant_facts(params)
    if params.get("PendingWindowInDays") is not None:
        facts["kms:schedulekeydeletionpendingwindowindays"] = (_said(params["PendingWindowInDays"]),)
    tags = params.get("Tags") or ()
    facts |= {f"aws:requesttag/{str(tag.get('TagKey', '')).lower()}": (str(tag.get("TagValue", "")),) for tag in tags}
    if names := (*(str(tag.get("TagKey", "")) for tag in tags), *map(str, params.get("TagKeys") or ())):
        facts["aws:tagkeys"] = names
    return facts


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _grant_facts(params: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    facts = {
        # Nothing here acts for a caller on an AWS service's behalf, so no grant is for one.
        "kms:grantisforawsresource": ("false",),
        "kms:grantoperations": tuple(str(name) for name in params.get("Operations") or ()),
        "kms:granteeprincipal": (str(params.get("GranteePrincipal", "")),),
        "kms:retiringprincipal": tuple(filter(None, (params.get("RetiringPrincipal"),))),
        "kms:grantconstrainttype": tuple(params.get("Constraints") or ()),
    }
    return {name: values for name, values in facts.items() if values}
