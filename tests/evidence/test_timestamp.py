"""An authority's time stamp: it binds the bundle, the signature binds it, and only a trusted authority's counts."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantproof.cli import main
from tenantproof.evidence.bundle import finish
from tenantproof.evidence.keys import public_pem
from tenantproof.evidence.manifest import MANIFEST, STAMP
from tenantproof.evidence.timestamp import StampError, authorities, request_stamp
from tenantproof.evidence.verify import verify
from tenantproof.model.errors import UsageError
from tests.evidence.authority import Authority, authority
from tests.evidence.signed_bundles import KEY, both_agree, manifest_of, sign_anew, tiny
from tests.outputs.run_samples import RUN_ID, record


@pytest.fixture(scope="module")
def tsa() -> Iterator[Authority]:
    with authority() as running:
        yield running


@pytest.fixture(scope="module")
def stamped_once(tmp_path_factory: pytest.TempPathFactory, tsa: Authority) -> Path:
    folder = tmp_path_factory.mktemp("evidence") / RUN_ID
    folder.mkdir()
    finish(folder, record(), {}, KEY, lambda manifest: request_stamp(tsa.url, manifest))
    return folder


@pytest.fixture
def stamped(stamped_once: Path, tmp_path: Path) -> Path:
    """A bundle with a time stamp, to spoil."""
    return Path(shutil.copytree(stamped_once, tmp_path / "evidence" / RUN_ID))


def test_a_stamp_by_a_trusted_authority_says_when_the_bundle_was_there(stamped: Path, tsa: Authority) -> None:
    assert both_agree(stamped).ok
    result = verify(stamped, KEY.public, trusted=authorities([tsa.root]))
    assert result.ok, result.problems
    assert result.stamp is not None
    assert abs(result.stamp.at - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
    assert result.stamp.authority == "CN=authority of time"


def test_openssl_takes_the_stamp_for_what_it_is(stamped: Path, tsa: Authority) -> None:
    command: list[str | Path] = [
        "openssl",
        "ts",
        "-verify",
        "-data",
        stamped / MANIFEST,
        "-in",
        stamped / STAMP,
        "-CAfile",
        tsa.root,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout + done.stderr


def test_an_authority_that_nobody_trusts_stamps_nothing(stamped: Path) -> None:
    with authority() as other:
        result = verify(stamped, KEY.public, trusted=authorities([other.root]))
    assert not result.ok
    assert any("does not hold" in problem for problem in result.problems)


def test_a_stamp_that_was_not_checked_is_a_note_and_one_that_is_wanted_and_missing_a_problem(
    stamped: Path, tmp_path: Path, tsa: Authority
) -> None:
    assert any("--tsa" in note for note in verify(stamped, KEY.public).notes)
    plain = tiny(tmp_path / "plain")
    assert both_agree(plain).ok
    assert verify(plain, KEY.public, trusted=authorities([tsa.root])).problems == ["The bundle bears no time stamp."]


def test_flipping_any_byte_of_the_stamp_is_noticed_without_reading_it(stamped: Path) -> None:
    path = stamped / STAMP
    good = path.read_bytes()
    for at in range(0, len(good), 7):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1 :])
        assert not both_agree(stamped).ok


def test_a_stamp_that_is_removed_added_or_a_link_is_noticed(stamped: Path, tmp_path: Path) -> None:
    kept = (stamped / STAMP).read_bytes()
    (stamped / STAMP).unlink()
    assert not both_agree(stamped).ok
    (tmp_path / "kept").write_bytes(kept)
    (stamped / STAMP).symlink_to(tmp_path / "kept")
    assert not both_agree(stamped).ok
    plain = tiny(tmp_path / "plain")
    (plain / STAMP).write_bytes(kept)
    assert not both_agree(plain).ok


def test_the_stamp_of_another_bundle_does_not_hold_though_the_key_signed_it(stamped: Path, tsa: Authority) -> None:
    """Who holds the key can list any stamp; only the authority's word ties it to this manifest."""
    sign_anew(stamped, manifest_of(stamped) | {"time": "2020-01-01T00:00:00Z"})
    assert both_agree(stamped).ok
    assert not verify(stamped, KEY.public, trusted=authorities([tsa.root])).ok


SPOILS = {
    "nothing": lambda _: b"",
    "rubbish": lambda _: b"\x30\x03\x02\x01\x07",
    "cut": lambda answer: answer[: len(answer) // 2],
    "a refusal": lambda _: b"\x30\x05\x30\x03\x02\x01\x02",
}


@pytest.mark.parametrize("name", SPOILS)
def test_an_authority_that_answers_something_else_gives_no_stamp(name: str) -> None:
    with authority(SPOILS[name]) as spoiled, pytest.raises(StampError, match=r"127\.0\.0\.1"):
        request_stamp(spoiled.url, b"message")


def test_the_answer_to_an_earlier_question_is_no_answer(tsa: Authority) -> None:
    earlier = request_stamp(tsa.url, b"message")
    with authority(lambda _: earlier) as replays, pytest.raises(StampError, match="another question"):
        request_stamp(replays.url, b"message")


@pytest.mark.parametrize("url", ["http://127.0.0.1:{free}/", "nonsense", "ftp://127.0.0.1/", "http://[::1"])
def test_an_authority_that_is_not_there_is_one_sentence(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        free = nobody.getsockname()[1]
    with pytest.raises(StampError, match="gave no time stamp"):
        request_stamp(url.format(free=free), b"message")


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("rubbish")
    for path in (tmp_path / "x.pem", tmp_path / "nowhere.pem"):
        with pytest.raises(UsageError, match="certificate"):
            authorities([path])


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tsa: Authority, stamped: Path) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(StampError, match=r"tenantproof\[timestamp\]"):
        request_stamp(tsa.url, b"message")
    assert any("tenantproof[timestamp]" in problem for problem in _trusting(stamped, tsa))


def _trusting(bundle: Path, tsa: Authority) -> list[str]:
    return verify(bundle, KEY.public, trusted=authorities([tsa.root])).problems


def test_the_command_prints_when_and_by_whom(
    stamped: Path, tsa: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "auditor.pub").write_text(public_pem(KEY.public))
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(stamped), "--key", str(tmp_path / "auditor.pub"), "--tsa", str(tsa.root)])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "by CN=authority of time" in said
    assert "clock" not in said
