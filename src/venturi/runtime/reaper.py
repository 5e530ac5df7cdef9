"""The reaper: outlives the supervisor by a moment, and takes along whatever that one could not stop itself.

It reads orders from standard input: `group PGID SIGNAL`, `forget PGID`. At the end of input, which comes with the
supervisor's end of whatever kind, it ends every group it still knows, then whatever still works inside the run
directory, and removes that.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 2.5
"""How long whoever was asked to end may take."""
_REMOVAL_SECONDS = 3.0
_TICK_SECONDS = 0.05


def main(directory: Path) -> None:
    """Wait for the supervisor's end, then tidy up `directory` and the groups that were registered."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # A process's working directory is told without symbolic links.
    home = directory.resolve()
    _end(_orders(), home)
    _remove(home)


def squatters(directory: Path) -> Iterator[int]:
    """Processes that work inside the directory.

    PostgreSQL's are found in this way alone: each backend leads a session of its own, so that no group has them all.
    Where there is no /proc nobody is found; backends then end by themselves when they miss their postmaster.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        # Not ours to look at, or gone while we look.
        with suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(directory):
                yield int(entry.name)


def _orders() -> dict[int, int]:
    groups: dict[int, int] = {}
    for line in sys.stdin:
        match line.split():
            case ["group", group, how]:
                groups[int(group)] = int(how)
            case ["forget", group]:
                groups.pop(int(group), None)
    return groups


def _end(groups: dict[int, int], directory: Path) -> None:
    for group, number in groups.items():
        _signal(group, number)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and (any(_signal(group, 0) for group in groups) or any(squatters(directory))):
        time.sleep(_TICK_SECONDS)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _remove(directory: Path) -> None:
    """Again and again for a while: somebody may have been writing a file as he was told to end."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while directory.exists() and time.monotonic() < deadline:
        for pid in squatters(directory):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(_TICK_SECONDS)


def _signal(group: int, number: int) -> bool:
    """Whether the group is there to be signalled."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
