"""Heads of logs on disk: beside an export, or in the bundle of the run that saw them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from tenantproof.evidence.bundle import write
from tenantproof.evidence.manifest import ATTESTATION, PLAIN_NAME
from tenantproof.model.errors import UsageError
from tenantproof.model.heads import SCHEMA, Head, Heads

FILE = "heads.json"
_KEPT = 200


def read_heads(path: Path) -> tuple[Head, ...]:
    """The heads in a file; none when there is no such file. Raises UsageError when it can't be read."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Heads)
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{path} holds no remembered heads: {error}; name another file, or move this one") from None
    if found.schema != SCHEMA:
        raise UsageError(f"{path} is of schema {found.schema!r}, not {SCHEMA!r}; name another file")
    return found.heads


def heads_json(heads: Iterable[Head]) -> bytes:
    """Heads as a file holds them; of the oldest, those are dropped that nobody will meet again."""
    kept = sorted(heads, key=lambda head: head.seen, reverse=True)[:_KEPT]
    return msgspec.json.format(msgspec.json.encode(Heads(schema=SCHEMA, heads=tuple(kept))), indent=2) + b"\n"


def keep_heads(path: Path, heads: Iterable[Head]) -> None:
    """Write the file, whole or not at all. Raises UsageError."""
    try:
        write(path, heads_json(heads))
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}; name another file") from None


def remembered(evidence: Path) -> tuple[Head, ...]:
    """The heads of the newest signed bundle that has some: each bundle carries on those of the one before."""
    if not evidence.is_dir():
        return ()
    for folder in sorted(evidence.iterdir(), key=lambda path: path.name, reverse=True):
        is_bundle = PLAIN_NAME.match(folder.name) and not folder.is_symlink() and (folder / ATTESTATION).is_file()
        if is_bundle and (heads := read_heads(folder / FILE)):
            return heads
    return ()
