"""The command line that a forked process is known by, to whoever lists processes."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

# proc(5): the fields of /proc/PID/stat that say where the command line lies, counted from after the name.
_START, _END = 45, 46


def entitle(words: list[str]) -> None:
    """Be listed under these words, cut to the room that the command line had. Without /proc nothing changes."""
    with suppress(OSError, IndexError, ValueError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, room = int(fields[_START]), int(fields[_END]) - int(fields[_START])
        if room > 0:
            ctypes.memmove(start, ("\0".join(words).encode()[: room - 1]).ljust(room, b"\0"), room)
