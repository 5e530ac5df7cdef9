"""Where a deployment writes: memory where that is roomy, and never against the user's own choice."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from venturi.runtime import rundir

ROOMY = SimpleNamespace(f_bavail=2**21, f_bfree=2**21, f_blocks=2**22, f_frsize=4096, f_flag=0)


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    place = Path("/tmp") / f"m{os.getpid()}"  # short enough for a socket
    place.mkdir(exist_ok=True)
    monkeypatch.setattr(rundir, "_MEMORY", str(place))
    monkeypatch.setattr(os, "statvfs", lambda _: ROOMY)
    return place


def made_in() -> Path:
    made = rundir.make_rundir()
    made.rmdir()
    return made.parent


def test_memory_is_taken_where_there_is_plenty(memory: Path) -> None:
    assert made_in() == memory
    memory.rmdir()


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param({"f_bavail": 2**17}, id="short of room"),
        pytest.param({"f_flag": os.ST_NOEXEC}, id="no program may run there"),
    ],
)
def test_memory_is_left_alone_where_it_does_not_serve(
    memory: Path, seen: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(**{**vars(ROOMY), **seen}))
    assert made_in() != memory
    memory.rmdir()


def test_a_place_that_the_user_chose_is_taken(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")
    assert made_in() != memory
    memory.rmdir()
