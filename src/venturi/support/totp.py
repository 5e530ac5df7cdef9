"""Codes of an authenticator application: RFC 6238 over RFC 4226, with SHA-1, six digits and steps of 30 seconds."""

from __future__ import annotations

import hmac
import re
import struct
from collections.abc import Iterable

STEP_SECONDS = 30
DIGITS = 6
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)


def step_at(now: float) -> int:
    """The step that an instant (seconds since 1970) lies in."""
    return int(now // STEP_SECONDS)


def code_of(secret: bytes, step: int) -> str:
    """The code of a step (RFC 4226 section 5.3)."""
    # SHA-1 is what authenticator applications speak; HMAC does not need it to be free of collisions.
    mac = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = mac[-1] & 0x0F
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def is_code(text: str) -> bool:
    """Whether this is spelled like a code."""
    return _CODE.fullmatch(text) is not None


def matching_step(secret: bytes, code: str, steps: Iterable[int]) -> int | None:
    """The latest of the steps that this is the code of. All are compared, so that time tells nothing."""
    found = [step for step in steps if hmac.compare_digest(code_of(secret, step).encode(), code.encode())]
    return max(found, default=None)
