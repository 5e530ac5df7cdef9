"""Shards on a Dask cluster come to one bundle, also when a worker is killed half way."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tenantproof.cli import run as running
from tenantproof.cli.engine import run_shards
from tenantproof.cli.sealing import Sealing
from tenantproof.cli.spread import Spread, spread
from tenantproof.model.errors import UsageError
from tenantproof.model.profile_text import parse

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'tenantproof[dask]'")
BUDGET = 40


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # Any: distributed gives no types
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "processes": True}
    with distributed.LocalCluster(host="127.0.0.1", local_directory=str(tmp_path), **options) as made:
        yield made


def kill_one_at_work(cluster: Any, killed: list[int]) -> None:
    """Kill the first worker that has been at a shard for a second."""
    with distributed.Client(cluster.scheduler_address) as client:
        deadline = time.monotonic() + 120
        while not killed and time.monotonic() < deadline:
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            if len(busy) == 2:
                time.sleep(1)
                pid = client.run(os.getpid, workers=[busy[0]], nanny=False)[busy[0]]
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.1)


@pytest.mark.filterwarnings("ignore")  # of Dask, about the worker that is killed
def test_a_shard_whose_worker_is_killed_is_rerun_and_nothing_counts_twice(
    cluster: Any, profile: Path, tmp_path: Path
) -> None:
    only_reads = tmp_path / "reads.toml"
    only_reads.write_text(profile.read_text().replace("allow_writes = true", "allow_writes = false"))
    killed: list[int] = []
    killer = threading.Thread(target=kill_one_at_work, args=(cluster, killed))
    killer.start()
    arguments = ["run", "--target", str(only_reads), "--only", "QA-1", "--budget", str(BUDGET), "--strict", "--quiet"]
    engine = cluster.scheduler_address.replace("tcp", "dask")
    code = running.command.main(
        [*arguments[1:], "--engine", engine, "--shards", "2", "--evidence", str(tmp_path / "whole")],
        standalone_mode=False,
    )
    killer.join()
    assert killed
    folder = (tmp_path / "whole" / "latest").resolve()
    summary = json.loads((folder / "summary.json").read_text())
    assert (code, summary["claims"]["QA-1"]["verdict"]) == (0, "satisfied")
    record = json.loads((folder / "record.json").read_text())
    (sweep,) = [
        each
        for found in record["claims"]
        for each in found["checks"]
        if each["check"].startswith("check_every_operation")
    ]
    assert 0 < sweep["tried"] == sweep["trials"] <= BUDGET


def test_a_deployment_that_may_be_written_to_is_not_swept_by_several_at_once(profile: Path, tmp_path: Path) -> None:
    writable = parse(profile.read_text(), "the profile")
    assert writable.safety.allow_writes
    with pytest.raises(UsageError, match="allow_writes"):
        spread(Spread("dask://127.0.0.1:1", 2, (), tmp_path, tmp_path, Sealing()), writable, print)


@pytest.mark.parametrize("engine", ["dask://", "spark://127.0.0.1:1", "127.0.0.1:8786"])
def test_an_engine_that_is_none_is_refused(engine: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--engine"):
        run_shards(engine, [], 2, tmp_path, print)
