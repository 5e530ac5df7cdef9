"""Setting up once is enough, and whoever gets the command wrong is told so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap


def test_a_warm_start_installs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    synced = []
    _pretend_project(monkeypatch, tmp_path)

    def sync() -> None:
        synced.append(1)
        interpreter = tmp_path / ".venv/bin/python"
        interpreter.parent.mkdir(parents=True, exist_ok=True)
        interpreter.touch()

    monkeypatch.setattr(bootstrap, "_sync", sync)
    bootstrap.ready()
    bootstrap.ready()
    assert len(synced) == 1
    (tmp_path / "uv.lock").write_text("another lock")
    bootstrap.ready()
    assert len(synced) == 2


def test_a_sync_that_fails_is_tried_again_next_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _pretend_project(monkeypatch, tmp_path)

    def fail() -> None:
        (tmp_path / ".venv").mkdir(exist_ok=True)
        raise bootstrap.SetupError("no network")

    monkeypatch.setattr(bootstrap, "_sync", fail)
    for _ in range(2):
        with pytest.raises(bootstrap.SetupError, match="no network"):
            bootstrap.ready()


def test_what_follows_the_dashes_is_for_the_session() -> None:
    assert bootstrap._split(["isolation", "--", "--only", "QA-1"]) == (["isolation"], ["--only", "QA-1"])
    assert bootstrap._split(["tests"]) == (["tests"], [])


def test_typing_nox_finds_the_sessions_from_any_directory(tmp_path: Path) -> None:
    typed = [str(Path(sys.executable).with_name("nox")), "-f", str(bootstrap.ROOT / "noxfile.py"), "--list"]
    listed = subprocess.run(typed, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stderr
    assert "* isolation" in listed.stdout


def _pretend_project(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    (root / "pyproject.toml").write_text("")
    (root / "uv.lock").write_text("")
    for name, value in {"ROOT": root, "TOOLS": root / ".bootstrap", "VENV": root / ".venv"}.items():
        monkeypatch.setattr(bootstrap, name, value)
