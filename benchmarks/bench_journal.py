"""journal.rate: observations appended a second, committed in batches, and how much memory that takes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure, peak_gigabytes
from tenantproof.ledger.journal import Journal
from tenantproof.model.observation import Observation, Role, Unit
from tenantproof.model.outcome import REFUSED

COUNT = 200_000


def measure() -> dict[str, Figure]:
    """Append COUNT observations of the kind that a sweep makes, each with a unit of its own."""
    with tempfile.TemporaryDirectory() as folder:
        before = peak_gigabytes()
        with Journal.create(Path(folder) / "journal.sqlite", {}) as journal:
            started = time.perf_counter()
            for number in range(COUNT):
                journal.append("check", "QA-1", Role.TRIAL, REFUSED, _seen(number))
            journal.flush()
            seconds = time.perf_counter() - started
        grown = peak_gigabytes() - before
    return {"journal.rate": Figure(COUNT / seconds, "1/s"), "journal.memory": Figure(grown, "GB")}


def _seen(number: int) -> Observation:
    return Observation(
        probe=f"{number:032x}",
        what="globex reads a record of acme by id",
        outcome=REFUSED,
        principal="globex/reader",
        request="GET /v1/tenants/acme/attributions/att_0011223344556677",
        request_digest=f"sha256:{number:064x}",
        response="403 TENANT_MISMATCH",
        response_digest=f"sha256:{number:064x}",
        at=1.7e9 + number,
        seconds=0.001,
        unit=Unit("globex", "acme", "read", f"vector {number}"),
    )
