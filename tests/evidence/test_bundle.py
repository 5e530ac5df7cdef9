"""Finishing a bundle: whole or not at all, signed, chained, named the latest."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tenantproof.evidence.attestation import PAYLOAD_TYPE, pae
from tenantproof.evidence.bundle import finish, point_latest, write
from tenantproof.evidence.manifest import ATTESTATION, MANIFEST, digest_of, latest_of, previous_of
from tenantproof.model.errors import UsageError
from tenantproof.model.run_text import decode, encode, settled
from tests.evidence.signed_bundles import KEY, make
from tests.outputs.run_samples import RUN_ID, hostile, record

NEXT = "20250302T020000Z-ffffff"


def test_the_statement_lists_every_claim_and_sorts_them_as_the_standard_does(tmp_path: Path) -> None:
    statement = _statement(make(tmp_path))
    predicate = statement["predicate"]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert (predicate["result"], predicate["passedTests"]) == ("FAILED", ["QA-1"])
    assert (predicate["warnedTests"], predicate["failedTests"]) == (["KE-3"], ["QA-2"])
    assert [item["name"] for item in predicate["configuration"]] == ["profile", "QA-1", "QA-2", "KE-3", "AG-1"]
    assert predicate["configuration"][-1]["annotations"]["reason"] == "no-check"


def test_the_subjects_are_the_manifest_and_every_file(tmp_path: Path) -> None:
    folder = make(tmp_path)
    said = {item["name"]: item["digest"]["sha256"] for item in _statement(folder)["subject"]}
    assert said == {path.name: digest_of(path) for path in folder.iterdir() if path.name != ATTESTATION}


def test_the_signed_bytes_are_those_of_the_dsse_specification() -> None:
    payload = b'{"hello":"world"}'
    assert pae(payload) == b"DSSEv1 %d %s 17 %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), payload)


def test_a_run_that_is_incomplete_never_passes(tmp_path: Path) -> None:
    good = replace(record(), complete=False, claims=record().claims[:1])
    folder = tmp_path / RUN_ID
    folder.mkdir()
    finish(folder, good, {}, KEY)
    assert _statement(folder)["predicate"]["result"] == "WARNED"
    assert json.loads((folder / MANIFEST).read_bytes())["complete"] is False


def test_the_same_record_makes_the_same_bytes(tmp_path: Path) -> None:
    one, other = make(tmp_path / "a"), make(tmp_path / "b")
    for name in (path.name for path in one.iterdir()):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_latest_moves_to_the_newest_run(tmp_path: Path) -> None:
    make(tmp_path)
    assert latest_of(tmp_path) == tmp_path / RUN_ID
    newer = make(tmp_path, NEXT)
    assert (tmp_path / "latest").resolve() == newer
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_latest_is_a_text_file_where_links_can_not_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = make(tmp_path)
    assert (tmp_path / "latest").read_text() == f"{RUN_ID}\n"
    assert latest_of(tmp_path) == folder
    make(tmp_path, NEXT)
    assert latest_of(tmp_path) == tmp_path / NEXT


@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "", ".."])
def test_a_latest_that_leads_elsewhere_is_not_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "latest").write_text(name)
    assert latest_of(tmp_path) is None


def test_an_unfinished_run_is_no_link_of_the_chain(tmp_path: Path) -> None:
    finished = make(tmp_path)
    killed = tmp_path / "20250301T030000Z-dead00"
    killed.mkdir()
    (killed / "journal.sqlite").write_bytes(b"")
    (killed / MANIFEST).write_bytes(b"{}")
    (tmp_path / "latest").unlink()
    found = previous_of(tmp_path, NEXT)
    assert found is not None
    assert found.run == finished.name
    assert found.manifest_sha256 == digest_of(finished / MANIFEST)


def test_without_a_latest_the_newest_bundle_is_the_one_before(tmp_path: Path) -> None:
    make(tmp_path)
    make(tmp_path, NEXT)
    (tmp_path / "latest").unlink()
    found = previous_of(tmp_path, "20250303T020000Z-000000")
    assert found is not None
    assert found.run == NEXT


def test_a_bundle_is_finished_once(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with pytest.raises(UsageError, match="signed already"):
        finish(folder, record(), {}, KEY)


@pytest.mark.parametrize("name", ["journal.sqlite-wal", "journal.sqlite-shm"])
def test_an_open_journal_is_not_signed(tmp_path: Path, name: str) -> None:
    folder = tmp_path / RUN_ID
    folder.mkdir()
    (folder / name).write_bytes(b"")
    with pytest.raises(UsageError, match="close it"):
        finish(folder, record(), {}, KEY)
    assert not (folder / MANIFEST).exists()


@pytest.mark.parametrize("name", ["../x", "a/b", MANIFEST, ATTESTATION, "record.json", ".hidden"])
def test_a_bundle_takes_plain_names_only(tmp_path: Path, name: str) -> None:
    folder = tmp_path / RUN_ID
    folder.mkdir()
    with pytest.raises(UsageError, match="plain names"):
        finish(folder, record(), {name: b""}, KEY)


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / NEXT
    folder.mkdir()
    with pytest.raises(UsageError, match="named after its run"):
        finish(folder, record(), {}, KEY)


def test_a_full_disk_leaves_no_half_file_and_no_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / RUN_ID
    folder.mkdir()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        finish(folder, record(), {"summary.json": b"{}"}, KEY)
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "latest").exists()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_pointing_twice_at_the_same_run_is_harmless(tmp_path: Path) -> None:
    folder = make(tmp_path)
    point_latest(folder)
    assert latest_of(tmp_path) == folder


def test_a_record_survives_being_written_and_read() -> None:
    for made in (record(), hostile()):
        assert decode(encode(made)) == settled(made)
        assert encode(decode(encode(made))) == encode(made)


def _statement(folder: Path) -> dict[str, Any]:
    payload = json.loads((folder / ATTESTATION).read_bytes())["payload"]
    return dict(json.loads(base64.b64decode(payload)))
