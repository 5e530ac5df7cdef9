"""All of KMS's actions, taken from botocore's service model, and sets of actions as bits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import botocore.session

from tenantproof.probes.permissions.patterns import Style, matches

_SPLIT = "ReEncrypt"
"""The one operation that no permission is named after: kms:ReEncryptFrom and kms:ReEncryptTo are."""
_GRANT = ("kms:grantoperations", "kms:grantconstrainttype", "kms:granteeprincipal", "kms:retiringprincipal")
_ONLY_IN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_GRANT, ("creategrant",)),
    "kms:grantisforawsresource": ("creategrant", "listgrants", "revokegrant"),
    "kms:schedulekeydeletionpendingwindowindays": ("schedulekeydeletion",),
    "kms:rotationperiodindays": ("enablekeyrotation",),
    "kms:bypasspolicylockoutsafetycheck": ("createkey", "putkeypolicy"),
    "kms:replicaregion": ("replicatekey",),
    "kms:primaryregion": ("updateprimaryregion",),
}
"""Condition keys that only requests for certain operations have (KMS developer guide, "AWS KMS condition keys")."""

_CROSSES = re.compile(r"Cross-account use</b>:?\s*:?\s*(Yes|No)\b")
_NAMES_A_KEY = frozenset({"KeyId", "TargetKeyId", "CiphertextBlob", "AliasName", "GrantToken"})


@cache
def _model() -> botocore.model.ServiceModel:
    return botocore.session.get_session().get_service_model("kms")


@cache
def kms_actions() -> tuple[str, ...]:
    """Every KMS permission, as `kms:Name`, sorted: the operations, and the names that only grants use."""
    names = set(_model().operation_names) | set(_grant_operations())
    return tuple(sorted(f"kms:{name}" for name in names - {_SPLIT}))


@cache
def grant_actions() -> tuple[str, ...]:
    """The KMS permissions that a grant can give, sorted."""
    return tuple(sorted(f"kms:{name}" for name in _grant_operations()))


def _grant_operations() -> list[str]:
    shape = _model().shape_for("GrantOperation")
    return list(getattr(shape, "enum", ()))


@cache
def takes_encryption_context(action: str) -> bool:
    """Whether a request for the action can carry an encryption context; CreateGrant does, in its constraints."""
    service, _, name = action.lower().partition(":")
    if service != "kms":
        return False
    if name in ("reencryptfrom", "reencryptto", "creategrant"):
        return True
    operations = {known.lower(): known for known in _model().operation_names}
    if name not in operations:
        return True
    shape = _model().operation_model(operations[name]).input_shape
    return shape is not None and "EncryptionContext" in shape.members


@cache
def crosses_accounts(action: str) -> bool:
    """Whether KMS takes the operation on a key of another account: its API reference says so of each operation."""
    name = action.partition(":")[2].lower()
    operations = {known.lower(): known for known in _model().operation_names}
    if name not in operations:
        return True
    said = _CROSSES.search(_model().operation_model(operations[name]).documentation)
    return said is None or said[1] != "No"


@cache
def is_keyless(action: str) -> bool:
    """Whether a KMS operation is about no key at all, so that no key policy has a say in it."""
    service, _, name = action.lower().partition(":")
    operations = {known.lower(): known for known in _model().operation_names}
    if service != "kms" or name not in operations:
        return False
    shape = _model().operation_model(operations[name]).input_shape
    return shape is None or not _NAMES_A_KEY & set(shape.members)


@cache
def keys_never_in(action: str) -> tuple[str, ...]:
    """Condition keys of KMS that no request for the action has, in lower case."""
    name = action.lower().partition(":")[2]
    return tuple(key for key, actions in _ONLY_IN.items() if name not in actions)


@dataclass(frozen=True, eq=False)
class Universe:
    """The actions that are asked about, one bit each; two universes are the same only if they are one object."""

    actions: tuple[str, ...]

    @property
    def all(self) -> int:
        """Every action."""
        return (1 << len(self.actions)) - 1

    def bit(self, action: str) -> int:
        """The bit of one action, whatever its case; 0 for one that is not here."""
        return _bits(self).get(action.lower(), 0)

    def named(self, mask: int) -> Iterator[str]:
        """The actions of a set, in the order that they have here."""
        return (action for at, action in enumerate(self.actions) if mask >> at & 1)

    def covered(self, patterns: tuple[str, ...], *, except_them: bool = False) -> int:
        """The actions that Action (or NotAction) names; names are not case-sensitive."""
        hit = 0
        for pattern in patterns:
            hit |= _covered(self, pattern)
        return self.all & ~hit if except_them else hit


@cache
def _bits(universe: Universe) -> dict[str, int]:
    return {action.lower(): 1 << at for at, action in enumerate(universe.actions)}


@lru_cache(maxsize=65536)
def _covered(universe: Universe, pattern: str) -> int:
    hits = (
        1 << at for at, action in enumerate(universe.actions) if matches(pattern, action, Style.LIKE, ignore_case=True)
    )
    return sum(hits)


@cache
def kms_universe() -> Universe:
    """All of KMS's actions."""
    return Universe(kms_actions())


@cache
def universe_of(action: str) -> Universe:
    """One action that is not KMS's."""
    return Universe((action,))
