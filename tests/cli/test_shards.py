"""Shards of a run come to the same as the run, and what is missing of them is said."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tenantproof.cli.run import shard_of
from tenantproof.model.errors import UsageError
from tests.evidence.authority import authority

BUDGET = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shards")


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(place / "state")}
    command = [sys.executable, "-m", "tenantproof", *arguments]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=900, check=False)


@pytest.fixture(scope="module")
def shards(place: Path, profile: Path) -> list[Path]:
    """Two shards of a small sweep."""
    made = []
    for number in (1, 2):
        chosen = ("--only", "QA-2", "--budget", str(BUDGET), "--shard", f"{number}/2", "--strict", "--quiet")
        done = run(place, "run", "--target", str(profile), "--evidence", f"part{number}", *chosen)
        assert done.returncode == 0, done.stdout + done.stderr
        made.append((place / f"part{number}" / "latest").resolve())
    return made


def merged(place: Path, *parts: Path) -> tuple[int, dict[str, Any], Path]:  # Any: JSON
    done = run(place, "merge", *map(str, parts), "--evidence", "whole", "--no-pdf")
    folder = (place / "whole" / "latest").resolve()
    return done.returncode, json.loads((folder / "summary.json").read_text()), folder


def test_one_shard_alone_satisfies_nothing(shards: list[Path]) -> None:
    claim = json.loads((shards[0] / "summary.json").read_text())["claims"]["QA-2"]
    assert claim["verdict"] == "not-assessed"
    assert claim["reason"] == "not-selected"


def test_the_shards_together_try_the_plan_once_and_their_bundle_verifies(place: Path, shards: list[Path]) -> None:
    code, summary, folder = merged(place, *shards)
    claim = summary["claims"]["QA-2"]
    assert (code, claim["verdict"]) == (0, "satisfied")
    (sweep,) = [
        each
        for result in json.loads((folder / "record.json").read_text())["claims"]
        for each in result["checks"]
        if each["check"].startswith("check_no_vector")
    ]
    assert (sweep["tried"], sweep["trials"]) == (BUDGET, BUDGET)
    assert run(place, "verify", str(folder)).returncode == 0
    parts = [json.loads((each / "summary.json").read_text())["totals"]["observations"] for each in shards]
    assert summary["totals"]["observations"] == sum(parts)


def test_the_whole_is_printed_and_stamped_as_any_run_is(place: Path, shards: list[Path]) -> None:
    with authority() as tsa:
        done = run(place, "merge", *map(str, shards), "--evidence", "stamped", "--timestamp", tsa.url)
        assert done.returncode == 0, done.stdout + done.stderr
        told = run(place, "verify", "stamped/latest", "--tsa", str(tsa.root))
    assert told.returncode == 0, told.stdout
    assert "by CN=authority of time" in told.stdout
    assert (place / "stamped" / "latest" / "report.pdf").read_bytes().startswith(b"%PDF")
    silent = run(place, "merge", *map(str, shards), "--evidence", "stamped", "--timestamp", tsa.url, "--no-pdf")
    assert silent.returncode == 2
    assert "signed, and bears no time stamp" in silent.stderr
    assert not (place / "stamped" / "latest" / "report.pdf").exists()


def test_a_shard_that_is_missing_leaves_its_claims_open(place: Path, shards: list[Path]) -> None:
    code, summary, _ = merged(place, shards[0])
    claim = summary["claims"]["QA-2"]
    assert (code, claim["verdict"], claim["reason"]) == (3, "not-assessed", "interrupted")
    assert summary["complete"] is False


def test_a_shard_that_was_changed_does_not_count(place: Path, shards: list[Path], tmp_path: Path) -> None:
    changed = tmp_path / shards[1].name
    shutil.copytree(shards[1], changed)
    with (changed / "junit.xml").open("a") as stream:
        stream.write(" ")
    code, summary, _ = merged(place, shards[0], changed)
    assert (code, summary["claims"]["QA-2"]["verdict"]) == (3, "not-assessed")
    code, summary, _ = merged(place, changed, shards[0], shards[1])  # it was rerun: the good one counts
    assert (code, summary["claims"]["QA-2"]["verdict"]) == (0, "satisfied")


def test_the_same_shard_twice_is_refused(place: Path, shards: list[Path]) -> None:
    done = run(place, "merge", str(shards[0]), str(shards[0]))
    assert done.returncode == 2
    assert "counts twice" in done.stderr


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0", "-1/2"])
def test_what_is_no_part_of_a_whole_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(text)):
        shard_of(text)
