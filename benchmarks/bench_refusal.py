"""refusal.cpu: CPU of the API per refused cross-tenant request, against the bare framework and token verification.

A refusal is durable in two trails before it is answered: the API's share of that is in the figure, PostgreSQL's is not.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figure import Figure
from benchmarks.processes import cpu_seconds, family
from benchmarks.venturi_up import venturi_up

COUNT = 400
_PATH = "/v1/tenants/acme/attributions/att_0123456789abcdef"


def measure() -> dict[str, Figure]:
    """The same token and path, one after the other on one connection; milliseconds of CPU are compared, not wall."""
    with venturi_up("--tenants", "3", "--no-streams") as running:
        profile = tomllib.loads(running.profile)
        (api,) = [pid for pid in family(running.pid) if "venturi.serve\0api" in _command(pid)]
        token = _token(profile)
        ours = _cpu_per_request(api, profile["target"]["base_url"], token)
        with _bare(profile) as (pid, url):
            bare = _cpu_per_request(pid, url, token)
    return {"refusal.cpu": Figure(ours, "s", "the bare framework and token verification", ours / bare)}


def _cpu_per_request(pid: int, base: str, token: str) -> float:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as web:
        for _ in range(50):
            assert web.get(_PATH).status_code == httpx.codes.FORBIDDEN
        before = cpu_seconds(pid)
        for _ in range(COUNT):
            web.get(_PATH)
        return (cpu_seconds(pid) - before) / COUNT


def _token(profile: dict[str, Any]) -> str:
    (globex,) = [tenant for tenant in profile["tenants"] if tenant["id"] == "globex"]
    client = globex["principals"]["reader"]["client"]
    secret = Path(client["client_secret"]["file"]).read_text()
    form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": secret}
    return str(httpx.post(client["url"], data=form, trust_env=False).json()["access_token"])


@contextmanager
def _bare(profile: dict[str, Any]) -> Iterator[tuple[int, str]]:
    issuer, keys = next(pair for pair in profile["tokens"]["jwks"].items() if pair[0].endswith("/globex"))
    command = [sys.executable, "-m", "benchmarks.bare_server", issuer, keys, profile["tokens"]["audience"]]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
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
