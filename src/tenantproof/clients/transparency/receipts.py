"""Receipts: a log's signed word, handed out with an answer, that an event is at a place.

A receipt says `SEQ.LEAF.SIGNATURE`: a number, the leaf hash in hex, and an Ed25519 signature in base64url over the
log's name, the word `receipt`, the number and the leaf hash, one a line.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from tenantproof.clients.transparency.notes import NoteKey

_RECEIPT = re.compile(r"(0|[1-9][0-9]{0,15})\.([0-9a-f]{64})\.([A-Za-z0-9_-]{86})", re.ASCII)


class ReceiptError(ValueError):
    """The text is no receipt; the message says what was wanted."""


@dataclass(frozen=True)
class Receipt:
    """That the event whose leaf hash is `leaf` (32 bytes) is at `seq`."""

    seq: int
    leaf: bytes
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """A receipt as a header says it. Raises ReceiptError."""
        found = _RECEIPT.fullmatch(text.strip(" \t"))
        if found is None:
            raise ReceiptError("a receipt is a number, 64 hex digits and a signature in base64url, joined by dots")
        try:
            signature = base64.b64decode(found[3] + "==", altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ReceiptError("the receipt's signature is not base64url") from None
        return cls(int(found[1]), bytes.fromhex(found[2]), signature)

    def is_genuine(self, key: NoteKey, *, origin: str = "") -> bool:
        """Whether the log whose key this is signed exactly this, for the log `origin` (its own name, unless said)."""
        said = f"{origin or key.name}\nreceipt\n{self.seq}\n{self.leaf.hex()}\n"
        return key.signed(said.encode(), self.signature)
