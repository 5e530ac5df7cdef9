"""Reads what binds a bundle, and takes nothing for it but the one encoding in which it was signed."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TypeVar

import msgspec
import rfc8785

from tenantproof.evidence.manifest import BINDING, MANIFEST, PLAIN_NAME, SCHEMA, Manifest, canonical

_MANY = 32 * 1024 * 1024
"""Bytes of a manifest or attestation beyond which we don't read it."""
_OURS = re.compile(r"tenantproof\.manifest/[0-9]{1,9}\Z")

_T = TypeVar("_T")


class Tampered(Exception):  # what it says, not an error of ours
    """Nothing further can be checked; the message is the problem."""


class Newer(Tampered):
    """A harness wrote it that is newer than this one, or somebody says so; either way it can't be checked here."""


class _Named(msgspec.Struct, frozen=True):
    schema: str = ""


def manifest_in(folder: Path) -> Manifest:
    """The manifest of a bundle. Raises Tampered unless it is one that a harness of this version writes."""
    data = read(folder / MANIFEST)
    # The schema first: what a newer version adds is no reason to call its bundles broken.
    schema = parse(data, _Named, MANIFEST).schema
    if schema != SCHEMA:
        said = f"{MANIFEST} has the schema {schema!a}; this version reads {SCHEMA!r} only"
        if _OURS.match(schema):
            raise Newer(f"{said}; a newer harness may have written it: verify it with that version.")
        raise Tampered(f"{said}.")
    manifest = parse(data, Manifest, MANIFEST)
    if not _is_canonical(manifest, data):
        raise Tampered(f"{MANIFEST} is not in its canonical encoding, so it is not the file that was signed.")
    _review(manifest)
    return manifest


def read(path: Path) -> bytes:
    """The bytes of a plain file of moderate size. Raises Tampered."""
    try:
        status = path.lstat()
    except OSError:
        raise Tampered(
            f"{path.name} is missing: the bundle is unsigned, because its run was killed or because it was removed."
        ) from None
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MANY:
        raise Tampered(f"{path.name} is not a plain file of at most {_MANY} bytes.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Tampered(f"{path.name} can't be read: {error.strerror}.") from None


def parse(data: bytes, kind: type[_T], name: str) -> _T:
    """What the JSON of a file means. Raises Tampered."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Tampered(f"{name} can't be read: it is not what was written.") from None


def _review(manifest: Manifest) -> None:
    names = [entry.name for entry in manifest.files]
    for name in [*names, manifest.run]:
        if not PLAIN_NAME.match(name) or name in BINDING:
            raise Tampered(f"{MANIFEST} lists {name!r}, which can't be the name of a file or run of a bundle.")
    if manifest.previous and not PLAIN_NAME.match(manifest.previous.run):
        raise Tampered(f"{MANIFEST} names {manifest.previous.run!r} as the run before, which can't be a run's name.")
    if names != sorted(set(names)):
        raise Tampered(f"{MANIFEST} lists its files twice or out of order.")


def _is_canonical(manifest: Manifest, data: bytes) -> bool:
    try:
        return canonical(manifest) == data
    except rfc8785.CanonicalizationError:  # a number or text that no canonical file can hold
        return False
