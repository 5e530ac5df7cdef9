"""A child process of the deployment: told its settings on standard input, which is also its lifeline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

_READY_SECONDS = 30.0
_TAIL = 15


class ChildDied(Exception):
    """A child ended, or never became ready; the message carries the end of its log."""


class Child:
    """A running child. Its log is a file of JSON lines in the run directory."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path, url: str) -> None:
        self.name, self.url = name, url
        self._process, self._log = process, log

    @classmethod
    def start(
        cls,
        name: str,
        settings: msgspec.Struct,
        log: Path,
        register: Callable[[int, int], None] = lambda _group, _signal: None,
    ) -> Child:
        """Start `python -m venturi.serve NAME` and wait until it serves. Raises ChildDied."""
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as stderr:
            process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-m", "venturi.serve", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        register(process.pid, signal.SIGTERM)
        assert process.stdin
        assert process.stdout
        child = cls(name, process, log, "")
        try:
            process.stdin.write(msgspec.json.encode(settings).decode() + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise child.died("ended before it was told its settings") from None
        child.url = child._await_ready(process.stdout)
        return child

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def died(self, what: str) -> ChildDied:
        """The error that says so, with the end of the log."""
        tail = "\n  ".join(self._log.read_text(errors="replace").strip().splitlines()[-_TAIL:])
        return ChildDied(
            f"the process {self.name} {what} (exit {self._process.poll()}):\n  {tail or 'it logged nothing'}"
        )

    def stop(self, seconds: float = 5.0) -> None:
        """Cut the lifeline, then ask, then kill."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _await_ready(self, stdout: IO[str]) -> str:
        timer = threading.Timer(_READY_SECONDS, self._process.kill)
        timer.start()
        try:
            line = stdout.readline()
        finally:
            timer.cancel()
        try:
            url = json.loads(line)["ready"]
        except (ValueError, KeyError, TypeError):
            self._process.kill()
            self._process.wait()
            raise self.died("did not become ready") from None
        return str(url)
