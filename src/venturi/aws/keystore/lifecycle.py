"""Operations on a key as a whole: made, described, switched, deleted after a wait, copied to other Regions."""

from __future__ import annotations

from datetime import timedelta

from venturi.aws.faults import AwsFault
from venturi.aws.keystore.order import Answer, Order
from venturi.aws.keystore.records import Key
from venturi.aws.keystore.specs import SPECS, SYMMETRIC, spec_for
from venturi.aws.keystore.store import default_policy
from venturi.aws.keystore.tags import read_tags

_ALGORITHMS = {
    "ENCRYPT_DECRYPT": "EncryptionAlgorithms",
    "SIGN_VERIFY": "SigningAlgorithms",
    "GENERATE_VERIFY_MAC": "MacAlgorithms",
    "KEY_AGREEMENT": "KeyAgreementAlgorithms",
}


def create(order: Order) -> Answer:
    """CreateKey."""
    spec = order.text("KeySpec") or order.text("CustomerMasterKeySpec") or SYMMETRIC
    usage, origin = order.text("KeyUsage", "ENCRYPT_DECRYPT"), order.text("Origin", "AWS_KMS")
    spec_for(spec, usage)
    if origin not in ("AWS_KMS", "EXTERNAL") or order.params.get("CustomKeyStoreId") or order.params.get("XksKeyId"):
        raise AwsFault("UnsupportedOperationException", "There are no custom key stores here.")
    if origin == "EXTERNAL" and not SPECS[spec].material_bytes:
        raise AwsFault("UnsupportedOperationException", "Only symmetric key material can be imported here.")
    key = order.store.make(
        order.caller.account,
        order.region,
        policy=order.text("Policy"),
        spec=spec,
        usage=usage,
        origin=origin,
        multi_region=bool(order.params.get("MultiRegion")),
        description=order.text("Description"),
        tags=read_tags(order.params.get("Tags") or []),
    )
    return {"KeyMetadata": metadata(key)}


def describe(order: Order) -> Answer:
    """DescribeKey."""
    return {"KeyMetadata": metadata(order.key)}


def metadata(key: Key) -> Answer:
    """A key as DescribeKey says it."""
    said: Answer = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created.timestamp(),
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": key.origin,
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        _ALGORITHMS[key.usage]: list(SPECS[key.spec].algorithms[key.usage]),
        "MultiRegion": key.multi_region,
    }
    if key.spec == SYMMETRIC and key.family.materials and key.current.secret:
        said["CurrentKeyMaterialId"] = key.current.id
    return said | _dates(key) | ({"MultiRegionConfiguration": _configuration(key)} if key.multi_region else {})


def list_keys(order: Order) -> Answer:
    """ListKeys."""
    keys = list(order.store.of(order.caller.account, order.region))
    return order.page("Keys", keys, lambda key: {"KeyId": key.id, "KeyArn": key.arn}, 100)


def enable(order: Order) -> Answer:
    """EnableKey."""
    order.key.state = "Enabled"
    return {}


def disable(order: Order) -> Answer:
    """DisableKey."""
    order.key.state = "Disabled"
    return {}


def schedule_deletion(order: Order) -> Answer:
    """ScheduleKeyDeletion. A primary key with replicas waits for theirs to be deleted first."""
    key, days = order.key, int(order.params.get("PendingWindowInDays") or 30)
    answer: Answer = {"KeyId": key.arn, "PendingWindowInDays": days}
    if key.is_primary and len(key.family.members) > 1:
        key.state, key.window = "PendingReplicaDeletion", days
        return answer | {"KeyState": key.state}
    key.state, key.window, key.deletion_date = "PendingDeletion", days, order.now + timedelta(days=days)
    return answer | {"KeyState": key.state, "DeletionDate": key.deletion_date.timestamp()}


def cancel_deletion(order: Order) -> Answer:
    """CancelKeyDeletion: the key comes back disabled."""
    key = order.key
    key.state, key.deletion_date, key.window = "Disabled", None, 0
    return {"KeyId": key.arn}


def update_description(order: Order) -> Answer:
    """UpdateKeyDescription."""
    order.key.description = order.text("Description")
    return {}


def replicate(order: Order) -> Answer:
    """ReplicateKey: the same material under the same id in another Region, with a policy of its own."""
    primary, region = order.key, order.text("ReplicaRegion")
    _require_primary(primary)
    if region in primary.family.members:
        raise AwsFault("AlreadyExistsException", f"{primary.id} has a copy in {region} already.")
    policy = order.text("Policy") or default_policy(primary.account)
    made = Key(
        primary.account, region, primary.id, primary.arn.replace(f":{primary.region}:", f":{region}:"), policy,
        "PendingImport" if primary.origin == "EXTERNAL" and not primary.current.secret else "Enabled",
        spec=primary.spec, usage=primary.usage, origin=primary.origin, multi_region=True,
        description=order.text("Description"), created=order.now, family=primary.family,
        tags=read_tags(order.params.get("Tags") or []),
    )  # fmt: skip
    order.store.add(made)
    tags = [{"TagKey": name, "TagValue": value} for name, value in made.tags.items()]
    return {"ReplicaKeyMetadata": metadata(made), "ReplicaPolicy": policy, "ReplicaTags": tags}


def update_primary(order: Order) -> Answer:
    """UpdatePrimaryRegion: a replica takes the primary's place."""
    key, region = order.key, order.text("PrimaryRegion")
    _require_primary(key)
    if region == key.region:
        raise AwsFault("ValidationException", f"The primary key is in {region} already.")
    if region not in key.family.members:
        raise AwsFault("NotFoundException", f"{key.id} has no replica in {region}.")
    key.family.primary = region
    return {}


def last_usage(order: Order) -> Answer:
    """GetKeyLastUsage."""
    key = order.key
    said: Answer = {"KeyId": key.arn, "KeyCreationDate": key.created.timestamp(),
                    "TrackingStartDate": key.created.timestamp(), "KeyLastUsage": {}}  # fmt: skip
    if key.last_used is not None:
        operation, moment, request = key.last_used
        said["KeyLastUsage"] = {"Operation": operation, "Timestamp": moment.timestamp(), "KmsRequestId": request}
    return said


def _require_primary(key: Key) -> None:
    if not key.multi_region or not key.is_primary:
        raise AwsFault("UnsupportedOperationException", f"{key.arn} is no multi-Region primary key.")


def _dates(key: Key) -> Answer:
    said: Answer = {}
    if key.state == "PendingDeletion" and key.deletion_date is not None:
        said["DeletionDate"] = key.deletion_date.timestamp()
    if key.state == "PendingReplicaDeletion":
        said["PendingDeletionWindowInDays"] = key.window
    if key.origin == "EXTERNAL" and key.family.materials and key.current.secret:
        until = key.current.valid_to
        said["ExpirationModel"] = "KEY_MATERIAL_EXPIRES" if until else "KEY_MATERIAL_DOES_NOT_EXPIRE"
        if until:
            said["ValidTo"] = until.timestamp()
    return said


def _configuration(key: Key) -> Answer:
    copies = key.family.members
    said = [{"Arn": copy.arn, "Region": region} for region, copy in copies.items() if region != key.family.primary]
    primary = copies.get(key.family.primary, key)
    return {
        "MultiRegionKeyType": "PRIMARY" if key.is_primary else "REPLICA",
        "PrimaryKey": {"Arn": primary.arn, "Region": primary.region},
        "ReplicaKeys": said,
    }
