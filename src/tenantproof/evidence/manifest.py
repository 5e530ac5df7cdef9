"""The manifest: what is in a bundle, byte for byte, and which bundle came before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import rfc8785

from tenantproof.model.run import RunRecord

MANIFEST = "manifest.json"
ATTESTATION = "attestation.dsse.json"
STAMP = "timestamp.tsr"
BINDING = frozenset({MANIFEST, ATTESTATION, STAMP})
"""The files that no manifest lists: they bind the others."""
SCHEMA = "tenantproof.manifest/1"
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
"""Names that mean the same everywhere: no separators, no leading dot, ASCII only."""


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the bundle: its name, the hex SHA-256 of its bytes, its size in bytes."""

    name: str
    sha256: str
    size: int


class Previous(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bundle before: its run id and the hex SHA-256 of its manifest."""

    run: str
    manifest_sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every file of a bundle but those that bind it (`BINDING`). `time` is RFC 3339 in UTC."""

    schema: str
    run: str
    time: str
    complete: bool
    files: tuple[FileEntry, ...]
    previous: Previous | None


def canonical(value: object) -> bytes:
    """The one encoding of a value (RFC 8785); anything else that means the same is not it."""
    return rfc8785.dumps(msgspec.to_builtins(value))


def manifest_of(folder: Path, record: RunRecord, previous: Previous | None) -> Manifest:
    """The manifest over what is in the folder now. Raises ValueError for what can't be part of a bundle."""
    files = tuple(_entry(path) for path in _files(folder))
    return Manifest(
        schema=SCHEMA, run=record.id, time=record.ended, complete=record.complete, files=files, previous=previous
    )


def digest_of(path: Path) -> str:
    """The hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def previous_of(evidence: Path, run: str) -> Previous | None:
    """The newest signed bundle beside `run`, by name, since a run id sorts by time; `latest` wins when it names one."""
    candidates = [path for path in _bundles(evidence) if path.name != run]
    latest = latest_of(evidence)
    chosen = latest if latest in candidates else max(candidates, default=None, key=lambda path: path.name)
    return None if chosen is None else Previous(chosen.name, digest_of(chosen / MANIFEST))


def latest_of(evidence: Path) -> Path | None:
    """What evidence/latest names: a symbolic link, or a file with the run id where links can't be made."""
    link = evidence / "latest"
    if link.is_symlink():
        name = str(link.readlink())
    elif link.is_file():
        name = link.read_text(encoding="utf-8", errors="replace").strip()
    else:
        return None
    return evidence / name if PLAIN_NAME.match(name) else None


def _bundles(evidence: Path) -> Iterator[Path]:
    for path in evidence.iterdir():
        if PLAIN_NAME.match(path.name) and not path.is_symlink() and (path / ATTESTATION).is_file():
            yield path


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in BINDING:
            continue
        if path.is_symlink() or not path.is_file() or not PLAIN_NAME.match(path.name):
            raise ValueError(f"{path} can't be part of a bundle: a bundle holds plain files with plain names")
        yield path


def _entry(path: Path) -> FileEntry:
    return FileEntry(path.name, digest_of(path), path.stat().st_size)
