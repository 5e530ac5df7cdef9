"""The journal keeps what it was given: through a kill, a full disk and a reader."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenantproof.ledger.journal import Journal, JournalError
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.observation import Observation, Role, Unit
from tenantproof.model.outcome import Outcome
from tenantproof.model.tally import Tally
from tenantproof.model.verdict import Finding, Reason, Verdict


def seen(outcome: Outcome = Outcome.REFUSED, unit: Unit | None = None, probe: str = "a" * 32) -> Observation:
    return Observation(probe=probe, what="birch reads", outcome=outcome, unit=unit, at=1.5, notes=("n",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_what_was_appended_is_read_back_whole_and_in_order(path: Path) -> None:
    observations = [seen(unit=Unit("a", "b", "read", str(n)), probe=f"{n:032x}") for n in range(5000)]
    with Journal.create(path, {"run": "r"}) as journal:
        for observation in observations:
            journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, observation)
    with Journal.read(path) as journal:
        assert [entry.observation for entry in journal.entries(claim="QA-1")] == observations
        assert journal.meta() == {"run": "r"}
        assert journal.totals() == (5000, 5000)


def test_the_database_counts_as_the_tally_does(path: Path) -> None:
    unit = Unit("a", "b", "read", "x")
    with Journal.create(path, {}) as journal:
        ledger = Ledger(journal, "c", "QA-1")
        ledger.calibrate(seen(Outcome.PERMITTED), is_=Outcome.PERMITTED)
        for outcome in (Outcome.REFUSED, Outcome.REFUSED, Outcome.PERMITTED, Outcome.UNANSWERED, Outcome.UNCLEAR):
            ledger.expect(seen(outcome, unit), is_=Outcome.REFUSED)
        ledger.witness(seen(Outcome.ABSENT), is_=Outcome.PRESENT)
        ledger.population(7, selection="every seventh")
        tally = journal.tally("c")
        entries = list(journal.entries(check="c"))
    plain = Tally.over(entries)
    numbers = ("calibrations", "trials", "refuted", "unanswered", "differing", "witnesses", "tried", "examples")
    assert all(getattr(tally, name) == getattr(plain, name) for name in numbers)
    assert (tally.refuted, tally.unanswered, tally.differing) == (1, 1, 2)
    assert (tally.units, tally.selection, tally.tried) == (7, "every seventh", 1)


def test_reading_changes_no_byte_and_leaves_no_file(path: Path) -> None:
    with Journal.create(path, {}) as journal:
        journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in path.parent.iterdir()] == ["journal.sqlite"]
    with Journal.read(path) as journal:
        assert len(list(journal.entries())) == 1
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [file.name for file in path.parent.iterdir()] == ["journal.sqlite"]


WRITER = """
import sys, time
from pathlib import Path
from tenantproof.ledger.journal import Journal
from tenantproof.model.observation import Observation, Role
from tenantproof.model.outcome import Outcome
journal = Journal.create(Path(sys.argv[1]), {})
for n in range(10**9):
    observation = Observation(probe=f"{n:032x}", what="w", outcome=Outcome.REFUSED)
    journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, observation)
    if n == 20000:
        print("written", flush=True)
    if n > 20000:
        time.sleep(0.01)
"""


def test_a_killed_run_keeps_what_it_had(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        time.sleep(1.2)
        os.kill(process.pid, signal.SIGKILL)
    with Journal.open(path) as journal:
        kept = sum(1 for _ in journal.entries())
        assert kept > 20000
        journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())
        assert sum(1 for _ in journal.entries()) == kept + 1


def test_a_full_disk_is_one_sentence_and_keeps_what_was_committed(path: Path) -> None:
    journal = Journal.create(path, {})
    journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())
    journal.flush()
    # SQLite's own page limit answers as a full disk does (SQLITE_FULL).
    journal._connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(JournalError, match="free disk space"):
        _fill(journal)
    assert len(list(journal.entries())) >= 1
    journal.close()


def _fill(journal: Journal) -> None:
    for _ in range(100_000):
        journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())


def test_a_journal_is_never_overwritten(path: Path) -> None:
    Journal.create(path, {}).close()
    with pytest.raises(JournalError, match="never overwritten"):
        Journal.create(path, {})


def test_a_file_that_is_no_journal_is_named(path: Path) -> None:
    path.write_bytes(b"not a database at all, and long enough to be read as one" * 100)
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        Journal.open(path)


def test_findings_survive_for_a_resumed_run_and_a_check_can_be_forgotten(path: Path) -> None:
    found = Finding(claim="QA-1", check="c", verdict=Verdict.SATISFIED, reason=Reason.PROVEN, trials=3)
    with Journal.create(path, {}) as journal:
        journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())
        journal.append("d", "QA-2", Role.TRIAL, Outcome.REFUSED, seen())
        journal.conclude(found)
    with Journal.open(path) as journal:
        assert journal.findings() == {"c": found}
        journal.forget("c")
        assert journal.findings() == {}
        assert [entry.check for entry in journal.entries()] == ["d"]
