"""The W3C trace context of a request (Trace Context level 1): the client's when it is well-formed, else a new one."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import msgspec

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Trace(msgspec.Struct, frozen=True):
    """`trace_id`: 32 hex digits. `parent_id`: 16 hex digits, or "" when the client sent no usable traceparent."""

    trace_id: str
    parent_id: str


def read_trace(headers: Sequence[str]) -> Trace:
    """The trace of a request with these `traceparent` headers."""
    found = _TRACEPARENT.fullmatch(headers[0]) if len(headers) == 1 else None
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return new_trace()
    return Trace(found[1], found[2])


def new_trace() -> Trace:
    """A trace that begins here."""
    return Trace(os.urandom(16).hex(), "")
