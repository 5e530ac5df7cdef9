"""Boots the reference deployment for a benchmark, from its command line, and ends it afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Running:
    """A deployment that is up: its supervisor's process id, its profile (TOML), and how many seconds it took."""

    pid: int
    profile: str
    seconds: float


@contextmanager
def venturi_up(*options: str) -> Iterator[Running]:
    """`venturi up` with these options. Raises RuntimeError when it does not come up."""
    command = [sys.executable, "-m", "venturi", "up", "--lifeline", *options]
    started = time.perf_counter()
    process = subprocess.Popen(  # our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        lines = []
        for line in process.stdout:
            if line.startswith("# ready"):
                break
            lines.append(line)
        else:
            raise RuntimeError("the deployment did not come up; `venturi up` says why")
        yield Running(process.pid, "".join(lines), time.perf_counter() - started)
    finally:
        process.stdin.close()
        process.wait(_STOP_SECONDS)
        process.stdout.close()
