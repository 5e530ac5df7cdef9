"""The supervisor's side of the reaper: starts it, tells it whom to take along, and lets it go."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_TICK_SECONDS = 0.02


class Undertaker:
    """Holds the pipe whose end is the reaper's sign; losing this process loses the pipe."""

    def __init__(self, rundir: Path) -> None:
        self._rundir = rundir
        self._lock = threading.Lock()
        self._reaper = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-P", "-m", "venturi.runtime.reaper", str(rundir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The reaper's process id."""
        return self._reaper.pid

    def alive(self) -> bool:
        """Whether the reaper runs; without it nothing would be tidied up after a kill -9."""
        return self._reaper.poll() is None

    def register(self, group: int, number: int) -> None:
        """Take this process group along; `number` is the signal that asks it to end."""
        self._order(f"group {group} {int(number)}")

    def forget(self, group: int) -> None:
        """The group has ended; its number may soon be somebody else's."""
        self._order(f"forget {group}")

    def close(self, look: Callable[[], object] = lambda: None) -> None:
        """Let the reaper do its work, and wait for it. Does it ourselves if the reaper was taken from us.

        `look` looks at our own children, again and again: one that has ended counts as there until its parent looked.
        """
        assert self._reaper.stdin
        with suppress(BrokenPipeError):
            self._reaper.stdin.close()
        while self._reaper.poll() is None:
            look()
            time.sleep(_TICK_SECONDS)
        shutil.rmtree(self._rundir, ignore_errors=True)

    def _order(self, line: str) -> None:
        assert self._reaper.stdin
        # A reaper that is gone can't be told; whoever watches `alive` ends the run for it.
        with self._lock, suppress(BrokenPipeError, ValueError):
            self._reaper.stdin.write(line + "\n")
            self._reaper.stdin.flush()
