"""The journal keeps what it was given: through a kill, a full disk and a reader."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tenantproof.ledger.journal import Journal, JournalError
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.errors import UsageError
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
    assert (tally.calibrations, tally.trials, tally.witnesses) == (1, 5, 1)
    assert entries[-1].role is Role.WITNESS


def test_reading_changes_no_byte_and_leaves_no_file(path: Path) -> None:
    with Journal.create(path, {}) as journal:
        journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())
    # Bytes 18 and 19 of the header are 1 where no write-ahead log is used; with one, any reader would leave files.
    assert path.read_bytes()[18:20] == b"\x01\x01"
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


FILLER = """
import resource, sys
from pathlib import Path
from tenantproof.ledger.journal import Journal, JournalError
from tenantproof.model.observation import Observation, Role
from tenantproof.model.outcome import Outcome
journal = Journal.create(Path(sys.argv[1]), {})
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
observation = Observation(probe="0" * 32, what="w", outcome=Outcome.REFUSED)
for again in range(2):
    try:
        for n in range(10**6):
            journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, observation)
    except JournalError as error:
        print(again, n, error, flush=True)
journal.close()
"""


def test_a_file_that_can_grow_no_more_is_one_sentence_and_keeps_what_was_committed(path: Path) -> None:
    command = [sys.executable, "-c", FILLER, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    first, second = done.stdout.splitlines()
    assert "free disk space and run again" in first
    # Once rows were lost, no later one is taken: a check that swallows the error can't go on as if nothing was.
    assert second.startswith("1 0 ")
    assert done.returncode == 0, done.stderr
    with Journal.open(path) as journal:
        assert sum(1 for _ in journal.entries()) >= 2000


def test_a_full_database_keeps_what_was_committed_and_can_still_be_read(path: Path) -> None:
    journal = Journal.create(path, {})
    journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())
    journal.flush()
    # SQLite's own page limit answers as a full disk does (SQLITE_FULL).
    journal._connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(JournalError, match="free disk space"):
        _fill(journal)
    with pytest.raises(JournalError, match="free disk space"):
        journal.conclude(Finding(claim="QA-1", check="c", verdict=Verdict.SATISFIED, reason=Reason.PROVEN))
    assert len(list(journal.entries())) >= 1
    assert journal.tally("c").trials >= 1
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
    for way in (Journal.open, Journal.read):
        with pytest.raises(JournalError, match=r"journal\.sqlite can't be"):
            way(path)


def test_an_empty_database_is_no_journal(path: Path) -> None:
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(JournalError, match="no such table: meta"):
        Journal.read(path)


def test_a_journal_that_was_not_closed_is_not_read_short(path: Path, tmp_path: Path) -> None:
    journal = Journal.create(path, {})
    journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen())
    journal.flush()
    killed = tmp_path / "killed" / path.name
    killed.parent.mkdir()
    for tail in ("", "-wal"):
        shutil.copy(f"{path}{tail}", f"{killed}{tail}")
    journal.close()
    with pytest.raises(JournalError, match="was not closed"):
        Journal.read(killed)
    Journal.open(killed).close()
    with Journal.read(killed) as whole:
        assert len(list(whole.entries())) == 1


def test_a_journal_error_ends_a_command_as_any_wrong_usage_does() -> None:
    assert issubclass(JournalError, UsageError)


def test_the_one_leak_is_an_example_however_many_silences_came_before_it(path: Path) -> None:
    with Journal.create(path, {}) as journal:
        ledger = Ledger(journal, "c", "QA-1")
        for _ in range(500):
            ledger.expect(seen(Outcome.UNANSWERED), is_=Outcome.REFUSED)
        ledger.expect(seen(Outcome.PERMITTED), is_=Outcome.REFUSED)
        examples = journal.tally("c").examples
    assert [each.observation.outcome for each in examples] == [Outcome.PERMITTED] + [Outcome.UNANSWERED] * 4


def test_silence_can_not_be_what_a_check_expects(path: Path) -> None:
    with Journal.create(path, {}) as journal:
        ledger = Ledger(journal, "c", "QA-1")
        for write in (ledger.calibrate, ledger.expect, ledger.witness):
            with pytest.raises(ValueError, match="can't expect silence"):
                write(seen(Outcome.UNANSWERED), is_=Outcome.UNANSWERED)
        assert list(journal.entries()) == []


def test_whether_a_run_is_complete_is_noted_and_can_be_noted_anew(path: Path) -> None:
    with Journal.create(path, {"run": "r"}) as journal:
        journal.complete(False)
    with Journal.open(path) as journal:
        assert journal.meta() == {"run": "r", "complete": "no"}
        journal.complete(True)
    with Journal.read(path) as journal:
        assert journal.meta() == {"run": "r", "complete": "yes"}


def test_appending_is_fast_and_its_memory_stays_flat(path: Path) -> None:
    observation = seen(unit=Unit("a", "b", "read", "x"))
    with Journal.create(path, {}) as journal:
        ledger = Ledger(journal, "c", "QA-1")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        for _ in range(200_000):
            ledger.expect(observation, is_=Outcome.REFUSED)
        journal.flush()
        rate = 200_000 / (time.process_time() - started)
        assert journal.tally("c").trials == 200_000
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # Measured at more than 50 000; a loaded machine and a slow disk are no fault of ours.
    assert rate > 5_000
    assert grown < 20_000, "kilobytes"


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


class Interrupted:
    """A connection whose first commit is interrupted by the user."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection, self.is_first = connection, True

    def __getattr__(self, name: str) -> object:
        return getattr(self.connection, name)

    def __enter__(self) -> object:
        return self.connection.__enter__()

    def __exit__(self, *error: object) -> object:
        return self.connection.__exit__(*error)  # type: ignore[arg-type]  # what Python hands to it

    def executemany(self, *arguments: object) -> object:
        result = self.connection.executemany(*arguments)  # type: ignore[arg-type]  # as above
        if self.is_first:
            self.is_first = False
            raise KeyboardInterrupt
        return result


