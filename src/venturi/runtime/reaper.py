"""The reaper: outlives the supervisor by a moment, and takes along whatever that one could not stop itself.

It reads orders from standard input: `group PGID SIGNAL`, `forget PGID`. At the end of input, which comes with the
supervisor's end of whatever kind, it ends every group it still knows and removes the run directory.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress

_GRACE_SECONDS = 3.0


def main(directory: str) -> None:
    """Wait for the supervisor's end, then tidy up `directory` and the groups that were registered."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        match line.split():
            case ["group", group, how]:
                groups[int(group)] = int(how)
            case ["forget", group]:
                groups.pop(int(group), None)
    _end(groups)
    shutil.rmtree(directory, ignore_errors=True)


def _end(groups: dict[int, int]) -> None:
    for group, number in groups.items():
        _signal(group, number)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(_signal(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Whether the group is there to be signalled."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main(sys.argv[1])
