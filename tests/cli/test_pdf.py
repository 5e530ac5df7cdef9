"""The report as a PDF: tagged, in a language, titled, with bookmarks; in the bundle, and missed by nothing without."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdf
import pytest

from tenantproof.cli import pdf
from tenantproof.cli.closing import Closing, close
from tenantproof.cli.pdf import pdf_of
from tenantproof.evidence.keys import signing_key
from tenantproof.evidence.verify import verify
from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tests.cli.test_clock import closing
from tests.outputs.run_samples import drawn, hostile, record


@pytest.fixture(scope="module")
def printed() -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf_of(drawn(record()))))


def test_it_is_tagged_in_a_language_and_titled(printed: pypdf.PdfReader) -> None:
    root: Any = printed.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert printed.metadata
    assert str(printed.metadata.title).startswith("Tenant isolation of venturi embedded")


def test_its_headings_are_bookmarks(printed: pypdf.PdfReader) -> None:
    titles = list(_titles(printed.outline))
    for wanted in ("Result", "For the auditor", "For the engineer", "Claim by claim", "Appendix"):
        assert wanted in titles
    assert any(title.startswith("QA-2") for title in titles)


def _titles(outline: Sequence[object]) -> list[str]:
    found: list[str] = []
    for each in outline:
        found += _titles(each) if isinstance(each, list) else [str(getattr(each, "title", ""))]
    return found


def test_it_says_what_the_page_says_and_a_hostile_target_adds_no_action(printed: pypdf.PdfReader) -> None:
    assert "NOT SATISFIED" in "".join(page.extract_text() for page in printed.pages[:3]).upper()
    raw = pdf_of(drawn(hostile()))
    reader = pypdf.PdfReader(io.BytesIO(raw))
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(reader.root_object)
    for page in reader.pages:
        for annotation in page.get("/Annots") or ():
            action = annotation.get_object().get("/A")
            assert action is None or not str(action.get("/URI", "")).startswith(("http", "javascript"))


def closed(folder: Path, *, is_printed: bool) -> Path:
    made: Closing = closing(folder, is_printed=is_printed)
    with Journal.create(folder / "journal.sqlite", {}) as journal:
        close(made, journal)
    return folder


@pytest.fixture
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TENANTPROOF_SIGNING_KEY", raising=False)


@pytest.mark.usefixtures("own_key")
def test_it_lies_in_the_bundle_and_in_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenantproof.cli.sealing.pdf_of", lambda page: b"%PDF of " + page[:20])
    folder = closed(tmp_path / "evidence" / "20250301T020000Z-a1b2c3", is_printed=True)
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    result = verify(folder, signing_key().public)
    assert result.ok, result.problems
    assert result.manifest
    assert "report.pdf" in {entry.name for entry in result.manifest.files}


@pytest.mark.usefixtures("own_key")
def test_without_a_browser_the_bundle_is_complete_and_the_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pdf, "_BROWSERS", ("no-browser-of-that-name",))
    folder = closed(tmp_path / "evidence" / "20250301T020000Z-a1b2c3", is_printed=True)
    assert "no report.pdf" in capsys.readouterr().err
    assert not (folder / "report.pdf").exists()
    assert verify(folder, signing_key().public).ok


@pytest.mark.parametrize(
    ("script", "because"), [("exit 3", "exit status 3"), ("sleep 60", "timed out"), ("", "report.pdf")]
)
def test_a_browser_that_fails_hangs_or_prints_nothing_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, because: str
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\n{script}\n")
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(pdf, "_BROWSERS", (browser.name,))
    monkeypatch.setattr(pdf, "_SECONDS", 1.0)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(UsageError, match="by hand") as told:
        pdf_of(b"<p>page</p>")
    assert because in str(told.value)
