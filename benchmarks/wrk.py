"""wrk, the client that is as fast as any, where it is installed."""

from __future__ import annotations

import shutil
import subprocess


def is_here() -> bool:
    """Whether it is installed."""
    return shutil.which("wrk") is not None


def run(url: str, token: str, connections: int, seconds: int) -> str:
    """What it says of asking for the URL with a bearer token, one thread and so many connections."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
