"""How fast a sweep goes: trials with oracle and journal a second, beside wrk on the same refused request.

The server is bare (uvicorn, the stack of the reference deployment, with one canned answer) and has a core to itself;
the client has another. Without wrk a raw loop of blocking sockets stands in for it, and the figure says so.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.figure import Figure
from tenantproof.clients.exchange import Answer
from tenantproof.clients.sweep_wire import Volley
from tenantproof.clients.target import Target
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.outcome import ABSENT, REFUSED
from tenantproof.model.profile import Profile
from tenantproof.model.sweep import SweepChoice
from tenantproof.probes.ground import Ground
from tenantproof.probes.population import Plan, Population, shapes_of
from tenantproof.probes.reading import Attempt, read_trial
from tenantproof.probes.vectors import VECTORS
from tenantproof.probes.vectors.case import Case, Party

SECONDS = 4
TRIALS = 20_000
CONNECTIONS = 32
PLANNED = 10_000
_TOKEN = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9." + "x" * 420 + "." + "y" * 86


def measure() -> dict[str, Figure]:
    cores = sorted(os.sched_getaffinity(0))
    with _bare(cores[0]) as port:
        _pin(cores[-1])
        try:
            limit, name = _limit(port, cores[-1])
            rate = _rate(port)
        finally:
            os.sched_setaffinity(0, cores)
    return {
        "sweep.rate": Figure(rate, "1/s", name, rate / limit),
        "sweep.plan": Figure(_planned(), "s"),
    }


def _rate(port: int) -> float:
    """Trials a second, from the plan's number to the journal's row."""
    os.environ["TENANTPROOF_BENCH_TOKEN"] = _TOKEN
    target = Target(_profile(port), SweepChoice(pairs="all"))
    ground = Ground(target)
    parties = [Party(tenant, {}) for tenant in ground.tenants]
    shapes = shapes_of(ground.endpoints, [vector for vector in VECTORS if vector.id in {"X001", "X031", "X038"}])
    population = Population(len(parties), shapes)

    def volleys() -> Iterator[Volley[Attempt]]:
        for number in range(TRIALS):
            attacker, victim, shape = population.unit(number % population.size)
            case = Case(parties[attacker], parties[victim], shape.endpoint, f"127.0.0.1:{port}", random.Random(number))
            built = shape.vector.build(case, shape.vector.form)
            drafts = built if isinstance(built, list) else [built]
            requests = tuple(ground.request(draft, shape.endpoint) for draft in drafts)
            yield Volley(tag=Attempt(case, shape.vector, drafts, requests), requests=requests)

    with tempfile.TemporaryDirectory() as folder, Journal.create(Path(folder) / "journal.sqlite", {}) as journal:
        ledger = Ledger(journal, "check", "QA-1")

        def sink(volley: Volley[Attempt], answers: Sequence[Answer]) -> None:
            trial = read_trial(ground, volley.tag, answers)
            if trial.access:
                ledger.expect(trial.access, is_=REFUSED)
            else:
                ledger.expect(trial.leak, is_=ABSENT)

        started = time.perf_counter()
        target.sweep_wire.run(volleys(), sink)
        journal.flush()
        taken = time.perf_counter() - started
    target.close()
    return TRIALS / taken


def _planned() -> float:
    """Seconds to plan a sweep over ten thousand tenants, every attacker and victim in it."""
    ground = Ground(Target(_profile(9)))
    population = Population(PLANNED, shapes_of(ground.endpoints, VECTORS))
    started = time.perf_counter()
    plan = Plan(population, SweepChoice(budget=10 * PLANNED))
    for number in plan.numbers():
        population.unit(number)
    return time.perf_counter() - started


def _limit(port: int, core: int) -> tuple[float, str]:
    """Requests a second of the fastest client at hand, and its name."""
    path = "/v1/tenants/tenant-1/attributions/att_0000000000000001"
    if wrk := shutil.which("wrk"):
        command = ["taskset", "-c", str(core), wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-H"]
        command += [f"Authorization: Bearer {_TOKEN}", f"http://127.0.0.1:{port}{path}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
        assert found, said
        return float(found[1]), "wrk"
    return _raw_loop(port, path), "a raw loop (no wrk here)"


def _raw_loop(port: int, path: str) -> float:
    """One blocking connection, the answers unread but for their number of octets."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {_TOKEN}\r\n\r\n".encode()
    count, until = 0, time.perf_counter() + SECONDS
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while time.perf_counter() < until:
            connection.sendall(request)
            connection.recv(65536)
            count += 1
    return count / SECONDS


@contextmanager
def _bare(core: int) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = ["taskset", "-c", str(core), sys.executable, "-m", "benchmarks.bare_server", str(port)]
    server = subprocess.Popen(command)
    try:
        _await(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def _await(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the bare server did not come up")


def _pin(core: int) -> None:
    os.sched_setaffinity(0, {core})


def _profile(port: int) -> Profile:
    refusal = {"status": 403, "code": "TENANT_MISMATCH"}
    tenants = [
        {
            "id": f"tenant-{number}",
            "principals": {"reader": {"token": {"env": "TENANTPROOF_BENCH_TOKEN"}}},
            "records": [{"id": f"att_{number:016x}", "canary": f"cnry-{number * 7919:024x}"}],
        }
        for number in range(10)
    ]
    root = "/v1/tenants/{tenant}/attributions"
    table = {
        "schema": "tenantproof.profile/1",
        "target": {
            "name": "bare",
            "base_url": f"http://127.0.0.1:{port}",
            "identity": {"path": "/", "expect": {}},
        },
        "safety": {"hosts": [f"127.0.0.1:{port}"], "requests_per_second": 0, "connections": CONNECTIONS},
        "http": {
            "operations": {
                "read": {"method": "GET", "path": f"{root}/{{id}}"},
                "list": {"method": "GET", "path": root},
            },
            "refusals": {
                "mismatch": refusal,
                "token": {"status": 401, "code": "T"},
                "absent": {"status": 404, "code": "N"},
            },
        },
        "tenants": tenants,
    }
    return msgspec.convert(table, Profile)
