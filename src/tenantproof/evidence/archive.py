"""A copy of a bundle that nobody can change or delete before its time: S3 with versioning and Object Lock.

Nothing is believed: the bucket must say that it locks, and every file is read back, byte for byte and with the day
until which it is kept.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tenantproof.evidence.bundle import write
from tenantproof.evidence.manifest import ATTESTATION, BINDING, FileEntry, Manifest, digest_of
from tenantproof.evidence.sealed import Tampered, manifest_in
from tenantproof.model.errors import UsageError
from tenantproof.model.evidence_profile import Archive

SCHEMA = "tenantproof.archive/1"
_PIECE = 1024 * 1024
_BEFORE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})

# boto3's clients are generated at run time and have no static type.
Client = Any


class ArchiveError(UsageError):
    """The copy is not there, or not safe; the message says which file and why."""


class Kept(msgspec.Struct, frozen=True):
    """One file as S3 keeps it. `until` is RFC 3339."""

    name: str
    key: str
    version: str
    sha256: str
    mode: str
    until: str


class Receipt(msgspec.Struct, frozen=True):
    """Where a bundle is kept, and until when; it lies beside the bundle, whose own files stay as they are."""

    schema: str
    run: str
    bucket: str
    files: tuple[Kept, ...]


def archive(folder: Path, place: Archive, now: datetime) -> Receipt:
    """Copy a finished bundle into the bucket, look at what came of it, and write the receipt beside the bundle.

    Copying again goes on where a copy was cut short: an object that is there is never written anew, only looked at.
    Raises ArchiveError, and then some files may be there already; they stay until their time.
    """
    folder = folder.resolve()
    manifest = _manifest(folder)
    client = _client(place)
    until = now.astimezone(UTC).replace(microsecond=0) + timedelta(days=place.days)
    with _told(f"the bucket {place.bucket}"):
        _require_lock(client, place)
    kept = tuple(_keep(client, place, folder, manifest.run, entry, until) for entry in _files(folder, manifest))
    receipt = Receipt(SCHEMA, manifest.run, place.bucket, kept)
    write(folder.parent / f"{manifest.run}.archive.json", msgspec.json.format(msgspec.json.encode(receipt), indent=2))
    return receipt


def _manifest(folder: Path) -> Manifest:
    try:
        manifest = manifest_in(folder)
    except Tampered as problem:
        raise ArchiveError(f"{folder} is no bundle to keep: {problem}") from None
    if not (folder / ATTESTATION).is_file():
        raise ArchiveError(f"{folder} is not signed; resume its run, or keep another")
    return manifest


def _files(folder: Path, manifest: Manifest) -> Iterator[FileEntry]:
    """What is to be kept: the signature last, so that a copy that was cut short is seen to be one."""
    yield from manifest.files
    for name in [*sorted(BINDING - {ATTESTATION}), ATTESTATION]:
        path = folder / name
        if path.is_file():
            yield FileEntry(name, digest_of(path), path.stat().st_size)


def _client(place: Archive) -> Client:
    import boto3  # slow to import, and few runs keep a copy
    from botocore.config import Config

    return boto3.client(
        "s3",
        region_name=place.region or None,
        endpoint_url=place.endpoint or None,
        config=Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=60),
    )


def _require_lock(client: Client, place: Archive) -> None:
    versioning = client.get_bucket_versioning(Bucket=place.bucket).get("Status")
    if versioning != "Enabled":
        raise ArchiveError(
            f"the bucket {place.bucket} keeps no versions ({versioning or 'never enabled'}); enable them"
        )
    lock = client.get_object_lock_configuration(Bucket=place.bucket)["ObjectLockConfiguration"]
    if lock.get("ObjectLockEnabled") != "Enabled":
        raise ArchiveError(f"the bucket {place.bucket} has no Object Lock; name one that has")


def _keep(client: Client, place: Archive, folder: Path, run: str, entry: FileEntry, until: datetime) -> Kept:
    key = "/".join(part for part in (place.prefix.strip("/"), run, entry.name) if part)
    with _told(f"s3://{place.bucket}/{key}"):
        version = _put(client, place, folder / entry.name, key, entry, until)
        return _look(client, place, key, version, entry, until)


def _put(client: Client, place: Archive, path: Path, key: str, entry: FileEntry, until: datetime) -> str:
    """The version that was written, or that was there before."""
    from botocore.exceptions import ClientError

    try:
        with path.open("rb") as stream:
            answer = client.put_object(
                Bucket=place.bucket,
                Key=key,
                Body=stream,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(bytes.fromhex(entry.sha256)).decode(),
                ObjectLockMode=place.mode,
                ObjectLockRetainUntilDate=until,
                IfNoneMatch="*",
            )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in _BEFORE:
            raise
        answer = client.head_object(Bucket=place.bucket, Key=key)
    return str(answer.get("VersionId", ""))


def _look(client: Client, place: Archive, key: str, version: str, entry: FileEntry, until: datetime) -> Kept:
    """Read a file back. Raises ArchiveError unless it is what was signed, and kept as it should be."""
    if version in {"", "null"}:
        raise ArchiveError("it has no version, so it can be overwritten")
    found = hashlib.sha256()
    body = client.get_object(Bucket=place.bucket, Key=key, VersionId=version)["Body"]
    for piece in body.iter_chunks(_PIECE):
        found.update(piece)
    if found.hexdigest() != entry.sha256:
        raise ArchiveError("what is there is not what was signed")
    held = client.get_object_retention(Bucket=place.bucket, Key=key, VersionId=version)["Retention"]
    mode, kept_until = str(held.get("Mode")), held.get("RetainUntilDate")
    # A copy that was cut short is gone on with later, and its first files are kept for a little less.
    wanted = until - timedelta(days=min(1.0, place.days / 2))
    if mode != place.mode or kept_until is None or kept_until < wanted:
        raise ArchiveError(f"it is kept under {mode} until {kept_until}, not under {place.mode} until {until}")
    return Kept(entry.name, key, version, entry.sha256, mode, kept_until.astimezone(UTC).isoformat())


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns what AWS and its client say into one sentence of ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ArchiveError as error:
        raise ArchiveError(f"{what}: {error}") from None
    except ClientError as error:
        said = error.response.get("Error", {})
        raise ArchiveError(f"{what}: AWS answers {said.get('Code', '')!a}, {said.get('Message', '')!a}") from None
    except (BotoCoreError, OSError) as error:
        raise ArchiveError(f"{what}: {error}") from None
