"""A copy under Object Lock: made only where the bucket really locks, read back, and not to be deleted or changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from tenantproof.cli import main
from tenantproof.evidence import archive as module
from tenantproof.evidence.archive import ArchiveError, archive
from tenantproof.evidence.manifest import ATTESTATION
from tenantproof.model.evidence_profile import Archive
from tests.aws.served import IDENTITIES, REGION, Cloud, running
from tests.evidence.signed_bundles import both_agree, tiny
from tests.outputs.run_samples import RUN_ID

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as made:
        yield made


@dataclass(frozen=True)
class Bucket:
    """A bucket that locks, where it is, and a client of its owner."""

    place: Archive
    s3: Any


@pytest.fixture
def bucket(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bucket:
    owner = IDENTITIES["alder"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", owner.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", owner.secret_access_key)
    name = f"evidence-{abs(hash(request.node.name)):x}"
    s3 = cloud.client("alder", "s3")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    place = Archive(bucket=name, prefix="nightly", days=30, region=REGION, endpoint=cloud.endpoint)
    return Bucket(place, s3)


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_every_file_is_kept_and_can_not_be_deleted_before_its_time(bucket: Bucket, tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    receipt = archive(folder, bucket.place, NOW)
    assert {each.name for each in receipt.files} == {path.name for path in folder.iterdir()}
    assert receipt.files[-1].name == ATTESTATION
    for each in receipt.files:
        assert each.key == f"nightly/{RUN_ID}/{each.name}"
        version = {"Bucket": bucket.place.bucket, "Key": each.key, "VersionId": each.version}
        assert bucket.s3.get_object(**version)["Body"].read() == (folder / each.name).read_bytes()
        assert code_of(bucket.s3.delete_object, **version) == "AccessDenied"
        sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": NOW + timedelta(days=1)}
        assert code_of(bucket.s3.put_object_retention, **version, Retention=sooner) == "AccessDenied"
        assert datetime.fromisoformat(each.until) >= NOW.replace(microsecond=0) + timedelta(days=30)
    assert both_agree(folder).ok, "the bundle itself stays as it was"
    assert json.loads((tmp_path / f"{RUN_ID}.archive.json").read_text())["bucket"] == bucket.place.bucket


def test_copying_again_writes_nothing_anew(bucket: Bucket, tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    first = archive(folder, bucket.place, NOW)
    assert archive(folder, bucket.place, NOW + timedelta(hours=2)) == first


def test_a_copy_that_was_cut_short_is_gone_on_with(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, put = tiny(tmp_path), module._put

    def cut_short(*arguments: Any) -> str:
        if arguments[4].name == "record.json":
            raise OSError("the line is down")
        return put(*arguments)

    monkeypatch.setattr(module, "_put", cut_short)
    with pytest.raises(ArchiveError, match=r"record\.json: the line is down"):
        archive(folder, bucket.place, NOW)
    assert not (tmp_path / f"{RUN_ID}.archive.json").exists()
    monkeypatch.setattr(module, "_put", put)
    assert len(archive(folder, bucket.place, NOW).files) == len(list(folder.iterdir()))


def test_somebody_elses_object_in_its_place_is_noticed(bucket: Bucket, tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    taken = f"nightly/{RUN_ID}/junit.xml"
    bucket.s3.put_object(Bucket=bucket.place.bucket, Key=taken, Body=b"something else")
    with pytest.raises(ArchiveError, match="not what was signed"):
        archive(folder, bucket.place, NOW)


def test_a_retention_that_is_too_short_is_noticed(bucket: Bucket, tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    archive(folder, bucket.place, NOW)
    with pytest.raises(ArchiveError, match="it is kept under COMPLIANCE until"):
        archive(folder, replace(bucket.place, days=60), NOW)


def test_a_bundle_that_was_changed_is_not_what_was_signed(bucket: Bucket, tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / "junit.xml").write_bytes(b"<testsuiteS/>")
    with pytest.raises(ArchiveError, match=r"junit\.xml"):
        archive(folder, bucket.place, NOW)


def test_a_bucket_without_lock_or_versions_is_refused_before_anything_is_sent(bucket: Bucket, tmp_path: Path) -> None:
    folder, plain = tiny(tmp_path), f"{bucket.place.bucket}-plain"
    bucket.s3.create_bucket(Bucket=plain)
    with pytest.raises(ArchiveError, match="keeps no versions"):
        archive(folder, replace(bucket.place, bucket=plain), NOW)
    bucket.s3.put_bucket_versioning(Bucket=plain, VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(ArchiveError, match="ObjectLockConfigurationNotFoundError"):
        archive(folder, replace(bucket.place, bucket=plain), NOW)
    with pytest.raises(ArchiveError, match="NoSuchBucket"):
        archive(folder, replace(bucket.place, bucket="evidence-nowhere"), NOW)
    assert "Contents" not in bucket.s3.list_objects_v2(Bucket=plain)


def test_what_is_no_signed_bundle_is_not_kept(bucket: Bucket, tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / ATTESTATION).unlink()
    with pytest.raises(ArchiveError, match="not signed"):
        archive(folder, bucket.place, NOW)


def test_no_credentials_and_no_endpoint_are_one_sentence(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="the bucket"):
        archive(tiny(tmp_path), replace(bucket.place, endpoint="http://127.0.0.1:9"), NOW)


def test_the_command_keeps_the_newest_bundle(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path / "evidence")
    place = bucket.place
    chosen = ("--bucket", place.bucket, "--endpoint", place.endpoint, "--region", place.region, "--mode", "GOVERNANCE")
    with pytest.raises(SystemExit) as ended:
        main(["archive", *chosen, "--days", "7"])
    assert ended.value.code == 0
    assert "4 files" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["archive"])
    assert ended.value.code == 2
