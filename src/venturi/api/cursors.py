"""Page cursors that only we can make, each good for one tenant and one endpoint."""

from __future__ import annotations

import hmac
from hashlib import sha256

from venturi.api.errors import invalid_request
from venturi.identity.strict import b64url, read_b64url

_MAC_BYTES = 16
_LONGEST = 512


class Cursors:
    """Authenticates cursors with HMAC-SHA-256 under `key`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, tenant: str, endpoint: str, position: str) -> str:
        """The cursor of a position in a tenant's listing."""
        return b64url(self._mac(tenant, endpoint, position) + position.encode())

    def read(self, tenant: str, endpoint: str, cursor: str) -> str:
        """The position that a cursor stands for. Raises ApiError unless we wrote it for this tenant and endpoint."""
        if len(cursor) > _LONGEST:
            raise invalid_request("The cursor is not valid here.")
        try:
            raw = read_b64url(cursor)
            position = raw[_MAC_BYTES:].decode()
        except ValueError:
            raise invalid_request("The cursor is not valid here.") from None
        if not hmac.compare_digest(raw[:_MAC_BYTES], self._mac(tenant, endpoint, position)):
            raise invalid_request("The cursor is not valid here.")
        return position

    def _mac(self, *parts: str) -> bytes:
        # With lengths, or two different triples could read alike.
        encoded = [part.encode() for part in parts]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
        return hmac.digest(self._key, b"venturi-cursor/1" + message, sha256)[:_MAC_BYTES]
