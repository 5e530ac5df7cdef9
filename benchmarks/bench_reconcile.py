"""reconcile.*: how long a million requests and their records take to be entered and asked about, backend by backend."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

from benchmarks.figure import Figure
from tenantproof.model.reconciliation_profile import Reconciliation
from tenantproof.probes.books import Books, Row, opened
from tenantproof.probes.reconcile import QUESTIONS

REQUESTS = 1_000_000
_TENANTS = 10
_BACKENDS = {"sqlite": "", "duckdb": "duckdb://"}


def measure() -> dict[str, Figure]:
    """Seconds for a million refused requests, each with its two records."""
    return {f"reconcile.{name}": Figure(_seconds(backend), "s") for name, backend in _BACKENDS.items()}


def _seconds(backend: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        books = opened(Reconciliation(backend=backend, folder=folder if backend else ""))
        try:
            return _ask(books) - started
        finally:
            books.close()


def _ask(books: Books) -> float:
    books.enter("sent", map(_request, range(REQUESTS)))
    books.enter("told", _records())
    for question in QUESTIONS:
        assert sum(1 for _ in books.ask(question)), question
    return time.perf_counter()


def _request(number: int) -> Row:
    caller, victim = _pair(number)
    return (_probe(number), caller, victim, "both", 403, 1, number, f"{number:064x}", "read", "X001", 0)


def _records() -> Iterator[Row]:
    for number in range(REQUESTS):
        for tenant in _pair(number):
            yield (tenant, _probe(number), number, f"{number:064x}")
    # A stray, so that every question has something to tell.
    yield ("stranger", _probe(0), 0, "")


def _pair(number: int) -> tuple[str, str]:
    return f"tenant-{number % _TENANTS}", f"tenant-{(number + 1) % _TENANTS}"


def _probe(number: int) -> str:
    return f"{number:032x}"
