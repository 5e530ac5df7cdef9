"""tokens.rate: forged tokens shown a second, judged and journalled, against a bare server; and the offline key search.

The limit is `wrk` on the same refused request; where it is not installed, a loop over one raw connection stands for
it, and the figure's `ratio_to` says so.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.figure import Figure
from benchmarks.refusing_server import serve
from tenantproof.clients.target import Target
from tenantproof.clients.tokens import parse
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.outcome import REFUSED
from tenantproof.model.profile import Profile
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.key_search import crack, guesses
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import mac, signed
from tenantproof.probes.token_showing import Presented, TokenProbe

ROUNDS = 12
SECONDS = 3
CONNECTIONS = 32


def measure() -> dict[str, Figure]:
    """Show all forgeries of one token ROUNDS times; search 400 000 keys."""
    with _server() as host:
        tokens = _forgeries()
        limit, name = _limit(host, tokens[0].token)
        rate = _rate(host, tokens)
    return {
        "tokens.rate": Figure(rate, "1/s", name, rate / limit),
        "tokens.limit": Figure(limit, "1/s"),
        "tokens.search": Figure(_search(), "1/s"),
    }


def _forgeries() -> list[Presented]:
    key = ec.generate_private_key(ec.SECP256R1())
    claims = {"iss": "https://issuer.example", "sub": "s", "aud": "a", "exp": int(time.time()) + 300, "jti": "j" * 22}
    text = signed({"alg": "ES256", "typ": "at+jwt", "kid": "k"}, claims, key)
    material = Material.in_own_name(parse(text), parse(text), ())
    return [Presented("a", "a", "a", each.vector, each.token) for each in catalogue.forge(material)]


def _rate(host: str, tokens: list[Presented]) -> float:
    """Forgeries a second, from making the request to the journal."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Target(_profile(host))) as target,
        closing(Journal.create(Path(folder) / "journal.sqlite", {})) as journal,
    ):
        probe, ledger = TokenProbe(target), Ledger(journal, "check", "TK-2")
        started = time.perf_counter()
        for _ in range(ROUNDS):
            for seen in probe.show_each(tokens):
                ledger.expect(seen, is_=REFUSED)
        journal.flush()
        return ROUNDS * len(tokens) / (time.perf_counter() - started)


def _limit(host: str, token: str) -> tuple[float, str]:
    """What the server can take of one such request, and by what it was asked."""
    if wrk := shutil.which("wrk"):
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {token}"]
        done = subprocess.run([*command, f"http://{host}/v1/a/r"], capture_output=True, text=True, check=True)  # ours
        found = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
        assert found, done.stdout
        return float(found[1]), "wrk on the same refusal"
    return _raw(host, token), "one raw connection on the same refusal"


def _raw(host: str, token: str) -> float:
    name, _, port = host.rpartition(":")
    sent = f"GET /v1/a/r HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    count = 0
    with socket.create_connection((name, int(port))) as connection:
        ends = time.perf_counter() + SECONDS
        while time.perf_counter() < ends:
            connection.sendall(sent)
            connection.recv(65536)
            count += 1
    return count / SECONDS


def _search() -> float:
    """Keys tried a second of this process's own time."""
    message = b"e" * 200
    keys = [key for key, _ in zip(guesses((), 6), range(400_000), strict=False)]
    started = time.process_time()
    crack(message, mac(b"\xff" * 32, message), keys)
    return len(keys) / (time.process_time() - started)


@contextmanager
def _server() -> Iterator[str]:
    """A bare server in a process of its own; gives host:port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("fork").Process(target=serve, args=(listening,), daemon=True)
    process.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        process.terminate()
        process.join(5)
        listening.close()


def _profile(host: str) -> Profile:
    os.environ["TENANTPROOF_BENCH_TOKEN"] = "static"
    tenant: dict[str, Any] = {  # Any: TOML-able
        "id": "a",
        "principals": {"reader": {"token": {"env": "TENANTPROOF_BENCH_TOKEN"}}},
        "records": [{"id": "r", "canary": "cnry-aaaaaaaaaaaaaaaa"}],
    }
    refusals = {
        "mismatch": {"status": 403, "code": "TENANT_MISMATCH"},
        "token": {"status": 401, "code": "INVALID_TOKEN"},
        "absent": {"status": 404, "code": "NOT_FOUND"},
    }
    operation = {"method": "GET", "path": "/v1/{tenant}/{id}"}
    table = {
        "schema": "tenantproof.profile/1",
        "target": {"name": "bare", "base_url": f"http://{host}", "identity": {"path": "/", "expect": {}}},
        "safety": {"hosts": [host], "requests_per_second": 0, "connections": CONNECTIONS},
        "http": {"operations": {"read": operation, "list": operation}, "refusals": refusals},
        "tokens": {"audience": "a"},
        "tenants": [tenant, {**tenant, "id": "b"}],
    }
    return msgspec.convert(table, Profile)
