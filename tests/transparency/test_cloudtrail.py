"""A copy of a CloudTrail bucket is whole, or `tenantproof trail verify --format cloudtrail` says where it is not."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantproof.cli import group
from tenantproof.model.errors import UsageError

BUCKET, ROOT = "logs-example", "AWSLogs/111122223333"


@cache
def signer(number: int = 0) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(65537, 2048)


class Bucket:
    """A bucket with an hour of logs for every digest, chained and signed as AWS documents it."""

    def __init__(self, folder: Path, hours: int = 3) -> None:
        self.folder, self.hours = folder, hours
        self.signature: str | None = None
        self.before: tuple[str, str] | None = None
        for hour in range(hours):
            self.deliver(hour)

    def log(self, hour: int, part: int) -> Path:
        return (
            self.folder
            / ROOT
            / f"CloudTrail/us-east-1/111122223333_CloudTrail_us-east-1_20260301T{hour:02}{part}5Z_x.json.gz"
        )

    def digest(self, hour: int) -> Path:
        name = f"111122223333_CloudTrail-Digest_us-east-1_main_us-east-1_20260301T{hour + 1:02}0000Z.json.gz"
        return self.folder / ROOT / "CloudTrail-Digest/us-east-1" / name

    def deliver(self, hour: int) -> None:
        files = [self._logged(hour, part) for part in range(2)]
        path = self.digest(hour)
        place = path.relative_to(self.folder).as_posix()
        content = json.dumps(
            {
                "awsAccountId": "111122223333",
                "digestStartTime": f"2026-03-01T{hour:02}:00:00Z",
                "digestEndTime": f"2026-03-01T{hour + 1:02}:00:00Z",
                "digestS3Bucket": BUCKET,
                "digestS3Object": place,
                "digestPublicKeyFingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
                "digestSignatureAlgorithm": "SHA256withRSA",
                "previousDigestS3Bucket": BUCKET if self.before else None,
                "previousDigestS3Object": self.before[0] if self.before else None,
                "previousDigestHashValue": self.before[1] if self.before else None,
                "previousDigestHashAlgorithm": "SHA-256",
                "previousDigestSignature": self.signature,
                "logFiles": files,
            }
        ).encode()
        write(path, content)
        sha256 = hashlib.sha256(content).hexdigest()
        said = f"2026-03-01T{hour + 1:02}:00:00Z\n{BUCKET}/{place}\n{sha256}\n{self.signature or 'null'}"
        self.signature = signer().sign(said.encode(), PKCS1v15(), SHA256()).hex()
        self.before = (place, sha256)
        path.with_name(path.name + ".sig").write_text(self.signature)

    def _logged(self, hour: int, part: int) -> dict[str, Any]:
        path = self.log(hour, part)
        content = json.dumps({"Records": [{"eventTime": f"2026-03-01T{hour:02}:{part}0:00Z"}]}).encode()
        write(path, content)
        return {
            "s3Bucket": BUCKET,
            "s3Object": path.relative_to(self.folder).as_posix(),
            "hashValue": hashlib.sha256(content).hexdigest(),
            "hashAlgorithm": "SHA-256",
        }


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0))


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    said = json.loads(gzip.decompress(path.read_bytes()))
    edit(said)
    write(path, json.dumps(said).encode())


def verify(folder: Path, *more: object) -> dict[str, Any]:
    key = folder.parent / "key.pem"
    key.write_bytes(signer().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    words = ["trail", "verify", str(folder), "--format", "cloudtrail", "--json", *map(str, more)]
    if "--key" not in words:
        words += ["--key", str(key)]
    done = CliRunner().invoke(group, words, standalone_mode=False)
    if done.exception:
        raise done.exception
    found: dict[str, Any] = json.loads(done.stdout)["logs"][0]
    assert bool(done.return_value) is bool(found["faults"])
    return found


def faults(folder: Path, *more: object) -> set[str]:
    return set(verify(folder, *more)["faults"])


def test_a_whole_bucket_is_whole(tmp_path: Path) -> None:
    said = verify(Bucket(tmp_path / "copy").folder)
    assert (said["whole"], said["size"], said["notes"]) == (True, 6, [])


ATTACKS: dict[str, tuple[Callable[[Bucket], object], set[str]]] = {
    "a log edited": (lambda b: write(b.log(1, 0), b'{"Records":[]}'), {"edited"}),
    "a log deleted": (lambda b: b.log(1, 0).unlink(), {"gap"}),
    "a log put in": (lambda b: write(b.log(1, 3), b"{}"), {"uncovered"}),
    "a second member behind a log": (
        lambda b: b.log(1, 0).write_bytes(b.log(1, 0).read_bytes() + gzip.compress(b"more")),
        {"unreadable"},
    ),
    "bytes behind a log": (lambda b: b.log(1, 0).write_bytes(b.log(1, 0).read_bytes() + b"\0"), {"unreadable"}),
    "half a log": (lambda b: b.log(1, 0).write_bytes(b.log(1, 0).read_bytes()[:20]), {"unreadable"}),
    "no gzip": (lambda b: b.log(1, 0).write_bytes(b"{}"), {"unreadable"}),
    "a digest deleted": (lambda b: b.digest(1).unlink(), {"gap", "uncovered"}),
    "a digest edited": (
        lambda b: change(b.digest(1), lambda said: said["logFiles"].pop()),
        {"edited", "unsigned", "uncovered"},
    ),
    "a digest moved": (lambda b: b.digest(1).rename(b.digest(1).with_name("moved.json.gz")), {"foreign"}),
    "a digest that names the way out": (
        lambda b: change(b.digest(2), lambda said: said["logFiles"][0].update(s3Object="../outside")),
        {"gap", "unsigned", "uncovered"},
    ),
    "the newest digest edited": (
        lambda b: change(b.digest(2), lambda said: said.update(logFiles=[])),
        {"unsigned", "uncovered"},
    ),
    "a chain begun anew": (
        lambda b: change(b.digest(2), lambda said: said.update(previousDigestS3Object=None)),
        {"gap", "unsigned"},
    ),
    "a signature lost": (lambda b: b.digest(2).with_name(b.digest(2).name + ".sig").unlink(), {"unsigned"}),
    "a signature of something else": (
        lambda b: b.digest(2).with_name(b.digest(2).name + ".sig").write_text("ab" * 256),
        {"unsigned"},
    ),
}


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_on_a_bucket_is_found(attack: Callable[[Bucket], object], expected: set[str], tmp_path: Path) -> None:
    bucket = Bucket(tmp_path / "copy")
    attack(bucket)
    assert faults(bucket.folder) == expected


def test_a_log_that_is_newer_than_the_last_digest_is_told_and_no_fault(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path / "copy")
    write(bucket.log(3, 1), b"{}")
    said = verify(bucket.folder)
    assert said["whole"]
    assert "newer than the last digest" in said["notes"][0]


def test_a_bucket_that_went_back_or_was_signed_anew_is_not_the_one_that_was_seen(tmp_path: Path) -> None:
    bucket, heads = Bucket(tmp_path / "copy"), tmp_path / "heads.json"
    assert faults(bucket.folder, "--heads", heads) == set()
    bucket.deliver(3)
    assert faults(bucket.folder, "--heads", heads) == set()
    assert faults(Bucket(tmp_path / "old").folder, "--heads", heads) == {"rollback"}


def test_another_key_signs_nothing(tmp_path: Path) -> None:
    bucket, other = Bucket(tmp_path / "copy"), tmp_path / "other.pem"
    other.write_bytes(signer(1).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert faults(bucket.folder, "--key", other) == {"unsigned"}
    with pytest.raises(UsageError, match="no public key"):
        verify(bucket.folder, "--key", bucket.digest(0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no digest files"):
        verify(tmp_path / "empty")
