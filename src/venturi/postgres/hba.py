"""Who may log in: the lines of pg_hba.conf, in which a careless name would be a keyword."""

from __future__ import annotations

import re
from collections.abc import Iterable

# `all`, `sameuser`, `+role`, `/pattern` and a comma mean more than one login there; none of them gets through.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_KEYWORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication"})


def hba(superuser: str, logins: Iterable[tuple[str, str]]) -> str:
    """The superuser by the unix socket; each (database, role) over TLS on loopback; nobody else.

    Raises ValueError for a name that pg_hba.conf could take for more than itself.
    """
    lines = [f"local all {superuser} scram-sha-256"]
    lines += [f"hostssl {_name(database)} {_name(role)} 127.0.0.1/32 scram-sha-256" for database, role in logins]
    return "\n".join(lines) + "\n"


def _name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in _KEYWORDS:
        raise ValueError(f"{name!r} is no plain name of a database or role; use a-z, 0-9 and _, and no keyword")
    return name