def test_an_interrupt_in_the_middle_of_a_commit_loses_and_doubles_nothing(path: Path) -> None:
    with Journal.create(path, {}) as journal:
        journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, seen(Outcome.PERMITTED))
        journal._connection = Interrupted(journal._connection)  # type: ignore[assignment]  # stands in for it
        with pytest.raises(KeyboardInterrupt):
            journal.flush()
        assert journal.tally("c").refuted == 1
    with Journal.read(path) as journal:
        assert len(list(journal.entries())) == 1


def test_a_text_that_no_encoding_takes_is_kept_spelled_out(path: Path) -> None:
    odd = json.loads('"\\ud800"')
    observation = Observation(
        probe="a" * 32, what="w", outcome=Outcome.REFUSED, unit=Unit("a", "b", "read", odd), notes=(odd, "plain")
    )
    with Journal.create(path, {}) as journal:
        journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, observation)
        (entry,) = journal.entries()
        assert journal.tally("c").tried == 1
    assert entry.observation.notes == ("\\ud800", "plain")
    assert entry.observation.unit == Unit("a", "b", "read", "\\ud800")


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("opens", [Journal.open, Journal.read])
def test_a_journal_cut_in_the_middle_is_one_sentence(path: Path, kept: float, opens: Callable[[Path], Journal]) -> None:
    with Journal.create(path, {}) as journal:
        for _ in range(2000):
            journal.append("c", "QA-1", Role.TRIAL, Outcome.REFUSED, replace(seen(), replay="x" * 100))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    # Opening or reading, whichever meets the damage first.
    with pytest.raises(JournalError, match="journal") as told, opens(path) as journal:
        assert sum(1 for _ in journal.entries()) == 2000
    assert "malformed" in str(told.value) or "no such table" in str(told.value)
