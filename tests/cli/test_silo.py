"""A cluster for each tenant: `venturi up --topology silo` keeps every database in its own, and the checks hold."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import Command

CLAIMS = "ST-1,ST-2,QA-1,KE-2"


@pytest.fixture(scope="module")
def silo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The profile of a deployment with a cluster for each tenant, and the process that runs it."""
    path = tmp_path_factory.mktemp("silo") / "venturi.toml"
    command = [sys.executable, "-m", "venturi", "up", "--lifeline", "--no-streams", "--tenants", "3"]
    process = subprocess.Popen(
        [*command, "--topology", "silo", "--profile", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        for line in process.stdout:
            if line.startswith("# ready"):
                break
        assert path.is_file(), "the deployment did not come up"
        yield path, process.pid
    finally:
        process.stdin.close()
        assert process.wait(60) == 0
        process.stdout.close()


def test_every_tenant_has_a_cluster_of_its_own(silo: tuple[Path, int]) -> None:
    profile = tomllib.loads(silo[0].read_text())
    places = {(each["database"]["host"], each["database"]["port"]) for each in profile["tenants"]}
    shared = {
        (store["auditor"]["host"], store["auditor"]["port"]) for store in profile["aggregation"]["stores"].values()
    }
    assert len(places) == len(profile["tenants"]) == 3
    assert len(shared) == 1
    assert not shared & places
    assert len({Path(each["database"]["ca"]).read_text() for each in profile["tenants"]}) == 3
    servers = [
        child
        for child in psutil.Process(silo[1]).children(recursive=True)
        if "pginstall/bin/postgres -D" in " ".join(child.cmdline())
    ]
    # One for each tenant, one for the tenant of drills, and the vendor's own.
    assert len(servers) == 5


def test_the_claims_about_stores_and_requests_hold(
    silo: tuple[Path, int], tenantproof: Command, tmp_path: Path
) -> None:
    ran = tenantproof("run", "--target", str(silo[0]), "--only", CLAIMS, "--quiet", "--strict")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    summary = json.loads((tmp_path / "evidence/latest/summary.json").read_text())
    verdicts = {name: summary["claims"][name]["verdict"] for name in CLAIMS.split(",")}
    assert set(verdicts.values()) == {"satisfied"}, verdicts
