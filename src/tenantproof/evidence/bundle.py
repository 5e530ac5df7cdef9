"""Finishes a bundle: writes what is still missing, lists it, signs the list and names it the latest."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenantproof.evidence.attestation import attest
from tenantproof.evidence.keys import SigningKey
from tenantproof.evidence.manifest import (
    ATTESTATION,
    BINDING,
    MANIFEST,
    PLAIN_NAME,
    STAMP,
    Manifest,
    canonical,
    manifest_of,
    previous_of,
)
from tenantproof.model.errors import UsageError
from tenantproof.model.run import RunRecord
from tenantproof.model.run_text import encode

RECORD = "record.json"
_SIDE_FILES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Bundle:
    """A finished bundle: where it is, what it lists, and the fingerprint of the key that signed it."""

    folder: Path
    manifest: Manifest
    keyid: str


def finish(
    run_dir: Path,
    record: RunRecord,
    files: Mapping[str, bytes],
    key: SigningKey,
    stamp: Callable[[bytes], bytes] | None = None,
) -> Bundle:
    """Write `files` and record.json into the run's folder, then the manifest, then the attestation.

    `stamp` is given the manifest and gives a time stamp over it, or nothing. What lies in the folder already (the
    journal, closed) becomes part of the bundle. The attestation comes last: a folder without one was never finished.
    Raises UsageError when the journal is still open, the bundle is finished already, or the disk is full.
    """
    _review(run_dir, record, files)
    try:
        for name, data in {**files, RECORD: encode(record)}.items():
            write(run_dir / name, data)
        # A try before this one may have left a stamp of another manifest.
        (run_dir / STAMP).unlink(missing_ok=True)
        with _alone(run_dir.parent):
            manifest = manifest_of(run_dir, record, previous_of(run_dir.parent, run_dir.name))
            write(run_dir / MANIFEST, canonical(manifest))
            stamped = stamp(canonical(manifest)) if stamp else b""
            if stamped:
                write(run_dir / STAMP, stamped)
            write(run_dir / ATTESTATION, attest(record, manifest, key, stamped))
            point_latest(run_dir)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the bundle {run_dir} can't be finished: {error}; what was observed is kept in its journal.sqlite"
        ) from None
    return Bundle(run_dir, manifest, key.fingerprint)


def write(path: Path, data: bytes) -> None:
    """Put a file in place whole or not at all, and on the disk before this returns."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with fresh.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def point_latest(run_dir: Path) -> None:
    """Make evidence/latest name this run: a symbolic link, or a text file with the run id where links can't be made."""
    latest = run_dir.parent / "latest"
    fresh = latest.with_name(f".latest.{secrets.token_hex(8)}")
    try:
        fresh.symlink_to(run_dir.name, target_is_directory=True)
    except OSError:
        write(latest, f"{run_dir.name}\n".encode())
        return
    try:
        fresh.replace(latest)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def _alone(evidence: Path) -> Iterator[None]:
    """Wait until no other run is being chained in this folder: two that name one bundle before would fork the chain."""
    if os.name != "posix":  # elsewhere a fork is possible, and `verify` says so
        yield
        return
    import fcntl

    handle = os.open(evidence, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _review(run_dir: Path, record: RunRecord, files: Mapping[str, bytes]) -> None:
    if (run_dir / ATTESTATION).exists():
        raise UsageError(f"{run_dir} is signed already; a bundle is never changed, start a new run")
    if run_dir.name != record.id:
        raise UsageError(f"{run_dir} is not the folder of run {record.id}; a bundle is named after its run")
    if strangers := [name for name in files if not PLAIN_NAME.match(name) or name in {*BINDING, RECORD}]:
        raise UsageError(f"{strangers} can't be files of a bundle; use plain names that the bundle doesn't use itself")
    if beside := [path.name for path in run_dir.iterdir() if path.name.endswith(_SIDE_FILES)]:
        raise UsageError(f"{run_dir / beside[0]} shows that the journal is still open; close it before the bundle")


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
