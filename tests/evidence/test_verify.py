"""Whatever is done to a finished bundle, both verifiers notice."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantproof.evidence.attestation import envelope, pae
from tenantproof.evidence.manifest import ATTESTATION, MANIFEST, canonical
from tenantproof.evidence.verify import verify
from tests.evidence.signed_bundles import KEY, OTHER_KEY, ROOT, both_agree, independent, make, sign_anew
from tests.outputs.run_samples import RUN_ID

FILES = ("journal.sqlite", "junit.xml", "record.json", "report.html", "summary.json", MANIFEST, ATTESTATION)
NEXT = "20250302T020000Z-ffffff"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make(tmp_path / "evidence")


def test_a_bundle_as_it_was_signed_verifies(bundle: Path) -> None:
    result = both_agree(bundle)
    assert result.ok, result.problems
    assert result.files == len(FILES) - 2
    assert {path.name for path in bundle.iterdir()} == set(FILES)


def test_a_bundle_verifies_under_another_name_and_place(bundle: Path, tmp_path: Path) -> None:
    moved = shutil.move(bundle, tmp_path / "handed over")
    result = both_agree(Path(moved))
    assert result.ok, result.problems
    assert any("folder is named" in note for note in result.notes)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_one_flipped_bit_of_any_file_is_noticed(bundle: Path, name: str, where: float) -> None:
    path = bundle / name
    data = bytearray(path.read_bytes())
    data[int(where * (len(data) - 1))] ^= 1
    path.write_bytes(data)
    result = both_agree(bundle)
    assert not result.ok
    assert any(name in problem for problem in result.problems), result.problems


@given(name=st.sampled_from([MANIFEST, ATTESTATION]), where=st.floats(0, 1), mask=st.integers(1, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_byte_of_what_binds_the_bundle_counts(bundle: Path, name: str, where: float, mask: int) -> None:
    path = bundle / name
    good = path.read_bytes()
    at = int(where * (len(good) - 1))
    path.write_bytes(good[:at] + bytes([good[at] ^ mask]) + good[at + 1 :])
    try:
        assert not both_agree(bundle).ok
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("tail", [b"\n", b" ", b"\x00"])
def test_one_byte_more_is_noticed(bundle: Path, name: str, tail: bytes) -> None:
    with (bundle / name).open("ab") as stream:
        stream.write(tail)
    assert not both_agree(bundle).ok


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_emptied_or_removed_is_noticed(bundle: Path, name: str) -> None:
    path = bundle / name
    for data in (path.read_bytes()[:-1], b""):
        path.write_bytes(data)
        assert not both_agree(bundle).ok
    path.unlink()
    assert not both_agree(bundle).ok


@pytest.mark.parametrize(
    "name", ["notes.txt", "journal.sqlite-wal", "journal.sqlite-shm", "journal.sqlite-journal", ".x"]
)
def test_a_file_that_was_added_is_noticed(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes(b"")
    result = both_agree(bundle)
    assert [problem for problem in result.problems if name in problem and "added" in problem]


def test_a_folder_that_was_added_is_noticed(bundle: Path) -> None:
    (bundle / "more").mkdir()
    assert not both_agree(bundle).ok


def test_a_renamed_file_is_both_missing_and_added(bundle: Path) -> None:
    (bundle / "junit.xml").rename(bundle / "junit2.xml")
    assert len(both_agree(bundle).problems) == 2


def test_two_files_that_swapped_names_are_noticed(bundle: Path) -> None:
    one, other = (bundle / "junit.xml").read_bytes(), (bundle / "summary.json").read_bytes()
    (bundle / "junit.xml").write_bytes(other)
    (bundle / "summary.json").write_bytes(one)
    assert len(both_agree(bundle).problems) == 2


@pytest.mark.parametrize("name", FILES)
def test_a_link_to_the_same_bytes_is_not_the_file(bundle: Path, tmp_path: Path, name: str) -> None:
    kept = shutil.move(bundle / name, tmp_path / name)
    (bundle / name).symlink_to(kept)
    result = both_agree(bundle)
    assert any(name in problem and "plain file" in problem for problem in result.problems)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in the file system")
def test_a_pipe_in_place_of_a_file_does_not_hang_us(bundle: Path) -> None:
    import os

    (bundle / "report.html").unlink()
    os.mkfifo(bundle / "report.html")
    assert not both_agree(bundle).ok


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", [MANIFEST, ATTESTATION])
def test_the_same_content_written_otherwise_is_another_file(bundle: Path, name: str, indent: int | None) -> None:
    path = bundle / name
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=indent))
    result = both_agree(bundle)
    assert any("canonical" in problem for problem in result.problems)


def test_padding_bits_of_base64_hide_nothing(bundle: Path) -> None:
    path = bundle / ATTESTATION
    text = path.read_text()
    mark = json.loads(text)["signatures"][0]["sig"]
    assert mark.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = mark[:-3] + alphabet[alphabet.index(mark[-3]) ^ 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(mark)
    path.write_text(text.replace(mark, other))
    assert not both_agree(bundle).ok


def test_another_key_does_not_verify_and_a_forger_can_notsign_anew(bundle: Path) -> None:
    assert not both_agree(bundle, OTHER_KEY).ok
    payload = base64.b64decode(json.loads((bundle / ATTESTATION).read_bytes())["payload"])
    (bundle / ATTESTATION).write_bytes(envelope(payload, OTHER_KEY.private.sign(pae(payload)), KEY.public))
    result = both_agree(bundle)
    assert any("signature" in problem.lower() for problem in result.problems)


def test_a_rewritten_list_is_not_the_one_that_was_signed(bundle: Path) -> None:
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    manifest["files"] = [entry for entry in manifest["files"] if entry["name"] != "junit.xml"]
    (bundle / MANIFEST).write_bytes(canonical(manifest))
    (bundle / "junit.xml").unlink()
    assert both_agree(bundle).problems == [f"{MANIFEST} is not the one that was signed."]


@pytest.mark.parametrize("name", ["../report.html", "/etc/hostname", "a/b", "", ".", "..", "a\\b", "é", MANIFEST])
def test_a_signed_name_that_leads_elsewhere_is_refused(bundle: Path, name: str) -> None:
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    manifest["files"][0]["name"] = name
    sign_anew(bundle, manifest)
    assert not both_agree(bundle).ok


def test_a_signed_run_before_that_leads_elsewhere_is_refused(bundle: Path) -> None:
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    manifest["previous"] = {"run": "../../elsewhere", "manifest_sha256": "00" * 32}
    sign_anew(bundle, manifest)
    assert not both_agree(bundle).ok


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"files":1}', b'"\\ud800"'])
@pytest.mark.parametrize("name", [MANIFEST, ATTESTATION])
def test_rubbish_in_place_of_what_binds_the_bundle_is_a_problem_not_a_crash(
    bundle: Path, name: str, data: bytes
) -> None:
    (bundle / name).write_bytes(data)
    assert not both_agree(bundle).ok


def test_the_chain_names_the_bundle_before(tmp_path: Path) -> None:
    first, second = make(tmp_path / "evidence"), make(tmp_path / "evidence", NEXT)
    result = both_agree(second)
    assert result.ok
    assert result.manifest is not None
    assert result.manifest.previous is not None
    assert result.manifest.previous.run == first.name


def test_a_changed_bundle_before_breaks_the_chain_though_it_be_signed_anew(tmp_path: Path) -> None:
    first, second = make(tmp_path / "evidence"), make(tmp_path / "evidence", NEXT)
    manifest = json.loads((first / MANIFEST).read_bytes())
    sign_anew(first, manifest | {"time": "2025-03-01T09:00:00Z"})
    assert both_agree(first).ok
    result = both_agree(second)
    assert any("chain" in problem and RUN_ID in problem for problem in result.problems)


def test_a_bundle_before_that_is_elsewhere_is_a_note_and_an_emptied_one_a_problem(tmp_path: Path) -> None:
    first, second = make(tmp_path / "evidence"), make(tmp_path / "evidence", NEXT)
    shutil.rmtree(first)
    result = both_agree(second)
    assert result.ok
    assert any(RUN_ID in note for note in result.notes)
    first.mkdir()
    assert not both_agree(second).ok


def test_the_independent_verifier_is_short_and_shares_no_code() -> None:
    text = (ROOT / "docs" / "verify_bundle.py").read_text()
    assert len(text.splitlines()) < 190
    assert "import tenantproof" not in text
    assert "from tenantproof" not in text


def test_the_independent_verifier_says_how_it_is_used(bundle: Path, tmp_path: Path) -> None:
    code, said = independent(tmp_path / "nowhere")
    assert code == 2
    assert "usage" in said


def test_verifying_changes_nothing(bundle: Path) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in bundle.iterdir()}
    verify(bundle, KEY.public)
    assert before == {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in bundle.iterdir()}
