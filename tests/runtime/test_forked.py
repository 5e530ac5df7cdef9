"""A forked process is as much on its own as one that was launched: of its parent it keeps the modules alone."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

# What is forked should come from a process with one thread, which pytest is not.
PARENT = """
import json, os, signal, sys, time
from pathlib import Path
from venturi.runtime.forked import Forked
mine = os.open("/dev/null", os.O_RDONLY)
log = Path(sys.argv[1])
"""


def parent(body: str, log: Path) -> str:
    code = PARENT + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", code, str(log)], capture_output=True, text=True, timeout=120, check=True
    ).stdout


def test_it_reads_what_it_is_told_and_answers(tmp_path: Path) -> None:
    said = parent(
        """
        child = Forked(lambda: print(sys.stdin.readline().strip()[::-1], flush=True), ["echo"], log)
        child.stdin.write("told" + chr(10)); child.stdin.flush()
        print(child.stdout.readline().strip(), child.wait(60))
        """,
        tmp_path / "log",
    )
    assert said == "dlot 0\n"


def test_it_keeps_no_open_file_of_its_parent_but_the_one_it_is_handed(tmp_path: Path) -> None:
    said = parent(
        """
        handed = os.open("/dev/null", os.O_RDONLY)
        def look():
            print(json.dumps([number for number in range(3, 200) if os.path.exists(f"/proc/self/fd/{number}")]))
        first = Forked(lambda: sys.stdin.read(), ["waits"], log)
        child = Forked(look, ["looks"], log, handed)
        print(json.dumps([handed, *json.loads(child.stdout.readline())]))
        first.stdin.close(); first.wait(60); child.wait(60)
        """,
        tmp_path / "log",
    )
    handed, *seen = json.loads(said)
    # The directory that is read to find out is not open: each number is asked for by name.
    assert seen == [handed], "a pipe that is kept open hides the end of whoever is at the other side"


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        PARENT
        + "child = Forked(lambda: sys.stdin.read(), ['waits'], log); print(child.pid, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.02)


def test_it_leads_a_session_and_is_listed_by_name(tmp_path: Path) -> None:
    said = parent(
        """
        def look():
            words = Path("/proc/self/cmdline").read_bytes().split(bytes(1))
            print(json.dumps([os.getpid() == os.getsid(0), [word.decode() for word in words if word]]))
        print(Forked(look, ["known", "by", "name"], log).stdout.readline())
        """,
        tmp_path / "log",
    )
    leads, words = json.loads(said)
    assert leads
    assert words == ["known", "by", "name"] or not Path("/proc/self/stat").exists()


def test_a_fault_is_logged_and_told_by_the_exit_code(tmp_path: Path) -> None:
    said = parent("print(Forked(lambda: {}['absent'], ['fails'], log).wait(60))", tmp_path / "log")
    assert said == "1\n", "the child must not go on with what its parent was doing"
    assert "KeyError: 'absent'" in (tmp_path / "log").read_text()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("act", "code"), [("terminate", -15), ("kill", -9)])
def test_it_takes_signals_as_if_it_had_been_launched(act: str, code: int, tmp_path: Path) -> None:
    said = parent(
        f"""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        def wait():
            print("up", flush=True)
            time.sleep(600)
        child = Forked(wait, ["waits"], log)
        child.stdout.readline()
        child.{act}()
        print(child.wait(60), child.poll())
        """,
        tmp_path / "log",
    )
    assert said == f"{code} {code}\n"
