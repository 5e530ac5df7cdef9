"""The profile's [evidence]: who stamps the time of a bundle, and where a copy of it is kept that nobody can change."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_Text = Annotated[str, Meta(min_length=1)]


class Archive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bucket with versioning and Object Lock. Credentials are those that AWS tools find on this machine.

    `mode`: under COMPLIANCE nobody may delete before `days` are over, under GOVERNANCE only who may bypass it.
    `endpoint` is empty for AWS itself.
    """

    bucket: _Text
    prefix: str = ""
    mode: Literal["COMPLIANCE", "GOVERNANCE"] = "COMPLIANCE"
    days: Annotated[int, Meta(ge=1, le=36500)] = 365
    region: str = ""
    endpoint: str = ""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done with a finished bundle. `timestamp` is the URL of a time-stamping authority (RFC 3161)."""

    timestamp: str = ""
    archive: Archive | None = None
