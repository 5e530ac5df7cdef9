"""Servers of others speak HTTP/2 in ways of their own: a sound one raises no alarm, and a leak shows through it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from checks.cross_tenant import check_nothing_of_another_tenant_comes_back as check
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tenantproof.probes.http2_vectors import VECTORS
from tests.probes.examining import examine
from tests.probes.fake_api import Json
from tests.probes.sweeping import PlainApi
from tests.probes.test_http2 import PAIRS, WITHOUT

_APPLICATION = "tests.probes.http2_front:application"
_SECONDS = 30.0
SERVERS = {
    "granian (hyper, in Rust)": ["granian", "--interface", "asginl", "--log-level", "error", "--port", "{port}"],
    "hypercorn": ["hypercorn", "--log-level", "ERROR", "--bind", "127.0.0.1:{port}"],
}


@pytest.fixture(params=SERVERS)
def in_front(request: pytest.FixtureRequest) -> Iterator[Callable[[Profile, str], Profile]]:
    """Puts a server before the API and gives the profile of what is to be seen there."""
    processes: list[subprocess.Popen[bytes]] = []

    def put(profile: Profile, host: str) -> Profile:
        port = _free_port()
        command = [part.format(port=port) for part in SERVERS[request.param]]
        environment = {**os.environ, "BACKEND": host}
        processes.append(subprocess.Popen([sys.executable, "-m", *command, _APPLICATION], env=environment))
        front = f"127.0.0.1:{port}"
        _await(port)
        safety = replace(profile.safety, allow_destructive=True, hosts=(*profile.safety.hosts, front))
        target = replace(profile.target, base_url=f"http://{front}")
        return replace(profile, target=target, safety=safety, http=replace(profile.http, http2=True))

    yield put
    for process in processes:
        process.terminate()
        process.wait(20)


def test_a_server_that_others_wrote_raises_no_alarm(
    in_front: Callable[[Profile, str], Profile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Finding = examine(PlainApi(), check, CrossTenant, tmp_path, monkeypatch, in_front)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == found.tried == WITHOUT + PAIRS * 2 * len(VECTORS)


class Trusting(PlainApi):
    """Takes what comes over HTTP/2 for what was checked in front of it."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        if headers["x-came-by"] != "2":
            return super().tenant_answer(steps, query, headers)
        return 200, self.read(steps[2], steps[4]) if len(steps) > 4 else self.page(steps[2])


def test_a_leak_behind_such_a_server_is_found_over_http2(
    in_front: Callable[[Profile, str], Profile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Finding = examine(Trusting(), check, CrossTenant, tmp_path, monkeypatch, in_front)
    assert found.verdict is Verdict.NOT_SATISFIED
    assert "over HTTP/2: another's path" in str(found)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _await(port: int) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")
