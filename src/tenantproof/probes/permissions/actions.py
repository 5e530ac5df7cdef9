"""All of KMS's actions, taken from botocore's service model: never a list kept by hand."""

from __future__ import annotations

from functools import cache

import botocore.session

_SPLIT = "ReEncrypt"
"""The one operation that no permission is named after: kms:ReEncryptFrom and kms:ReEncryptTo are."""


@cache
def _model() -> botocore.model.ServiceModel:
    return botocore.session.get_session().get_service_model("kms")


@cache
def kms_actions() -> tuple[str, ...]:
    """Every KMS permission, as `kms:Name`, sorted: the operations, and the names that only grants use."""
    names = set(_model().operation_names) | set(_grant_operations())
    return tuple(sorted(f"kms:{name}" for name in names - {_SPLIT}))


def _grant_operations() -> list[str]:
    shape = _model().shape_for("GrantOperation")
    return list(getattr(shape, "enum", ()))


@cache
def takes_encryption_context(action: str) -> bool:
    """Whether a request for the action can carry an encryption context; CreateGrant does, in its constraints."""
    name = action.partition(":")[2].lower()
    if name in ("reencryptfrom", "reencryptto", "creategrant"):
        return True
    operations = {known.lower(): known for known in _model().operation_names}
    if name not in operations:
        return True
    shape = _model().operation_model(operations[name]).input_shape
    return shape is not None and "EncryptionContext" in shape.members
