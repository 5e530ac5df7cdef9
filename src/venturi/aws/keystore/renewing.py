"""Rotation of key material, and material that is brought in from outside."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from venturi.aws.faults import AwsFault
from venturi.aws.keystore import pairs
from venturi.aws.keystore.order import Answer, Order, b64
from venturi.aws.keystore.records import ImportToken, Key, Material
from venturi.aws.keystore.specs import SPECS, SYMMETRIC

_MOST_ON_DEMAND = 25
_DAYS = 365


def enable_rotation(order: Order) -> Answer:
    """EnableKeyRotation."""
    family = _rotated(order, changing=True).family
    family.rotation_days = int(order.params.get("RotationPeriodInDays") or _DAYS)
    family.rotation_from = order.now
    return {}


def disable_rotation(order: Order) -> Answer:
    """DisableKeyRotation."""
    _rotated(order, changing=True).family.rotation_days = 0
    return {}


def rotation_status(order: Order) -> Answer:
    """GetKeyRotationStatus; a key that waits for its deletion is not rotated."""
    key = _rotated(order, changing=False)
    enabled = key.family.rotation_days > 0 and not key.is_pending
    answer: Answer = {"KeyId": key.arn, "KeyRotationEnabled": enabled}
    if enabled and (due := key.next_rotation):
        answer |= {"RotationPeriodInDays": key.family.rotation_days, "NextRotationDate": due.timestamp()}
    return answer


def rotate(order: Order) -> Answer:
    """RotateKeyOnDemand; ciphertexts of the material before stay readable."""
    key = _rotated(order, changing=True)
    versions = key.family.materials
    if sum(version.kind == "ON_DEMAND" for version in versions) >= _MOST_ON_DEMAND:
        raise AwsFault("LimitExceededException", f"A key can be rotated on demand {_MOST_ON_DEMAND} times.")
    versions.append(order.store.material(secrets.token_bytes(32), "ON_DEMAND"))
    return {"KeyId": key.arn}


def list_rotations(order: Order) -> Answer:
    """ListKeyRotations."""
    key = order.key
    if key.spec != SYMMETRIC:
        raise AwsFault("UnsupportedOperationException", f"{key.arn} is of a spec that is not rotated.")
    everything = order.text("IncludeKeyMaterial", "ROTATIONS_ONLY") == "ALL_KEY_MATERIAL"
    listed = [version for version in key.family.materials if version.kind in ("ON_DEMAND", "AUTOMATIC") or everything]
    return order.page("Rotations", listed, lambda version: _rotation(version, key), 100)


def _rotation(version: Material, key: Key) -> Answer:
    said: Answer = {
        "KeyId": key.arn,
        "KeyMaterialId": version.id,
        "KeyMaterialState": "CURRENT" if version is key.current else "NON_CURRENT",
    }
    if version.kind in ("ON_DEMAND", "AUTOMATIC"):
        said |= {"RotationDate": version.created.timestamp(), "RotationType": version.kind}
    if key.origin == "EXTERNAL":
        said["ImportState"] = "IMPORTED" if version.secret else "PENDING_IMPORT"
    return said


def _rotated(order: Order, *, changing: bool) -> Key:
    """The key, if it is of those that are rotated. Raises AwsFault UnsupportedOperationException."""
    key = order.key
    if key.origin == "EXTERNAL":
        raise AwsFault("UnsupportedOperationException", f"{key.arn} origin is EXTERNAL which is not valid for this "
                       "operation.")  # fmt: skip
    if key.spec != SYMMETRIC or key.manager == "AWS":
        raise AwsFault("UnsupportedOperationException", f"{key.arn} is not a key whose material is rotated.")
    if changing and not key.is_primary:
        raise AwsFault("UnsupportedOperationException", f"{key.arn} is a replica; its primary key is rotated.")
    return key


def import_parameters(order: Order) -> Answer:
    """GetParametersForImport."""
    key, algorithm, spec = order.key, order.text("WrappingAlgorithm"), order.text("WrappingKeySpec")
    _require_external(key)
    if algorithm not in _WRAPPINGS or not spec.startswith("RSA_"):
        raise AwsFault("UnsupportedOperationException", f"{algorithm} with {spec} is not offered here.")
    private = rsa.generate_private_key(65537, int(spec.removeprefix("RSA_")))
    token, until = secrets.token_bytes(64), order.now + timedelta(hours=24)
    order.store.lent[token] = ImportToken(key.arn, algorithm, private, until)
    return {
        "KeyId": key.arn,
        "ImportToken": b64(token),
        "PublicKey": b64(pairs.public_der(private)),
        "ParametersValidTo": until.timestamp(),
    }


def import_material(order: Order) -> Answer:
    """ImportKeyMaterial. What was imported before can be imported again, and nothing else."""
    key = order.key
    _require_external(key)
    until = _expiration(order)
    secret = _unwrapped(order)
    if len(secret) != SPECS[key.spec].material_bytes:
        raise AwsFault("IncorrectKeyMaterialException", "The key material has the wrong length for its key.")
    digest = hashlib.sha256(secret).hexdigest()
    versions = key.family.materials
    if versions and versions[-1].digest != digest:
        raise AwsFault("IncorrectKeyMaterialException", "Only the material that was imported first is taken again.")
    if not versions:
        versions.append(order.store.material(secret, "IMPORTED"))
    versions[-1].secret, versions[-1].valid_to = secret, until
    versions[-1].description = order.text("KeyMaterialDescription")
    if key.state == "PendingImport":
        key.state = "Enabled"
    return {"KeyId": key.arn, "KeyMaterialId": versions[-1].id}


def delete_imported(order: Order) -> Answer:
    """DeleteImportedKeyMaterial: the key is of no use at once, until the same material is imported again."""
    key = order.key
    _require_external(key)
    for version in key.family.materials:
        version.secret, version.valid_to = b"", None
    if not key.is_pending:
        key.state = "PendingImport"
    order.store.shred()
    return {"KeyId": key.arn} | ({"KeyMaterialId": key.current.id} if key.family.materials else {})


def _unwrapped(order: Order) -> bytes:
    lent = order.store.lent.get(order.blob("ImportToken"))
    if lent is None or lent.key_arn != order.key.arn:
        raise AwsFault("InvalidImportTokenException", "The import token was not made for this key.")
    if lent.until <= order.now:
        raise AwsFault("ExpiredImportTokenException", "The import token is older than a day.")
    wrapped = order.blob("EncryptedKeyMaterial")
    digest = f"SHA_{lent.algorithm.rpartition('_')[2]}"
    try:
        if not lent.algorithm.startswith("RSA_AES"):
            return lent.private.decrypt(wrapped, pairs.oaep(digest))
        size = lent.private.key_size // 8
        inner = lent.private.decrypt(wrapped[:size], pairs.oaep(digest))
        return aes_key_unwrap_with_padding(inner, wrapped[size:])
    except (ValueError, InvalidUnwrap):
        raise AwsFault("InvalidCiphertextException", "The material was not wrapped with this public key.") from None


_WRAPPINGS = frozenset({"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"})


def _require_external(key: Key) -> None:
    if key.origin != "EXTERNAL":
        raise AwsFault("UnsupportedOperationException", f"{key.arn} origin is {key.origin} which is not valid for this "
                       "operation.")  # fmt: skip


def _expiration(order: Order) -> datetime | None:
    expires = order.text("ExpirationModel", "KEY_MATERIAL_EXPIRES") == "KEY_MATERIAL_EXPIRES"
    until = order.params.get("ValidTo")
    if expires != (until is not None):
        raise AwsFault("ValidationException", "ValidTo is given with material that expires, and with no other.")
    if until is None:
        return None
    moment = datetime.fromtimestamp(float(until), UTC)
    if not order.now < moment <= order.now + timedelta(days=365):
        raise AwsFault("ValidationException", "ValidTo must be in the future, and within a year.")
    return moment
