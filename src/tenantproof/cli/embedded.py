"""The embedded deployment: the reference deployment as a child process that ends when we do."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tenantproof.model.errors import TargetError
from tenantproof.plugin.collect import claim_wishes

READY = "# ready"
"""The first words of the line that ends the profile on the deployment's standard output."""
# The very first boot fetches Apache Kafka.
_BOOT_SECONDS = 400.0
_STOP_SECONDS = 20.0
_STREAMS = frozenset({"streams", "resolution"})


def needs_streams(claims: Set[str], checks: Path) -> bool:
    """Whether any of the claims is decided on event streams; booting a broker for the others would be a waste."""
    wishes = claim_wishes(checks)
    return any(wishes.get(claim, frozenset()) & _STREAMS for claim in claims)


@contextmanager
def embedded(*, tenants: int, overlay: str, note: Callable[[str], None], streams: bool = True) -> Iterator[str]:
    """Boot the reference deployment and yield its target profile (TOML text); stop it at the end.

    `note` is given each line of its progress; without `streams` no broker is started.
    Raises TargetError when it doesn't come up in 400 s.
    """
    command = [sys.executable, "-m", "venturi", "up", "--lifeline", "--tenants", str(tenants)]
    command += ["--overlay", overlay] if overlay else []
    command += [] if streams else ["--no-streams"]
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    tail: deque[str] = deque(maxlen=20)
    listener = threading.Thread(target=_listen, args=(process.stderr, tail, note), daemon=True)
    listener.start()
    try:
        yield _profile(process, process.stdout, tail)
    finally:
        _stop(process)
        listener.join(timeout=2)
        process.stderr.close()


def _profile(process: subprocess.Popen[str], stdout: IO[str], tail: deque[str]) -> str:
    timer = threading.Timer(_BOOT_SECONDS, process.kill)
    timer.start()
    try:
        lines: list[str] = []
        for line in stdout:
            if line.startswith(READY):
                return "".join(lines)
            lines.append(line)
    finally:
        timer.cancel()
    process.wait()
    said = "\n  ".join(tail) or "nothing"
    raise TargetError(f"the embedded deployment did not come up (exit {process.returncode}); it said:\n  {said}")


def _listen(stderr: IO[str], tail: deque[str], note: Callable[[str], None]) -> None:
    for line in stderr:
        tail.append(line.rstrip())
        note(line.rstrip())


def _stop(process: subprocess.Popen[str]) -> None:
    """Closing its standard input is the order to end; killing it makes its reaper do the rest."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
