"""The run directory: everything that a deployment writes lies below it, and it goes when the deployment does."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

# A cluster takes 40 MB when it is new and grows with its log of transactions.
_NEEDED_BYTES = 200 * 1024 * 1024
# sun_path of unix(7) holds 108 bytes, the last of them zero; this is the longest name put below a run directory.
_SOCKET_BYTES = 107
_LONGEST_SOCKET = "pg/.s.PGSQL.65535"
# The system's memory, where it is a file system and has plenty: making eight databases there takes a third of the time.
_MEMORY = "/dev/shm"  # noqa: S108  # likewise
_ROOMY_BYTES = 4 * 1024**3
_CHOSEN = ("TMPDIR", "TEMP", "TMP")
_LAST_RESORT = "/tmp"  # noqa: S108  # only its length is trusted; mkdtemp sees to the rest


class NoRunDirectory(Exception):
    """There is no place for a run directory; the message says what is wrong with the place and what to set."""


def make_rundir() -> Path:
    """A fresh directory that is ours alone (0700), its path short enough for a unix socket. Raises NoRunDirectory."""
    place = _place()
    try:
        if (free := shutil.disk_usage(place).free) < _NEEDED_BYTES:
            raise NoRunDirectory(
                f"{place} has {free // 2**20} MB left and a run needs {_NEEDED_BYTES // 2**20}; "
                "free some space or set TMPDIR to another place"
            )
        made = Path(tempfile.mkdtemp(prefix="venturi-", dir=place))
    except OSError as error:
        raise NoRunDirectory(f"no run directory could be made in {place}: {error.strerror}; set TMPDIR") from None
    _assert_private(made)
    return made


def _place() -> str:
    for place in (*_memory(), tempfile.gettempdir(), _LAST_RESORT):
        if len(os.fsencode(f"{place}/venturi-xxxxxxxx/{_LONGEST_SOCKET}")) <= _SOCKET_BYTES:
            return place
    raise NoRunDirectory(f"{tempfile.gettempdir()} is too long a path for a unix socket; set TMPDIR to a shorter one")


def _memory() -> tuple[str, ...]:
    """Memory as a place for files, unless another was chosen, room is short there, or programs can't be run there.

    Where PostgreSQL's can't be run in their own place they are copied to the run directory.
    """
    if any(os.environ.get(name) for name in _CHOSEN) or not os.access(_MEMORY, os.W_OK):
        return ()
    seen = os.statvfs(_MEMORY)
    fits = seen.f_bavail * seen.f_frsize >= _ROOMY_BYTES and not seen.f_flag & os.ST_NOEXEC
    return (_MEMORY,) if fits else ()


def _assert_private(made: Path) -> None:
    """Some file systems take any mode and keep none."""
    seen = made.stat()
    if seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
        made.rmdir()
        raise NoRunDirectory(f"{made.parent} does not keep owners and modes, so secrets can't lie there; set TMPDIR")
