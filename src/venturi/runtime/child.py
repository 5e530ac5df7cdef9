"""A child process of the deployment: told its settings on standard input, which is also its lifeline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

import msgspec

from venturi.runtime.forked import Forked
from venturi.runtime.listener import LISTENER, listen
from venturi.runtime.logs import readable

_OTHERS_READY_SECONDS = 30.0
# What it was asked before it was killed it does again first.
_READY_SECONDS = {"aws": 300.0}
_LAST_SECONDS = 1.0
_TERMINATE_SECONDS = 0.3
_TAIL = 15
# These serve where they are told to; an address of theirs outlives the process behind it.
_LISTENING = frozenset({"api", "aws", "issuer"})


class ChildDied(Exception):
    """A child ended, or never became ready; the message carries the end of its log.

    `killed`: somebody else ended it with SIGKILL, which is no fault of its own.
    """

    def __init__(self, message: str, *, killed: bool = False) -> None:
        super().__init__(message)
        self.killed = killed


class Process(Protocol):
    """What is asked of a process, however it was made."""

    pid: int

    @property
    def stdin(self) -> IO[str] | None:
        """What it reads."""
        ...

    @property
    def stdout(self) -> IO[str] | None:
        """What it says."""
        ...

    def poll(self) -> int | None:
        """Its exit code, or None."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, waited for. Raises subprocess.TimeoutExpired."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


class Child:
    """A running child. Its log is a file of JSON lines in the run directory."""

    def __init__(self, name: str, log: Path, *, forked: bool = False) -> None:
        """Launch `python -m venturi.serve NAME` in a session of its own; it waits to be told its settings.

        With `forked` it is a copy of this process, which saves it the imports; there must be one thread then.
        """
        self.name, self.url = name, ""
        self._log = log
        self._settings: msgspec.Struct | None = None
        self._ended_by_us = False
        # Ours and not the child's: whoever connects while it is started again waits, and is not turned away.
        self._listener = listen() if name in _LISTENING else None
        self._process: Process = self._fork() if forked else self._launch()

    def _fork(self) -> Forked:
        handed = self._listener.fileno() if self._listener else None

        def work() -> None:
            from venturi import serve

            if handed is not None:
                os.environ[LISTENER] = str(handed)
            serve.main(self.name)

        return Forked(work, [sys.executable, "-P", "-m", "venturi.serve", self.name], self._log, handed)

    def _launch(self) -> subprocess.Popen[str]:
        handed = [self._listener.fileno()] if self._listener else []
        environment = {**os.environ, LISTENER: str(handed[0])} if handed else None
        # -P: a file in the current directory must not stand in for a module.
        with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as stderr:
            return subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-P", "-m", "venturi.serve", self.name],
                env=environment,
                pass_fds=handed,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )

    @classmethod
    def start(cls, name: str, settings: msgspec.Struct, log: Path) -> Child:
        """Launch a child and wait until it serves. Raises ChildDied, and leaves no process then."""
        child = cls(name, log)
        try:
            child.tell(settings)
        except BaseException:
            child.stop(0)
            raise
        return child

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    def tell(self, settings: msgspec.Struct) -> None:
        """Tell the child its settings and wait until it serves at `url`. Raises ChildDied."""
        assert self._process.stdin
        self._settings = settings
        try:
            self._process.stdin.write(msgspec.json.encode(settings).decode() + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self.died() from None
        self.url = self._await_ready()

    def relaunch(self) -> None:
        """Launch it again, after it ended; it waits for `resume`."""
        self._close_pipes()
        self._process = self._launch()

    def resume(self) -> None:
        """Tell it again what it was told first, and wait until it serves where it did. Raises ChildDied."""
        assert self._settings is not None
        self.tell(self._settings)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def died(self) -> ChildDied:
        """The error that says so, with the end of the log."""
        what = "ended by itself" if self.url else "did not become ready"
        self._ends_within(_LAST_SECONDS)
        code = self._process.poll()
        message = f"the process {self.name} {what} (exit {code}):\n  {self._last_words()}"
        return ChildDied(message, killed=code == -signal.SIGKILL and not self._ended_by_us)

    def ask(self) -> None:
        """Ask it to end, by cutting its lifeline; harmless when that is cut."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def stop(self, seconds: float = 5.0) -> None:
        """Cut the lifeline; after `seconds` ask, then kill the whole group. Harmless when it has ended already."""
        self.ask()
        if not self._ends_within(seconds):
            self._process.terminate()
            if not self._ends_within(_TERMINATE_SECONDS):
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._close_pipes()
        if self._listener:
            self._listener.close()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _ends_within(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _await_ready(self) -> str:
        assert self._process.stdout
        self._ended_by_us = False
        timer = threading.Timer(_READY_SECONDS.get(self.name, _OTHERS_READY_SECONDS), self._end)
        timer.start()
        try:
            return str(json.loads(self._process.stdout.readline())["ready"])
        except (ValueError, KeyError, TypeError):
            if not self._ends_within(_LAST_SECONDS):
                self._end()
            raise self.died() from None
        finally:
            timer.cancel()

    def _end(self) -> None:
        self._ended_by_us = True
        self._process.kill()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()[-_TAIL:]
        said = "\n".join(readable(line) for line in lines).splitlines()[-_TAIL:]
        return "\n  ".join(said) or "it logged nothing"
