"""Audits a copy of a CloudTrail bucket: the chain of digest files, their signatures, and the log files they name.

A digest names the SHA-256 of each log file's content and, of the digest before it, the content's SHA-256 and the
signature. A digest's own signature is metadata of the S3 object, which a copy loses; it stands in the next digest, and
for the newest in a file beside it, named like it with `.sig` at the end (hex).
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tenantproof.clients.transparency.audit import Audit, Known
from tenantproof.clients.transparency.faults import Faults, Kind
from tenantproof.clients.transparency.inflate import InflateError, inflated

_DIGESTS, _LOGS = "CloudTrail-Digest", "CloudTrail"
_STAMP = re.compile(r"_(\d{8}T\d{4}(?:\d{2})?)Z")


class CloudTrailError(ValueError):
    """There is nothing here that could be audited; the message says what was wanted."""


class LogFile(msgspec.Struct, frozen=True, rename="camel"):
    """What a digest says of one log file."""

    s3_object: str = msgspec.field(name="s3Object")
    hash_value: str = msgspec.field(name="hashValue")
    hash_algorithm: str = msgspec.field(name="hashAlgorithm", default="SHA-256")


class Digest(msgspec.Struct, frozen=True):
    """A digest file's content, under AWS's own names."""

    digestStartTime: str  # noqa: N815
    digestEndTime: str  # noqa: N815
    digestS3Bucket: str  # noqa: N815
    digestS3Object: str  # noqa: N815
    digestSignatureAlgorithm: str  # noqa: N815
    previousDigestS3Object: str | None = None  # noqa: N815
    previousDigestHashValue: str | None = None  # noqa: N815
    previousDigestSignature: str | None = None  # noqa: N815
    logFiles: tuple[LogFile, ...] = ()  # noqa: N815


@dataclass(frozen=True)
class Found:
    """A digest with the SHA-256 (hex) of its content and the place where it lies in the copy."""

    digest: Digest
    sha256: str
    path: Path

    def statement(self) -> bytes:
        """What is signed: end, place, hash and the signature before it, one a line."""
        said = self.digest
        place = f"{said.digestS3Bucket}/{said.digestS3Object}"
        return "\n".join([said.digestEndTime, place, self.sha256, said.previousDigestSignature or "null"]).encode()


def audit_cloudtrail(
    folder: Path, keys: Sequence[RSAPublicKey], known: Callable[[str], Iterable[Known]] = lambda _: ()
) -> Audit:
    """Audit a copy of a bucket. `audit.size` counts the log files that are as they were delivered.

    `known`: for the name of a trail, the digests of it that were seen before, by the SHA-256 of their content.

    Raises CloudTrailError when there is no digest.
    """
    audit = Audit(log="")
    found = sorted(_digests(folder, audit.faults), key=lambda each: each.digest.digestEndTime)
    if not found:
        raise CloudTrailError(f"{folder} holds no digest files; copy the bucket with its folder {_DIGESTS}")
    newest = found[-1]
    audit.log = f"{newest.digest.digestS3Bucket}/{_trail(newest)}"
    audit.root = bytes.fromhex(newest.sha256)
    _hold_together(found, keys, audit.faults)
    _hold_to_known(found, known(audit.log), audit.faults)
    named = _hold_logs(folder, found, audit)
    _strays(folder, named, newest.digest.digestEndTime, audit)
    return audit


def _trail(found: Found) -> str:
    """The part of a digest's place that all digests of one trail share."""
    return _STAMP.sub("", PurePosixPath(found.digest.digestS3Object).name).removesuffix(".json.gz")


def _digests(folder: Path, faults: Faults) -> Iterator[Found]:
    for path in sorted(folder.rglob("*.json.gz")):
        if _DIGESTS not in path.parts:
            continue
        where = path.relative_to(folder)
        try:
            content = inflated(path.read_bytes())
            digest = msgspec.json.decode(content, type=Digest)
        except (InflateError, msgspec.DecodeError, OSError) as problem:
            faults.add(Kind.UNREADABLE, f"{where}: {problem}")
            continue
        if not str(path).endswith(digest.digestS3Object):
            faults.add(Kind.FOREIGN, f"{where} says that it lies at {digest.digestS3Object}")
        yield Found(digest, hashlib.sha256(content).hexdigest(), path)


