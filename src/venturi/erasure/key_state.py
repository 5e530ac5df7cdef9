"""What the vendor can tell of a tenant's key without being allowed to look at it: by trying to use it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from venturi.vault.errors import KeyUnavailable
from venturi.vault.kms import KeyService


class KeyState(StrEnum):
    """A key's state as its refusals show it."""

    USABLE = "usable"
    DISABLED = "disabled"
    """Switched off; the tenant can switch it on again at any time, so nothing is erased."""
    PENDING = "pending-deletion"
    """Unusable, and gone for good when the waiting period ends, unless the tenant cancels."""
    GONE = "gone"
    UNKNOWN = "unknown"
    """Refused for another reason, or KMS can't be reached."""


_SAID = {
    "DisabledException": KeyState.DISABLED,
    "KMSInvalidStateException": KeyState.PENDING,
    "NotFoundException": KeyState.GONE,
}


class KeyWatch:
    """Tries tenants' keys. `keys`: tenant to ARN."""

    def __init__(self, kms: KeyService, keys: Mapping[str, str]) -> None:
        self._kms = kms
        self._keys = keys

    def arn(self, tenant: str) -> str:
        """The tenant's key."""
        return self._keys[tenant]

    async def state(self, tenant: str) -> KeyState:
        """The state of the tenant's key now. Makes a data key, which is thrown away."""
        try:
            await self._kms.generate_data_key(self._keys[tenant], {"tenant": tenant, "subject": "key-watch"})
        except KeyUnavailable as refused:
            return _SAID.get(_code(refused), KeyState.UNKNOWN)
        return KeyState.USABLE


def _code(refused: KeyUnavailable) -> str:
    """AWS's error code, from the answer of KMS that the vault's own error was raised from."""
    answer = getattr(refused.__cause__, "response", {})
    return str(answer.get("Error", {}).get("Code", ""))
