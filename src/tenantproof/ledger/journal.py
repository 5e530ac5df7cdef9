"""The journal: every observation of a run in one SQLite file, appended as it happens, never held in memory."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import msgspec

from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Entry, Observation, Role
from tenantproof.model.outcome import Outcome
from tenantproof.model.tally import Tally
from tenantproof.model.verdict import Finding

_BATCH_ROWS = 2000
_BATCH_SECONDS = 0.5
_SHOWN = 5
_YES = {True: "yes", False: "no"}
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY, "check" TEXT NOT NULL, claim TEXT NOT NULL, role TEXT NOT NULL,
  expected TEXT NOT NULL, seen TEXT NOT NULL, unit TEXT, observation BLOB NOT NULL
) STRICT;
CREATE INDEX entries_by_check ON entries ("check", role, expected, seen);
CREATE TABLE populations ("check" TEXT PRIMARY KEY, units INTEGER NOT NULL, selection TEXT NOT NULL) STRICT;
CREATE TABLE findings ("check" TEXT PRIMARY KEY, finding BLOB NOT NULL) STRICT;
"""
_INSERT = (
    """INSERT INTO entries ("check", claim, role, expected, seen, unit, observation) VALUES (?, ?, ?, ?, ?, ?, ?)"""
)

_Row = tuple[str, str, str, str, str, str | None, bytes]


class JournalError(UsageError):
    """The journal can't be written or read; the message says why and what was kept."""


