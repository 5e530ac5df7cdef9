"""refusal.cpu, .cpu_of_32 and .cpu_of_64: CPU of the API per refused cross-tenant request, alone and so many at once.

Each is set against the bare framework and token verification under the same load, turn by turn: a machine that does
something else meanwhile does it to both. A refusal is durable in two trails before it is answered: the API's share of
that is in the figures, PostgreSQL's is not.

refusal.floor is the bare framework with one `SELECT 1` before each answer, alone: nothing that waits for a database
costs less.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks import wrk
from benchmarks.figure import Figure
from benchmarks.processes import cpu_seconds, family
from benchmarks.venturi_up import venturi_up

LOADS = (32, 64)
TURNS = 5
_SECONDS = 2
_PATH = "/v1/tenants/acme/attributions/att_0123456789abcdef"
_BARE = "the bare framework and token verification"


def measure() -> dict[str, Figure]:
    """Seconds of CPU, medians of the turns, and of the ratios that each turn gave."""
    with venturi_up("--tenants", "3", "--no-streams") as running:
        profile = tomllib.loads(running.profile)
        (api,) = [pid for pid in family(running.pid) if "venturi.serve\0api" in _command(pid)]
        token = _token(profile)
        ours = api, profile["target"]["base_url"]
        with _bare(profile) as bare, _bare(profile, _login(profile)) as waiting:
            for pid, url in (ours, bare, waiting):  # once for nothing, to warm them all
                _cpu_per_request(pid, url, token, LOADS[0])
            loads = {f"refusal.cpu_of_{load}": _compared(ours, bare, token, load) for load in LOADS}
            alone = {
                "refusal.cpu": _compared(ours, bare, token, 1),
                "refusal.floor": _compared(waiting, bare, token, 1),
            }
            return {**alone, **loads}


def _compared(ours: tuple[int, str], bare: tuple[int, str], token: str, connections: int) -> Figure:
    turns = []
    for _ in range(TURNS):
        spent, least = (_cpu_per_request(pid, url, token, connections) for pid, url in (ours, bare))
        turns.append((spent, spent / least))
    value, ratio = (statistics.median(column) for column in zip(*turns, strict=True))
    return Figure(value, "s", f"{_BARE}, {connections} at once by {'wrk' if wrk.is_here() else 'asyncio'}", ratio)


def _cpu_per_request(pid: int, base: str, token: str, connections: int) -> float:
    before = cpu_seconds(pid)
    count = _by_wrk(base, token, connections) if wrk.is_here() else _by_asyncio(base, token, connections)
    return (cpu_seconds(pid) - before) / count


def _by_wrk(base: str, token: str, connections: int) -> int:
    """How many requests wrk got refused. Raises RuntimeError when one was not."""
    said = wrk.run(base + _PATH, token, connections, _SECONDS)
    count, refused = (re.search(wanted, said) for wanted in (r"(\d+) requests in", r"Non-2xx or 3xx responses: (\d+)"))
    if not count or not refused or count[1] != refused[1] or "Socket errors" in said:
        raise RuntimeError(f"not every request was refused:\n{said}")
    return int(count[1])


def _by_asyncio(base: str, token: str, connections: int) -> int:
    """The same over raw connections of our own, where wrk is not installed."""
    host = urlsplit(base)
    asked = f"GET {_PATH} HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    until = time.perf_counter() + _SECONDS

    async def refused() -> int:
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        count = 0
        while time.perf_counter() < until:
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            if not head.startswith(b"HTTP/1.1 403 ") or not length:
                raise RuntimeError(f"not refused: {head!r}")
            await reader.readexactly(int(length[1]))
            count += 1
        writer.close()
        return count

    async def all_of_them() -> int:
        return sum(await asyncio.gather(*(refused() for _ in range(connections))))

    return asyncio.run(all_of_them())


def _token(profile: dict[str, Any]) -> str:
    client = _globex(profile)["principals"]["reader"]["client"]
    secret = Path(client["client_secret"]["file"]).read_text()
    form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": secret}
    return str(httpx.post(client["url"], data=form, trust_env=False).json()["access_token"])


def _login(profile: dict[str, Any]) -> dict[str, Any]:
    """Globex's own database, as its service logs in."""
    database = _globex(profile)["database"]
    login = {name: database[name] for name in ("host", "port", "database", "user", "ca")}
    return {**login, "password": Path(database["password"]["file"]).read_text()}


def _globex(profile: dict[str, Any]) -> dict[str, Any]:
    return next(tenant for tenant in profile["tenants"] if tenant["id"] == "globex")


@contextmanager
def _bare(profile: dict[str, Any], login: dict[str, Any] | None = None) -> Iterator[tuple[int, str]]:
    issuer, keys = next(pair for pair in profile["tokens"]["jwks"].items() if pair[0].endswith("/globex"))
    command = [sys.executable, "-m", "benchmarks.bare_server", issuer, keys, profile["tokens"]["audience"]]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(login) + "\n" if login else "\n")
        process.stdin.flush()
        yield process.pid, process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # gone meanwhile
        return ""
