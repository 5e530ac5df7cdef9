"""Writes exports of small logs, whole ones and broken ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import rfc8785

from tenantproof.clients.transparency.export import Preamble, write
from tests.transparency.growing import ORIGIN, key_text, mth, note_of

Event: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[list[Event]], None]
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = "2026-03-02T00:00:00Z"


def events_of(count: int, *, change: Change | None = None, origin: str = ORIGIN) -> list[bytes]:
    """Entries as they are hashed, each chained to the one before. `change` is made before they are chained."""
    plain = [
        {
            "log": origin,
            "seq": seq,
            "ts_event": (BEGIN + timedelta(seconds=seq)).isoformat(),
            "ts_logged": (BEGIN + timedelta(seconds=seq, milliseconds=5)).isoformat(),
            "actor": {"type": "tenant", "id": f"person-{seq % 7}"},
            "result": {"http_status": 200 + seq % 3, "rows": seq},
        }
        for seq in range(count)
    ]
    if change:
        change(plain)
    return chained(plain)


def chained(plain: Sequence[Event]) -> list[bytes]:
    entries, before = list[bytes](), "0" * 64
    for event in plain:
        entries.append(rfc8785.dumps({**event, "prev_hash": before}))
        before = leaf(entries[-1]).hex()
    return entries


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def root_of(entries: Sequence[bytes]) -> bytes:
    return mth([leaf(entry) for entry in entries])


def head_of(entries: Sequence[bytes]) -> str:
    return note_of(len(entries), root_of(entries))


def export_of(
    path: Path,
    entries: Sequence[bytes],
    *,
    heads: Sequence[str] | None = None,
    receipts: Sequence[str] = (),
    origin: str = ORIGIN,
    key: str = "",
) -> Path:
    """An export with a signed head over all entries, unless other heads are given."""
    notes = tuple(heads) if heads is not None else (head_of(entries),)
    write(path, Preamble(origin, (key or key_text(),), notes, tuple(receipts)), entries)
    return path


def edited(entry: bytes, **members: Any) -> bytes:
    return rfc8785.dumps({**json.loads(entry), **members})
