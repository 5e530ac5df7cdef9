"""The supervisor: one run directory, one PostgreSQL, some children, and a reaper that sees them all off."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import msgspec

from venturi.postgres.server import PostgresServer
from venturi.runtime.child import Child, ChildDied

_WATCH_SECONDS = 0.1


class Supervisor:
    """A context in which processes live; none of them outlives it, and its run directory doesn't either."""

    def __init__(self) -> None:
        # Short on purpose: a unix socket's path below it may have 107 bytes.
        self.rundir = Path(tempfile.mkdtemp(prefix="venturi-"))
        self._reaper = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "venturi.runtime.reaper", str(self.rundir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.postgres = PostgresServer(self.rundir / "pg", self._register)

    def child(self, name: str, settings: msgspec.Struct) -> Child:
        """Start a child and wait until it serves. Raises ChildDied."""
        child = Child.start(name, settings, self.rundir / f"{name}.log", self._register)
        with self._lock:
            self._children.append(child)
        return child

    def request_stop(self) -> None:
        """Make `wait` return."""
        self._stop.set()

    def wait(self) -> None:
        """Return when a stop is requested. Raises ChildDied when a process ends by itself."""
        while not self._stop.wait(_WATCH_SECONDS):
            for child in self._children:
                if not child.alive():
                    raise child.died("ended by itself")
            if not self.postgres.alive():
                raise ChildDied("PostgreSQL ended by itself")

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the children in reverse order, then PostgreSQL; the reaper removes the run directory."""
        for child in reversed(self._children):
            child.stop()
            self._order(f"forget {child.pid}")
        self.postgres.stop()
        assert self._reaper.stdin
        self._reaper.stdin.close()
        self._reaper.wait()

    def _register(self, group: int, number: int) -> None:
        self._order(f"group {group} {int(number)}")

    def _order(self, line: str) -> None:
        assert self._reaper.stdin
        with self._lock:
            self._reaper.stdin.write(line + "\n")
            self._reaper.stdin.flush()
