"""sweep.plan_memory, sweep.observed_memory: what a long sweep adds to the memory of its process; both should stay flat.

Each is measured in a process of its own, between an early point and the end, as the growth of its peak.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from benchmarks.figure import Figure
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import REFUSED
from tenantproof.model.sweep import SweepChoice
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.population import Plan, Population, shapes_of
from tenantproof.probes.vectors import VECTORS

PLANNED, OBSERVED, EARLY = 10_000_000, 1_000_000, 50_000
_TENANTS = 10_000


def measure() -> dict[str, Figure]:
    """Plan ten million units; observe a million."""
    return {
        "sweep.plan_memory": Figure(_grown("plan"), "GB"),
        "sweep.observed_memory": Figure(_grown("observe"), "GB"),
    }


def _grown(what: str) -> float:
    command = [sys.executable, "-m", "benchmarks.bench_sweep_memory", what]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _peak() -> float:
    """The most memory that this process has held, in GB; unlike getrusage, without what it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024**2


def _plan() -> float:
    endpoints = [Endpoint(f"read{number}", "GET", f"/v1/t/{{tenant}}/c{number}/{{id}}") for number in range(5)]
    # The whole population is larger; all of it is gone through in its order, which holds nothing.
    numbers = Plan(Population(_TENANTS, shapes_of(endpoints, VECTORS)), SweepChoice(pairs="all")).numbers()
    sum(1 for _ in islice(numbers, EARLY))
    early = _peak()
    assert sum(1 for _ in islice(numbers, PLANNED)) == PLANNED
    return _peak() - early


def _observe() -> float:
    with tempfile.TemporaryDirectory() as folder, Journal.create(Path(folder) / "journal.sqlite", {}) as journal:
        ledger, early = Ledger(journal, "check", "QA-1"), 0.0
        for number in range(OBSERVED):
            unit = Unit(f"t{number % 97}", f"t{number % 89}", "read", f"X{number % 131:03d}")
            seen = Observation(probe=f"{number:032x}", what="a trial", outcome=REFUSED, unit=unit, replay="x" * 300)
            ledger.expect(seen, is_=REFUSED)
            if number == EARLY:
                early = _peak()
        journal.flush()
        return _peak() - early


if __name__ == "__main__":
    print(_plan() if sys.argv[1] == "plan" else _observe())
