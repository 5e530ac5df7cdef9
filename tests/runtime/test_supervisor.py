"""However a deployment ends, nothing of it is left: no process, no directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from venturi.runtime.reaper import GRACE_SECONDS
from venturi.runtime.supervisor import Supervisor

# A deployment as small as can be: PostgreSQL and the issuer, told where they are on standard output.
SMALL = """
import json, sys
from venturi.runtime.asked import Asked
from venturi.runtime.supervisor import Supervisor
from venturi.settings import ClientSettings, IssuerSettings
asked = Asked()
asked.by_signals()
asked.by_end_of_input()
with Supervisor(asked) as supervisor:
    supervisor.postgres.start()
    client = ClientSettings(client_id="c", client_secret="s", subject="x", scopes=())
    issuer = supervisor.child("issuer", IssuerSettings(audience="a", issuers={"alder": (client,)}, admin_secret="z"))
    pids = {"postgres": supervisor.postgres._process.pid, "issuer": issuer.pid, "reaper": supervisor._undertaker.pid}
    print(json.dumps({"rundir": str(supervisor.rundir), "url": issuer.url, "pids": pids}), flush=True)
    try:
        supervisor.wait()
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
"""


@contextmanager
def small() -> Iterator[tuple[subprocess.Popen[str], dict[str, int], Path]]:
    process = subprocess.Popen([sys.executable, "-c", SMALL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    told = json.loads(process.stdout.readline())
    try:
        yield process, told["pids"], Path(told["rundir"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        if process.stdin:
            process.stdin.close()


def gone(pids: dict[str, int], rundir: Path, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not rundir.exists() and not any(alive(pid) for pid in pids.values()):
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_is_left_when_the_supervisor_ends(number: signal.Signals) -> None:
    with small() as (process, pids, rundir):
        assert all(alive(pid) for pid in pids.values())
        process.send_signal(number)
        assert gone(pids, rundir), "something outlived the supervisor"


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM, None], ids=["SIGINT", "SIGTERM", "end of input"])
def test_it_ends_by_itself_when_asked(ask: signal.Signals | None) -> None:
    with small() as (process, pids, rundir):
        assert process.stdin
        process.send_signal(ask) if ask else process.stdin.close()
        assert process.wait(30) == 0, "whoever asked would have to wait and then kill it"
        assert gone(pids, rundir)


@pytest.mark.parametrize("part", ["issuer", "postgres"])
def test_a_part_that_dies_takes_the_rest_along_and_is_named(part: str) -> None:
    with small() as (process, pids, rundir):
        os.kill(pids[part], signal.SIGKILL)
        assert process.stdout
        said = process.stdout.readline()
        assert said.startswith("ChildDied")
        assert part in said.lower()
        assert gone(pids, rundir)


def test_the_run_directory_is_nobody_elses_to_read() -> None:
    with small() as (_, _, rundir):
        assert rundir.stat().st_mode & 0o077 == 0
        assert (rundir / "issuer.log").stat().st_mode & 0o077 == 0


def test_two_at_once_do_not_meet() -> None:
    with small() as (_, one, here), small() as (_, other, there):
        assert here != there
        assert not set(one.values()) & set(other.values())


def test_no_secret_is_on_a_command_line_or_in_an_environment() -> None:
    with small() as (_, pids, _):
        child = psutil.Process(pids["issuer"])
        told = " ".join(child.cmdline()) + json.dumps(child.environ())
        assert "client_secret" not in told
        assert "admin_secret" not in told


class Sleeper:
    """A process that the supervisor minds, and that does nothing."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        self.process = subprocess.Popen(command, cwd=directory, start_new_session=True)

    def alive(self) -> bool:
        return self.process.poll() is None

    def restart(self, register: object, forget: object) -> None:
        raise NotImplementedError


def test_who_is_killed_at_the_end_is_not_waited_for() -> None:
    with Supervisor() as supervisor:
        sleeper = Sleeper(supervisor.rundir)
        supervisor.register(sleeper.process.pid, signal.SIGKILL)
        supervisor.mind("sleeper", sleeper)
        supervisor.postgres.start()
        started = time.monotonic()
    assert time.monotonic() - started < GRACE_SECONDS
    assert sleeper.process.returncode == -signal.SIGKILL


def test_a_child_that_can_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    from venturi.runtime.child import Child, ChildDied
    from venturi.settings import ClientSettings

    wrong = ClientSettings(client_id="c", client_secret="s", subject="x", scopes=())
    with pytest.raises(ChildDied, match="issuer did not become ready"):
        Child.start("issuer", wrong, tmp_path / "log")
