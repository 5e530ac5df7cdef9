"""Waits for a bare PostgreSQL server: its socket is there a moment before it takes connections."""

from __future__ import annotations

import time
from pathlib import Path

SECONDS = 60.0


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
