"""One operation to carry out: by whom, on which key, with which parameters."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from venturi.aws.caller import Caller
from venturi.aws.faults import AwsFault
from venturi.aws.keystore.records import Key
from venturi.aws.keystore.store import KeyStore

Answer: TypeAlias = dict[str, Any]
"""The members of an operation's output; times are seconds since 1970, blobs are base64."""
Bind: TypeAlias = Callable[[Mapping[str, str]], Mapping[str, str]]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Order:
    """What an operation works with. `bind` says what of an encryption context a ciphertext is bound to."""

    store: KeyStore
    caller: Caller
    region: str
    action: str
    params: Mapping[str, Any]
    named: Key | None
    bind: Bind
    request_id: str

    @property
    def key(self) -> Key:
        """The key that the operation is about."""
        assert self.named is not None
        return self.named

    @property
    def now(self) -> datetime:
        """The time of the store."""
        return self.store.clock()

    @property
    def is_dry(self) -> bool:
        """Whether the caller only wants to know whether it would succeed."""
        return bool(self.params.get("DryRun"))

    def text(self, name: str, default: str = "") -> str:
        """A text parameter."""
        return str(self.params.get(name) or default)

    def blob(self, name: str) -> bytes:
        """A blob parameter. Raises AwsFault SerializationException unless it is base64."""
        try:
            return base64.b64decode(str(self.params.get(name, "")), validate=True)
        except (binascii.Error, ValueError):
            raise AwsFault("SerializationException", f"{name} is not base64.") from None

    def context(self, name: str = "EncryptionContext") -> Mapping[str, str]:
        """What the ciphertext is to be bound to."""
        return self.bind(self.params.get(name) or {})

    def page(self, name: str, items: Sequence[_T], say: Callable[[_T], Any], default: int = 50) -> Answer:
        """One page of a listing. Raises AwsFault InvalidMarkerException for a marker that we did not hand out."""
        marker, limit = self.text("Marker", "0"), int(self.params.get("Limit") or default)
        if not marker.isdecimal() or (int(marker) > len(items)):
            raise AwsFault("InvalidMarkerException", "The marker is not one that a listing gave.")
        begin = int(marker)
        answer: Answer = {
            name: [say(item) for item in items[begin : begin + limit]],
            "Truncated": begin + limit < len(items),
        }
        return answer | ({"NextMarker": str(begin + limit)} if answer["Truncated"] else {})


def b64(data: bytes) -> str:
    """A blob as JSON carries it."""
    return base64.b64encode(data).decode()


def dry_run() -> AwsFault:
    """What a rehearsal that would have succeeded is answered (KMS API Reference, DryRun)."""
    return AwsFault("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def fresh_token() -> str:
    """A grant's id or token."""
    return secrets.token_hex(32)
