"""What is remembered of a log from one run to the next."""

from __future__ import annotations

import msgspec

SCHEMA = "tenantproof.heads/1"


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head of a log as it was seen: `root` is hex, `key` NAME+ID+BASE64, `seen` RFC 3339 in UTC.

    `deployment` is what the target says it is; empty for a log that was read from an export. `note` is the signed
    note itself, so that a fork can be shown to others.
    """

    log: str
    size: int
    root: str
    key: str
    seen: str
    note: str = ""
    deployment: str = ""


class Heads(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of heads; `schema` is SCHEMA."""

    schema: str
    heads: tuple[Head, ...] = ()
