"""One exchange over HTTP: the request as it is to be sent, octet for octet, and the answer as it was read."""

from __future__ import annotations

import secrets

import msgspec

Headers = tuple[tuple[str, str], ...]
"""Names and values in the order and the spelling of the wire; one character is one octet (latin-1)."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request. Nothing in it is normalised: an attack is in the octets.

    `probe` is 32 hex digits and becomes the W3C trace id; `principal` names who sends it, for the record alone.
    `repeatable`: sent again on a fresh connection when an idle one turns out to be closed; a GET always is.
    Characters beyond U+00FF make the text that they stand in UTF-8; all others are sent as one octet each.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    principal: str = ""
    probe: str = ""
    repeatable: bool = False
    protocol: str = "HTTP/1.1"
    """What it is sent by. Of HTTP/2, `headers` is the whole header list, with its pseudo-headers."""

    def names(self, header: str) -> bool:
        """Whether the request carries the header itself."""
        return any(name.lower() == header.lower() for name, _ in self.headers)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. `seconds` is the time from the first octet sent to the last one read; `at` is Unix time.

    `failure` says why nothing was answered (and `status` is 0); `malformed` says why an answer can't be trusted to be
    whole. What was read of a malformed answer is kept, because a leak in half an answer is a leak.
    """

    status: int = 0
    reason: str = ""
    headers: Headers = ()
    body: bytes = b""
    seconds: float = 0.0
    failure: str = ""
    malformed: str = ""
    at: float = 0.0
    tries: int = 1
    """How often the request was sent until this answer came: more than once after 429, 503 or a stale connection."""

    @property
    def is_whole(self) -> bool:
        """Whether a complete, well-formed answer came."""
        return bool(self.status) and not self.failure and not self.malformed

    def header(self, name: str) -> str:
        """The value of the first header of that name, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def new_probe() -> str:
    """A fresh probe id: 32 hex digits, never all zero, as the W3C wants of a trace id."""
    return f"{secrets.randbits(127) + 1:032x}"
