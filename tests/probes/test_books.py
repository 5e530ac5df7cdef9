"""Books answer the same questions alike on every backend, whenever and however often they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantproof.model.errors import UsageError
from tenantproof.model.reconciliation_profile import Reconciliation
from tenantproof.probes import books
from tenantproof.probes.books import Books, Row, opened

HOW_MANY = "SELECT tenant, count(*) AS records, max(seq) AS last FROM told GROUP BY tenant ORDER BY tenant"


def request(probe: str, status: int | None = 403) -> Row:
    return (probe, "acme", "globex", "both", status, 1, None, None, "read", "X001", None)


def record(tenant: str, seq: int) -> Row:
    return (tenant, "p", seq, "ab")


@pytest.fixture(params=["", "duckdb://"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Books]:
    made = opened(Reconciliation(backend=request.param, folder=str(tmp_path) if request.param else ""))
    yield made
    made.close()
    assert list(tmp_path.iterdir()) == [], "what was entered is left behind"


def test_nothing_was_entered_and_nothing_is_found(empty: Books) -> None:
    assert list(empty.ask(HOW_MANY)) == []


def test_what_is_entered_after_a_question_is_in_the_next_answer(empty: Books) -> None:
    empty.enter("told", [record("acme", 1)])
    assert list(empty.ask(HOW_MANY)) == [("acme", 1, 1)]
    empty.enter("told", [record("globex", 7), record("acme", 2)])
    assert list(empty.ask(HOW_MANY)) == [("acme", 2, 2), ("globex", 1, 7)]


def test_more_than_is_held_in_memory_is_found_whole(empty: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "_AT_ONCE", 10)
    empty.enter("told", (record("acme", seq) for seq in range(25)))
    assert list(empty.ask(HOW_MANY)) == [("acme", 25, 24)]


def test_a_request_is_one_however_often_it_is_entered_and_a_record_is_not(empty: Books) -> None:
    for _ in range(2):
        empty.enter("sent", [request("1"), request("2")])
        empty.enter("told", [record("acme", 1)])
    assert list(empty.ask("SELECT count(*) AS n FROM sent")) == [(2,)]
    assert list(empty.ask("SELECT count(*) AS n FROM told")) == [(2,)]


def test_what_is_not_known_stays_unknown(empty: Books) -> None:
    empty.enter("sent", [request("1", None)])
    assert list(empty.ask("SELECT probe, status, seq, forged FROM sent")) == [("1", None, None, None)]


def test_text_that_looks_like_a_question_is_text(empty: Books) -> None:
    hostile = "x'; DROP TABLE told; --"
    empty.enter("told", [(hostile, "p", 1, "ab")])
    assert list(empty.ask(HOW_MANY)) == [(hostile, 1, 1)]


def test_a_backend_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"\[reconciliation\] backend: Ibis could not connect to nosuch"):
        opened(Reconciliation(backend="nosuch://somewhere"))


def test_a_backend_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pip install 'tenantproof\[ibis\]'"):
        books.review(Reconciliation(backend="duckdb://"))
    books.review(Reconciliation())
