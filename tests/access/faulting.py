"""Makes the processes around the API fail: at their system calls where that is allowed, else by stopping them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache

_PATIENCE = 20.0


class TracingRefused(Exception):
    """The platform lets nobody trace another process."""


@contextmanager
def failing(pids: Sequence[int], call: str, error: str) -> Iterator[None]:
    """Every call of `call` by these processes, and by whatever they start, fails with `error` while the block lasts."""
    traced = [part for pid in pids for part in ("-p", str(pid))]
    command = ["strace", "-f", "-qqq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
    tracer = subprocess.Popen([*command, *traced], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not all(_is_traced(pid) for pid in pids):
            if tracer.poll() is not None or time.monotonic() > deadline:
                raise TracingRefused(_last_words(tracer))
            time.sleep(0.01)
        yield
    finally:
        # Interrupted, strace lets go of whom it traces; killed, it might leave them stopped.
        with suppress(ProcessLookupError):
            tracer.send_signal(signal.SIGINT)
        tracer.wait(_PATIENCE)
        if tracer.stderr:
            tracer.stderr.close()


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """These processes do nothing while the block lasts, and say nothing either: they are slow beyond measure."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@cache
def why_not_traced() -> str:
    """Why nothing can be made to fail at its system calls here; empty when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with failing([victim.pid], "sendto", "EIO"):
            return ""
    except TracingRefused as refused:
        return f"no process may be traced here: {refused}"
    finally:
        victim.kill()
        victim.communicate()


def _is_traced(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
            return not any(line.split() == ["TracerPid:", "0"] for line in status)
    except FileNotFoundError:
        return True


def _last_words(tracer: subprocess.Popen[bytes]) -> str:
    if tracer.poll() is None or tracer.stderr is None:
        return "strace did not attach in time"
    lines = tracer.stderr.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"strace ended with {tracer.returncode}"
