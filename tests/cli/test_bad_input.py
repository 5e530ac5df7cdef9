"""Bad input gets one clear message and the right exit code, and loses nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@contextmanager
def target(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on 127.0.0.1 that treats every connection with `serve`."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=_treat, args=(serve, connection), daemon=True).start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        listener.close()


def _treat(serve: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection:
        try:
            connection.recv(65536)
            serve(connection)
        except OSError:
            return


def hang(connection: socket.socket) -> None:
    time.sleep(20)


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xff not http at all \r\n\r\n" * 10)


def close_early(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")


def another(connection: socket.socket) -> None:
    body = rb'{"product": "venturi", "deployment": "\u001b[31mevil"}'
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


TARGETS = {
    "that hangs": (hang, "gave no readable answer"),
    "that answers garbage": (garbage, "gave no readable answer"),
    "that closes early": (close_early, "gave no readable answer"),
    "that is another deployment": (another, "is not the deployment of the profile"),
}


@pytest.mark.parametrize(("serve", "message"), TARGETS.values(), ids=TARGETS.keys())
def test_a_target(
    serve: Callable[[socket.socket], None], message: str, tenantproof: Command, profile: Path, tmp_path: Path
) -> None:
    with target(serve) as host:
        done = tenantproof("run", "--target", str(_pointed_at(host, profile, tmp_path)), "--quiet")
    assert done.returncode == 3
    assert message in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    _assert_incomplete(tmp_path)


def test_a_target_that_is_not_there(tenantproof: Command, profile: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
    done = tenantproof("run", "--target", str(_pointed_at(host, profile, tmp_path)), "--quiet")
    assert done.returncode == 3
    assert host in done.stdout
    _assert_incomplete(tmp_path)


def _pointed_at(host: str, profile: Path, folder: Path) -> Path:
    text = profile.read_text()
    found = re.search(r'base_url = "http://([^"]+)"', text)
    assert found
    path = folder / "elsewhere.toml"
    text = text.replace(found[1], host).replace("timeout_seconds = 10.0", "timeout_seconds = 1.0")
    path.write_text(text)
    return path


def _assert_incomplete(folder: Path) -> None:
    summary = json.loads((folder / "evidence/latest/summary.json").read_text())
    assert summary["complete"] is False
    assert len(summary["claims"]) == 34
    assert not [claim for claim, entry in summary["claims"].items() if entry["verdict"] == "satisfied"]
    assert "INCOMPLETE" in (folder / "evidence/latest/report.html").read_text().upper()


USAGE = {
    "no such profile": (("run", "--target", "none.toml"), "no such profile"),
    "an unknown claim": (("run", "--only", "XX-9"), "XX-9"),
    "an overlay for a live target": (("run", "--target", "x.toml", "--overlay", "a:b"), "--overlay"),
    "no bundle": (("verify", "nowhere"), "nowhere"),
    "no folder of checks": (("run", "--checks", "nowhere"), "holds no card"),
    "a run that is not there": (("run", "--target", "x.toml", "--resume", "20260101T000000Z-abcdef"), "x.toml"),
    "an unknown command": (("attack",), "attack"),
    "an unknown defect": (("sensitivity", "--defect", "none"), "no defect is called none"),
}


@pytest.mark.parametrize(("arguments", "message"), USAGE.values(), ids=USAGE.keys())
def test_wrong_usage(arguments: tuple[str, ...], message: str, tenantproof: Command) -> None:
    done = tenantproof(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_evidence_that_can_not_be_written_is_said_before_anything_is_sent(
    tenantproof: Command, profile: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").write_text("a file where a folder should be")
    done = tenantproof("run", "--target", str(profile), "--evidence", "full", "--quiet")
    assert done.returncode == 2
    assert "can't be written" in done.stderr


def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_was_written(profile: Path, tmp_path: Path) -> None:
    # The limit on the size of files answers as a full disk does, without filling one.
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000));"
        "from tenantproof.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, "run", "--target", str(profile), "--quiet"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode in {2, 3}, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "evidence").glob("2*/journal.sqlite"))


def test_an_interrupted_run_ends_130_with_incomplete_evidence(profile: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tenantproof", "run", "--target", str(profile), "--only", "QA,ST"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        while "QA-2" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=240)
    assert process.returncode == 130
    summary = json.loads((tmp_path / "evidence/latest/summary.json").read_text())
    assert summary["complete"] is False
    assert summary["claims"]["QA-1"]["verdict"] == "satisfied"


def test_a_killed_run_goes_on_where_it_was(tenantproof: Command, profile: Path, tmp_path: Path) -> None:
    chosen = ("--target", str(profile), "--only", "QA,ST")
    command = [sys.executable, "-m", "tenantproof", "run", *chosen]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        while not re.match(r"satisfied +QA-1", process.stderr.readline()):
            assert process.poll() is None
        process.kill()
    (killed,) = (tmp_path / "evidence").glob("2*")
    done = tenantproof("run", *chosen, "--resume", killed.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "check_a_token_of_another_tenant" not in done.stderr, "a finished check was made again"
    assert tenantproof("verify").returncode == 0
    again = tenantproof("run", *chosen, "--resume", killed.name)
    assert again.returncode == 2
    assert "complete" in again.stderr