def _hold_together(found: Sequence[Found], keys: Sequence[RSAPublicKey], faults: Faults) -> None:
    for before, after in itertools.pairwise(found):
        said = after.digest
        if said.previousDigestS3Object is None:
            faults.add(Kind.GAP, f"{after.path.name} begins a chain anew")
            continue
        if said.previousDigestS3Object != before.digest.digestS3Object:
            faults.add(Kind.GAP, f"the digest before {after.path.name} is not here")
            continue
        if said.previousDigestHashValue != before.sha256:
            faults.add(Kind.EDITED, f"{before.path.name} is not the one that {after.path.name} was chained to")
        if said.digestStartTime != before.digest.digestEndTime:
            faults.add(Kind.GAP, f"{after.path.name} does not begin where {before.path.name} ends")
        _hold_signature(before, said.previousDigestSignature or "", keys, faults)
    beside = found[-1].path.with_name(found[-1].path.name + ".sig")
    signature = beside.read_text(encoding="ascii", errors="replace").strip() if beside.is_file() else ""
    _hold_signature(found[-1], signature, keys, faults)


def _hold_signature(found: Found, signature: str, keys: Sequence[RSAPublicKey], faults: Faults) -> None:
    if not signature:
        faults.add(Kind.UNSIGNED, f"the signature of {found.path.name} is not here; put it into {found.path.name}.sig")
    elif found.digest.digestSignatureAlgorithm != "SHA256withRSA":
        faults.add(Kind.UNSIGNED, f"{found.path.name} is signed with something other than SHA256withRSA")
    elif not any(_is_signed(found.statement(), signature, key) for key in keys):
        faults.add(Kind.UNSIGNED, f"the signature of {found.path.name} fits none of the keys")


def _is_signed(statement: bytes, signature: str, key: RSAPublicKey) -> bool:
    try:
        key.verify(bytes.fromhex(signature), statement, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _hold_to_known(found: Sequence[Found], known: Iterable[Known], faults: Faults) -> None:
    here = {each.sha256 for each in found}
    for each in known:
        if each.root.hex() not in here:
            faults.add(Kind.ROLLBACK, f"the digest that {each.whence} saw last is not here, or is another one")


def _hold_logs(folder: Path, found: Sequence[Found], audit: Audit) -> frozenset[str]:
    """Hold every log file to its digest; returns the places that the digests name."""
    named: set[str] = set()
    for each in found:
        for entry in each.digest.logFiles:
            if entry.s3_object in named:
                audit.faults.add(Kind.REPEATED, f"{entry.s3_object} stands in two digests")
                continue
            named.add(entry.s3_object)
            _hold_log(folder, entry, audit)
    return frozenset(named)


def _hold_log(folder: Path, entry: LogFile, audit: Audit) -> None:
    path = _inside(folder, entry.s3_object)
    if path is None:
        audit.faults.add(Kind.GAP, f"{entry.s3_object} is not here")
        return
    try:
        content = inflated(path.read_bytes())
    except (InflateError, OSError) as problem:
        audit.faults.add(Kind.UNREADABLE, f"{entry.s3_object}: {problem}")
        return
    if entry.hash_algorithm != "SHA-256" or hashlib.sha256(content).hexdigest() != entry.hash_value:
        audit.faults.add(Kind.EDITED, f"{entry.s3_object} is not the one that was delivered")
        return
    audit.size += 1


def _inside(folder: Path, place: str) -> Path | None:
    """The file that a digest names, within the copy and nowhere else."""
    path = folder / place
    if ".." in PurePosixPath(place).parts or place.startswith("/") or not path.is_file():
        return None
    return path


def _strays(folder: Path, named: frozenset[str], until: str, audit: Audit) -> None:
    """Log files that no digest names: put there by somebody else, or too new for the last digest."""
    horizon = re.sub(r"[-:]", "", until)[: len("20150817T1501")]
    for path in sorted(folder.rglob("*.json.gz")):
        place = path.relative_to(folder).as_posix()
        if place in named or _DIGESTS in path.parts or _LOGS not in path.parts:
            continue
        stamp = _STAMP.search(path.name)
        if stamp and stamp[1][: len(horizon)] >= horizon:
            audit.notes.append(f"{path.name} is newer than the last digest and was not checked")
        else:
            audit.faults.add(Kind.UNCOVERED, f"{place} stands in no digest")
