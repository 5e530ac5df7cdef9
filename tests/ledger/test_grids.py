"""The pictures of a report are counts of the journal, made by the database."""

from __future__ import annotations

from pathlib import Path

from tenantproof.ledger.grids import grids
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.grid import Cell
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome

SECTIONS = {"QA-1": "Query API", "SU-1": "Support"}


def seen(unit: Unit | None, outcome: Outcome = REFUSED) -> Observation:
    return Observation(probe="a" * 32, what="w", outcome=outcome, unit=unit)


def test_trials_are_counted_by_attacker_and_victim_and_by_section(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "journal.sqlite", {}) as journal:
        ledger = Ledger(journal, "c", "QA-1")
        ledger.calibrate(seen(Unit("a", "a", "read", "own"), PERMITTED), is_=PERMITTED)
        for outcome in (REFUSED, REFUSED, PERMITTED, UNCLEAR, UNANSWERED):
            ledger.expect(seen(Unit("a", "b", "read", "path"), outcome), is_=REFUSED)
        ledger.expect(seen(Unit("b", "a", "list", "path")), is_=REFUSED)
        ledger.expect(seen(None), is_=REFUSED)
        Ledger(journal, "d", "SU-1").expect(seen(Unit("support", "", "connect", "socket")), is_=REFUSED)
        pairs, api, support = grids(journal, SECTIONS)
    assert (pairs.section, pairs.rows, pairs.columns) == ("", ("a", "b"), ("a", "b"))
    assert pairs.cells == ((Cell(), Cell(5, 1, 1, 1)), (Cell(1), Cell()))
    assert (api.section, api.down, api.rows, api.columns) == ("Query API", "vector", ("path",), ("list", "read"))
    assert api.cells == ((Cell(1), Cell(5, 1, 1, 1)),)
    assert (support.section, support.rows, support.columns) == ("Support", ("socket",), ("connect",))


def test_what_is_too_much_to_take_in_is_gathered_and_trouble_keeps_its_row(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "journal.sqlite", {}) as journal:
        ledger = Ledger(journal, "c", "QA-1")
        for number in range(100):
            outcome = PERMITTED if number == 77 else REFUSED
            for _ in range(1 if number == 77 else 2):
                ledger.expect(seen(Unit(f"t{number:03}", f"t{number:03}x", "read", "path"), outcome), is_=REFUSED)
        pairs, _ = grids(journal, SECTIONS)
    assert "t077" in pairs.rows
    assert (len(pairs.rows), pairs.rows[-1], pairs.more_rows) == (41, "60 more", 60)
    assert sum((cell.trials for row in pairs.cells for cell in row), 0) == 199
    assert sum((cell.refuted for row in pairs.cells for cell in row), 0) == 1


def test_a_closed_journal_is_counted_without_changing_a_byte(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.create(path, {}) as journal:
        Ledger(journal, "c", "QA-1").expect(seen(Unit("a", "b", "read", "path")), is_=REFUSED)
    before = path.read_bytes()
    with Journal.read(path) as journal:
        assert len(grids(journal, SECTIONS)) == 2
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["journal.sqlite"]


def test_a_journal_without_units_has_no_pictures(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "journal.sqlite", {}) as journal:
        Ledger(journal, "c", "QA-1").expect(seen(None), is_=REFUSED)
        assert grids(journal, SECTIONS) == ()


def test_a_journal_that_was_counted_is_closed_without_a_log_for_a_reader_to_make(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.create(path, {}) as journal:
        Ledger(journal, "c", "QA-1").expect(seen(Unit("a", "b", "read", "path")), is_=REFUSED)
        assert grids(journal, SECTIONS)
    # SQLite's file format, 1.3: octets 18 and 19 are 1 for a rollback journal and 2 for a write-ahead log.
    assert path.read_bytes()[18:20] == b"\x01\x01"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