class Journal:
    """An append-only file of entries.

    Rows are committed in batches of at most 2000 or half a second, so a killed run loses at most that. While it is
    written, SQLite's write-ahead log lies beside the file; `close` folds it in, and reading then changes no byte.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._batch: list[_Row] = []
        self._committed = time.monotonic()
        self._encoder = msgspec.json.Encoder()
        self._closed = False
        self._failure = ""

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, str]) -> Journal:
        """A new journal at `path`. Raises JournalError when the file exists or can't be made."""
        if path.exists():
            raise JournalError(f"{path} exists; a journal is never overwritten")
        journal = cls(_connect(path), path)
        with journal._guarded(), journal._connection:
            journal._connection.executescript(_SCHEMA)
            journal._connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        return journal

    @classmethod
    def open(cls, path: Path) -> Journal:
        """An existing journal, to go on with. Raises JournalError when it is none."""
        if not path.is_file():
            raise JournalError(f"{path} is not there")
        return cls._known(_connect(path), path)

    @classmethod
    def read(cls, path: Path) -> Journal:
        """An existing journal, read-only: no byte of it changes and no file appears beside it.

        Raises JournalError for what is no journal, and for one of a run that was cut short: its last rows lie in the
        write-ahead log beside it, which only `open` folds in.
        """
        log = path.with_name(path.name + "-wal")
        if log.is_file() and log.stat().st_size:
            raise JournalError(f"{path} was not closed; resume its run (--resume), or start a new one")
        try:
            connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise JournalError(f"{path} can't be read: {error}") from None
        return cls._known(connection, path)

    def append(self, check: str, claim: str, role: Role, expected: Outcome, observation: Observation) -> None:
        """Add one entry. Raises JournalError when a batch can't be committed (no disk space), and ever after."""
        self._refuse_after_failure()
        try:
            seen = self._encoder.encode(observation)
        except UnicodeEncodeError:
            observation = _encodable(observation)
            seen = self._encoder.encode(observation)
        unit = None if observation.unit is None else "\x1f".join(msgspec.structs.astuple(observation.unit))
        self._batch.append((check, claim, role.value, expected.value, observation.outcome.value, unit, seen))
        if len(self._batch) >= _BATCH_ROWS or time.monotonic() - self._committed > _BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Commit what was appended. Raises JournalError; after that there is nothing to commit, only to read."""
        self._committed = time.monotonic()
        if self._batch and not self._failure:
            with self._guarded(), self._connection:
                self._connection.executemany(_INSERT, self._batch)
        # Only now: an interrupt rolls the commit back, and what was seen must not go with it.
        self._batch.clear()

    def populate(self, check: str, units: int, selection: str) -> None:
        """Record how many units the check could try, and how it chose among them ("all", or in words)."""
        with self._guarded(), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO populations VALUES (?, ?, ?)", (check, units, selection))

    def forget(self, check: str) -> None:
        """Drop what an interrupted check left, so that it can be made anew without counting anything twice."""
        self.flush()
        with self._guarded(), self._connection:
            for table in ("entries", "populations", "findings"):
                self._connection.execute(f'DELETE FROM {table} WHERE "check" = ?', (check,))  # noqa: S608  # our names

    def conclude(self, finding: Finding) -> None:
        """Keep the finding of a check; a resumed run doesn't make that check again."""
        self._refuse_after_failure()
        self.flush()
        with self._guarded(), self._connection:
            blob = msgspec.json.encode(finding)
            self._connection.execute("INSERT OR REPLACE INTO findings VALUES (?, ?)", (finding.check, blob))

    def complete(self, is_complete: bool) -> None:
        """Note in the meta table ("complete": "yes" or "no") whether every check came to its end."""
        with self._guarded(), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", ("complete", _YES[is_complete]))

    def findings(self) -> dict[str, Finding]:
        """Findings by check, as far as checks were finished."""
        rows = self._connection.execute('SELECT "check", finding FROM findings').fetchall()
        return {check: msgspec.json.decode(blob, type=Finding) for check, blob in rows}

    def meta(self) -> dict[str, str]:
        """What the journal was created with, and whether it is complete."""
        return dict(self._connection.execute("SELECT key, value FROM meta").fetchall())

    def tally(self, check: str) -> Tally:
        """What the entries of a check come to, counted by the database."""
        self.flush()
        counts = self._connection.execute(
            'SELECT role, expected, seen, count(*) FROM entries WHERE "check" = ? GROUP BY role, expected, seen',
            (check,),
        ).fetchall()
        units, selection = self._connection.execute(
            'SELECT units, selection FROM populations WHERE "check" = ?', (check,)
        ).fetchone() or (0, "all")
        (tried,) = self._connection.execute(
            """SELECT count(DISTINCT unit) FROM entries WHERE "check" = ? AND role = 'trial'""", (check,)
        ).fetchone()
        return Tally.of(
            counts=[(Role(role), Outcome(expected), Outcome(seen), n) for role, expected, seen, n in counts],
            differing=list(self._differing(check, counts)),
            units=units,
            tried=tried,
            selection=selection,
        )

    def entries(
        self, *, claim: str = "", check: str = "", role: Role | None = None, limit: int = -1
    ) -> Iterator[Entry]:
        """Entries in order, narrowed by what is given; read as they are asked for. `limit` -1: all."""
        self.flush()
        narrow = {"claim": claim, '"check"': check, "role": role.value if role else ""}
        terms = {column: value for column, value in narrow.items() if value}
        where = " AND ".join(f"{column} = ?" for column in terms) or "1"
        return self._entries(f"{where} ORDER BY seq LIMIT ?", (*terms.values(), limit))

    def totals(self) -> tuple[int, int]:
        """(probes sent, observations made): one probe may be observed more than once."""
        self.flush()
        query = "SELECT count(DISTINCT json_extract(observation, '$.probe')), count(*) FROM entries"
        probes, observations = self._connection.execute(query).fetchone()
        return probes, observations

    def close(self) -> None:
        """Commit, fold the write-ahead log in, and close; closing twice does nothing more."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
            self._connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            pass  # a read-only journal has no log to fold in
        finally:
            self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _differing(self, check: str, counts: list[tuple[str, str, str, int]]) -> Iterator[Entry]:
        """The first few of each kind, so that no number of silences can hide the one leak."""
        where = '"check" = ? AND role = ? AND expected = ? AND seen = ? ORDER BY seq LIMIT ?'
        for role, expected, seen, _ in counts:
            if expected != seen:
                yield from self._entries(where, (check, role, expected, seen, _SHOWN))

    def _refuse_after_failure(self) -> None:
        # A check that swallows the first error must not go on as if its observations were kept.
        if self._failure:
            raise JournalError(self._failure)

    @classmethod
    def _known(cls, connection: sqlite3.Connection, path: Path) -> Journal:
        """A journal over a connection that turned out to lead to one."""
        journal = cls(connection, path)
        try:
            journal.meta()
        except sqlite3.Error as error:
            connection.close()
            raise JournalError(f"{path} can't be read: {error}") from None
        return journal

    def _entries(self, where: str, values: tuple[object, ...]) -> Iterator[Entry]:
        query = f'SELECT seq, "check", claim, role, expected, observation FROM entries WHERE {where}'  # noqa: S608
        for seq, check, claim, role, expected, blob in self._connection.execute(query, values):
            yield Entry(
                seq=seq,
                check=check,
                claim=claim,
                role=Role(role),
                expected=Outcome(expected),
                observation=msgspec.json.decode(blob, type=Observation),
            )

    def _guarded(self) -> _Guard:
        return _Guard(self)

    def fail(self, why: str) -> JournalError:
        """Take no more entries from now on, for that reason, and give the error that says so."""
        self._failure = f"{self._path}: {why}"
        return JournalError(self._failure)


class _Guard:
    """Turns SQLite's errors into ours."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, sqlite3.Error):
            advice = "free disk space and run again" if _is_about_space(error) else "run again"
            raise self._journal.fail(f"{error}; what was committed before is kept; {advice}") from error


def _is_about_space(error: sqlite3.Error) -> bool:
    # The low byte is the primary code; a quota shows as an error of input and output.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


def _encodable(observation: Observation) -> Observation:
    """The same with lone surrogates spelled out: JSON may smuggle them into a text, and no encoding takes them."""
    return msgspec.convert(_spelled(msgspec.to_builtins(observation)), Observation)


def _spelled(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _spelled(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(each) for each in value]
    return value


def _connect(path: Path) -> sqlite3.Connection:
    try:
        # One run writes, and does so from the thread that a check happens to use.
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error as error:
        raise JournalError(f"{path} can't be opened: {error}") from None
    return connection
