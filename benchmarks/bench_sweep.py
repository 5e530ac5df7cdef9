"""sweep.rate: cross-tenant trials a second, oracle and journal included, beside wrk; and what a large plan takes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from benchmarks.beside_wrk import CONNECTIONS, Asked, Ours, on_each_floor
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

TRIALS = 8_000
PLANNED = 10_000
_COLLECTION = "/v1/tenants/{tenant}/attributions"
_PATH = "/v1/tenants/tenant-1/attributions/att_0000000000000001"
_BODY = b'{"error":"TENANT_MISMATCH","message":"Token tenant does not match the requested tenant."}'
_TOKEN = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9." + "x" * 420 + "." + "y" * 86


def measure() -> dict[str, Figure]:
    """Sweep a server that refuses everything; plan a sweep of ten thousand tenants."""
    os.environ["TENANTPROOF_BENCH_TOKEN"] = _TOKEN
    figures = on_each_floor("sweep", Asked(_PATH, _TOKEN, "403 Forbidden", _BODY), _sweeping)
    return {**figures, "sweep.plan": Figure(_planned(), "s")}


@contextmanager
def _sweeping(host: str) -> Iterator[Ours]:
    with closing(Target(_profile(host), SweepChoice(pairs="all"))) as target:
        yield lambda: _sweep(target, host)


def _sweep(target: Target, host: str) -> int:
    """Trials, from the plan's number to the journal's row; how many they were."""
    ground = Ground(target)
    parties = [Party(each.id, {_COLLECTION: each.records[0].id}) for each in target.profile.tenants]
    shapes = shapes_of(ground.endpoints, [vector for vector in VECTORS if vector.id in {"X001", "X031", "X038"}])
    population = Population(len(parties), shapes)

    def volleys() -> Iterator[Volley[Attempt]]:
        for number in range(TRIALS):
            attacker, victim, shape = population.unit(number % population.size)
            case = Case(parties[attacker], parties[victim], shape.endpoint, host, number)
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

        target.sweep_wire.run(volleys(), sink)
    return TRIALS


def _planned() -> float:
    """Seconds to plan a sweep over ten thousand tenants, every attacker and victim in it."""
    ground = Ground(Target(_profile("127.0.0.1:9")))
    population = Population(PLANNED, shapes_of(ground.endpoints, VECTORS))
    started = time.perf_counter()
    plan = Plan(population, SweepChoice(budget=10 * PLANNED))
    for number in plan.numbers():
        population.unit(number)
    return time.perf_counter() - started


def _profile(host: str) -> Profile:
    refusal = {"status": 403, "code": "TENANT_MISMATCH"}
    tenants = [
        {
            "id": f"tenant-{number}",
            "principals": {"reader": {"token": {"env": "TENANTPROOF_BENCH_TOKEN"}}},
            "records": [{"id": f"att_{number:016x}", "canary": f"cnry-{number * 7919:024x}"}],
        }
        for number in range(10)
    ]
    table = {
        "schema": "tenantproof.profile/1",
        "target": {
            "name": "bare",
            "base_url": f"http://{host}",
            "identity": {"path": "/", "expect": {}},
        },
        "safety": {"hosts": [host], "requests_per_second": 0, "connections": CONNECTIONS},
        "http": {
            "operations": {
                "read": {"method": "GET", "path": f"{_COLLECTION}/{{id}}"},
                "list": {"method": "GET", "path": _COLLECTION},
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
