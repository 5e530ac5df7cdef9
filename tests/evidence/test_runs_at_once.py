"""Two runs that end at once in one folder of evidence: both are whole, one follows the other, and one is the latest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tenantproof.evidence import bundle
from tenantproof.evidence.manifest import latest_of, previous_of
from tests.evidence.signed_bundles import ROOT, both_agree, manifest_of, tiny

RUNS = [f"20250301T02000{number}Z-0a0b0{number}" for number in range(6)]
FINISH = """
import sys
from pathlib import Path
from tests.evidence.signed_bundles import tiny
sys.stdin.readline()
tiny(Path(sys.argv[1]), sys.argv[2])
"""


def test_six_runs_that_end_at_once_make_one_chain(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FINISH, str(tmp_path)]
    started = [subprocess.Popen([*command, run], stdin=subprocess.PIPE, cwd=ROOT, text=True) for run in RUNS]
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=120)
    assert [process.returncode for process in started] == [0] * len(RUNS)
    latest = latest_of(tmp_path)
    assert latest is not None
    assert both_agree(latest).links == len(RUNS)
    for run in RUNS:
        assert both_agree(tmp_path / run).ok


def test_without_waiting_for_each_other_they_would_fork_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run looks for the bundle before while another has looked and not yet written."""
    first = tiny(tmp_path, RUNS[0])
    found = previous_of(tmp_path, RUNS[1])
    second = tiny(tmp_path, RUNS[1])
    monkeypatch.setattr(bundle, "previous_of", lambda *_: found)
    third = tiny(tmp_path, RUNS[2])
    assert manifest_of(third)["previous"] == manifest_of(second)["previous"]
    assert both_agree(first).ok
    assert any("forks" in problem for problem in both_agree(third).problems)
