"""`tenantproof verify` and `tenantproof report`, as a reader types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantproof.cli import main
from tenantproof.evidence.keys import public_pem
from tests.evidence.signed_bundles import KEY, make
from tests.outputs.run_samples import RUN_ID


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TENANTPROOF_SIGNING_KEY", raising=False)
    (tmp_path / "auditor.pub").write_text(public_pem(KEY.public))
    return make(tmp_path / "evidence")


def tenantproof(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.parametrize("named", [(), ("evidence/latest",), (f"evidence/{RUN_ID}",)])
def test_an_intact_bundle_ends_0(bundle: Path, capsys: pytest.CaptureFixture[str], named: tuple[str, ...]) -> None:
    assert tenantproof("verify", *named, "--key", "auditor.pub") == 0
    said = capsys.readouterr().out
    assert "VERIFIED" in said
    assert "5 of 5" in said
    assert KEY.fingerprint in said


def test_a_changed_bundle_ends_1_with_a_sentence_for_each_problem(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle / "junit.xml").unlink()
    (bundle / "x\x1b[31m.txt").write_text("")
    assert tenantproof("verify", "--key", "auditor.pub") == 1
    said = capsys.readouterr().out
    assert "TAMPERED" in said
    assert "problem junit.xml is missing." in said
    assert "\x1b" not in said


def test_no_key_and_no_bundle_end_2_with_the_fix(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tenantproof("verify") == 2
    assert "--key FILE" in capsys.readouterr().err
    assert tenantproof("verify", "evidence/nowhere", "--key", "auditor.pub") == 2
    assert "no bundle" in capsys.readouterr().err


def test_latest_as_a_text_file_is_followed(bundle: Path) -> None:
    latest = bundle.parent / "latest"
    latest.unlink()
    latest.write_text(f"{RUN_ID}\n")
    assert tenantproof("verify", "--key", "auditor.pub") == 0


def test_the_stored_report_is_what_the_record_says(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tenantproof("report") == 0
    assert "byte for byte" in capsys.readouterr().out


def test_a_report_that_says_something_else_ends_1_and_can_be_drawn_anew(bundle: Path, tmp_path: Path) -> None:
    good = (bundle / "report.html").read_bytes()
    (bundle / "report.html").write_bytes(good.replace(b"not satisfied", b"satisfied"))
    assert tenantproof("report", "--output", "drawn.html") == 1
    assert (tmp_path / "drawn.html").read_bytes() == good


def test_a_new_drawing_never_goes_into_the_bundle(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tenantproof("report", "--output", "evidence/latest/again.html") == 2
    assert "signature" in capsys.readouterr().err
    assert not (bundle / "again.html").exists()


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"id": 1}'])
def test_a_record_that_can_not_be_read_is_a_message(
    bundle: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    (bundle / "record.json").write_bytes(data)
    assert tenantproof("report") == 2
    assert "record" in capsys.readouterr().err
