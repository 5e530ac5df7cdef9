"""A data directory as initdb leaves it, from what initdb made the first time: a copy takes a tenth of the work.

All clusters that come from one copy have its identifier, which only replication asks for, and begin with its
superuser's password. That one is known to whoever reads the user's cache, so it is to be replaced at once.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_DATA, _SECRET = "data", "secret"


def place(root: Path, programs: Path, options: Sequence[str]) -> Path:
    """Where below `root` the directory of these programs, wherever they are, made with these options, is kept."""
    with (programs / "postgres").open("rb") as program:
        kind = hashlib.file_digest(program, "sha256")
    kind.update("\0".join(options).encode())
    return root / f"postgres-{kind.hexdigest()[:16]}"


def lay_out(data: Path, known: Path) -> str | None:
    """Copy the data directory that `keep` put into `known`; the superuser's password in it, or None and nothing."""
    try:
        password = (known / _SECRET).read_text()
        shutil.copytree(known / _DATA, data, symlinks=True)
    except OSError:
        # Never half of one: whoever cleans a cache may do it while we copy.
        shutil.rmtree(data, ignore_errors=True)
        return None
    return password


def keep(data: Path, password: str, known: Path) -> None:
    """Keep a data directory that no server has run on yet; a place that can't be written is let be."""
    with suppress(OSError):
        known.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=known.parent) as workshop:
            fresh = Path(workshop) / known.name
            fresh.mkdir(mode=0o700)
            (fresh / _SECRET).touch(mode=0o600)
            (fresh / _SECRET).write_text(password)
            shutil.copytree(data, fresh / _DATA, symlinks=True)
            # Whole or not at all: another boot may be reading it, or have been quicker.
            fresh.replace(known)
