"""The journal: every observation of a run in one SQLite file, appended as it happens, never held in memory."""

from __future__ import annotations

import heapq
import sqlite3
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType

import msgspec

from tenantproof.ledger.schema import ABSORB_BEGIN, ABSORB_END, INSERT, INSERT_KIND, PAGE, SCHEMA, VERSION, Kind, Row
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Entry, Observation, Role
from tenantproof.model.outcome import Outcome
from tenantproof.model.tally import Tally
from tenantproof.model.verdict import Finding

_BATCH_ROWS = 8000
_BATCH_SECONDS = 0.5
_SHOWN = 5
_YES = {True: "yes", False: "no"}
_CACHE = 64_000
"""Kilobytes of the file that are kept at hand while it is read."""
_NOWHERE = (None, None, None, None)


class JournalError(UsageError):
    """The journal can't be written or read; the message says why and what was kept."""


class Journal:
    """An append-only file of entries.

    Rows are committed in batches of at most 8000 or half a second, so a killed run loses at most that. While it is
    written, SQLite's write-ahead log lies beside the file; `close` folds it in, and reading then changes no byte.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._batch: list[Row] = []
        self._kinds: dict[Kind, int] = {}
        self._fresh: list[tuple[int, str, str, str, str, str]] = []
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
            journal._connection.executescript(SCHEMA)
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
        kind = (check, claim, role, expected, observation.outcome)
        number = self._kinds.get(kind) or self._kind(kind)
        unit = observation.unit
        where = _NOWHERE if unit is None else (unit.attacker, unit.victim, unit.operation, unit.vector)
        self._batch.append((number, *where, seen))
        if len(self._batch) >= _BATCH_ROWS or time.monotonic() - self._committed > _BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Commit what was appended. Raises JournalError; after that there is nothing to commit, only to read."""
        self._committed = time.monotonic()
        if self._batch and not self._failure:
            with self._guarded(), self._connection:
                if self._fresh:
                    self._connection.executemany(INSERT_KIND, self._fresh)
                self._connection.executemany(INSERT, self._batch)
        # Only now: an interrupt rolls the commit back, and what was seen must not go with it.
        self._batch.clear()
        self._fresh.clear()

    def populate(self, check: str, units: int, selection: str) -> None:
        """Record how many units the check could try, and how it chose among them ("all", or in words)."""
        with self._guarded(), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO populations VALUES (?, ?, ?)", (check, units, selection))

    def forget(self, check: str) -> None:
        """Drop what an interrupted check left, so that it can be made anew without counting anything twice."""
        self.flush()
        with self._guarded(), self._connection:
            self._connection.execute(
                'DELETE FROM entries WHERE kind IN (SELECT id FROM kinds WHERE "check" = ?)', (check,)
            )
            for table in ("populations", "findings"):
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

    def absorb(self, other: Path) -> None:
        """Take over every entry and population of a closed journal, in its order, after what is here already."""
        self.flush()
        uri = f"{other.resolve().as_uri()}?mode=ro&immutable=1"
        with self._guarded():
            self._connection.execute("ATTACH ? AS other", (uri,))
            with self._connection:
                for statement in ABSORB_BEGIN:
                    self._connection.execute(statement)
                for number, *kind in self._connection.execute("SELECT * FROM other.kinds").fetchall():
                    ours = self._kinds.get(tuple(kind)) or self._kind(tuple(kind))
                    self._connection.execute("INSERT INTO temp.renumbered VALUES (?, ?)", (number, ours))
                self._connection.executemany(INSERT_KIND, self._fresh)
                self._fresh.clear()
                for statement in ABSORB_END:
                    self._connection.execute(statement)
            self._connection.execute("DETACH other")

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
        counts = [(role, expected, seen, number) for (_, _, role, expected, seen), number in self._counted(check=check)]
        units, selection = self._connection.execute(
            'SELECT units, selection FROM populations WHERE "check" = ?', (check,)
        ).fetchone() or (0, "all")
        return Tally.of(
            counts=counts,
            differing=list(self._differing(check)),
            units=units,
            tried=self._tried(check),
            selection=selection,
        )

    def entries(
        self, *, claim: str = "", check: str = "", role: Role | None = None, limit: int = -1
    ) -> Iterator[Entry]:
        """Entries in order, narrowed by what is given; read as they are asked for. `limit` -1: all."""
        self.flush()
        kinds = self._named(claim=claim, check=check, role=role)
        # Within a kind the index gives rows in order for nothing; sorting a million observations would not be nothing.
        streams = [self._entries({number: kind}, "kind = ? ORDER BY seq", (number,)) for number, kind in kinds.items()]
        merged = heapq.merge(*streams, key=lambda entry: entry.seq)
        return merged if limit < 0 else islice(merged, limit)

    def entry(self, seq: int) -> Entry | None:
        """The entry with that number, if there is one."""
        self.flush()
        return next(self._entries(self._named(), "seq = ?", (seq,)), None)

    def find(self, probe: str, limit: int = 100) -> Iterator[Entry]:
        """Entries whose probe id begins so; every observation is looked through."""
        self.flush()
        where = "json_extract(observation, '$.probe') GLOB ? ORDER BY seq LIMIT ?"
        return self._entries(self._named(), where, (f"{probe}*", limit))

    def totals(self) -> tuple[int, int]:
        """(probes sent, observations made): one probe may be observed more than once."""
        self.flush()
        # The probe's 32 digits open every observation; taking the JSON apart would cost four times as much.
        query = "SELECT count(DISTINCT substr(observation, 11, 32)), count(*) FROM entries"
        probes, observations = self._connection.execute(query).fetchone()
        return probes, observations

    def was_genuine(self, digest: str) -> bool:
        """Whether a secret of that digest was ever let in where it had to be: by a calibration that went well."""
        self.flush()
        kinds = [
            number
            for number, kind in self._named(role=Role.CALIBRATION).items()
            if kind[3] == kind[4] == Outcome.PERMITTED.value
        ]
        numbers = ",".join(map(str, kinds))
        query = f"SELECT 1 FROM entries WHERE kind IN ({numbers}) AND instr(observation, CAST(? AS BLOB)) LIMIT 1"  # noqa: S608  # numbers
        return self._connection.execute(query, (digest,)).fetchone() is not None

    def counting(self) -> sqlite3.Cursor:
        """A cursor for who counts in the database itself (see `grids`); it must change no table of the journal."""
        self.flush()
        return self._connection.cursor()

    def close(self) -> None:
        """Commit, fold the write-ahead log in, and close; closing twice does nothing more."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
            # Who counted (see `grids`) may have left a transaction open, in which the mode can't be changed.
            self._connection.commit()
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

    def _kind(self, kind: Kind) -> int:
        """The number of a kind that this journal has not met before; it is written with the rows that need it."""
        number = max(self._kinds.values(), default=0) + 1
        self._kinds[kind] = number
        self._fresh.append((number, *(str(part) for part in kind)))  # type: ignore[arg-type]  # five texts
        return number

    def _named(self, *, claim: str = "", check: str = "", role: Role | None = None) -> dict[int, Kind]:
        """Numbers of the kinds that fit what is given."""
        wanted = (check, claim, role or "")
        return {
            number: kind
            for kind, number in self._kinds.items()
            if all(not want or want == has for want, has in zip(wanted, kind, strict=False))
        }

    def _counted(self, *, check: str) -> Iterator[tuple[tuple[str, str, Role, Outcome, Outcome], int]]:
        """Every kind of a check with the number of its entries, where there are any."""
        for number, (name, claim, role, expected, seen) in sorted(self._named(check=check).items()):
            (count,) = self._connection.execute("SELECT count(*) FROM entries WHERE kind = ?", (number,)).fetchone()
            if count:
                yield (name, claim, Role(role), Outcome(expected), Outcome(seen)), count

    def _tried(self, check: str) -> int:
        """How many different units the trials of a check tried."""
        numbers = ",".join(str(number) for number in self._named(check=check, role=Role.TRIAL))
        units = f"SELECT DISTINCT attacker, victim, operation, vector FROM entries WHERE kind IN ({numbers})"  # noqa: S608  # numbers
        query = f"SELECT count(*) FROM ({units} AND attacker IS NOT NULL)"  # noqa: S608  # as above
        (tried,) = self._connection.execute(query).fetchone()
        return int(tried)

    def _differing(self, check: str) -> Iterator[Entry]:
        """The first few of each kind, so that no number of silences can hide the one leak."""
        for number, kind in self._named(check=check).items():
            if kind[3] != kind[4]:
                yield from self._entries({number: kind}, "kind = ? ORDER BY seq LIMIT ?", (number, _SHOWN))

    def _refuse_after_failure(self) -> None:
        # A check that swallows the first error must not go on as if its observations were kept.
        if self._failure:
            raise JournalError(self._failure)

    @classmethod
    def _known(cls, connection: sqlite3.Connection, path: Path) -> Journal:
        """A journal over a connection that turned out to lead to one."""
        journal = cls(connection, path)
        try:
            # Counting a million units by way of temporary files would take minutes on a busy disk.
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute(f"PRAGMA cache_size=-{_CACHE}")
            journal.meta()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == VERSION:
                rows = connection.execute("SELECT * FROM kinds").fetchall()
                journal._kinds = {
                    (check, claim, role, expected, seen): n for n, check, claim, role, expected, seen in rows
                }
                return journal
        except sqlite3.Error as error:
            connection.close()
            raise JournalError(f"{path} can't be read: {error}") from None
        connection.close()
        raise JournalError(
            f"{path} is in format {version} of a journal, and this version of tenantproof reads {VERSION}; "
            "read it with the version that wrote it (its summary.json names it)"
        )

    def _entries(self, kinds: Mapping[int, Kind], where: str, values: tuple[object, ...]) -> Iterator[Entry]:
        query = f"SELECT seq, kind, observation FROM entries WHERE {where}"  # noqa: S608  # our words
        try:
            for seq, number, blob in self._connection.execute(query, values):
                check, claim, role, expected, _ = kinds[number]
                yield Entry(
                    seq=seq,
                    check=check,
                    claim=claim,
                    role=Role(role),
                    expected=Outcome(expected),
                    observation=msgspec.json.decode(blob, type=Observation),
                )
        except (sqlite3.DatabaseError, msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise JournalError(
                f"{self._path} is damaged: {error}; see: tenantproof verify {self._path.parent}"
            ) from None

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
        connection = sqlite3.connect(path, check_same_thread=False, uri=True)
        connection.execute(f"PRAGMA page_size={PAGE}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA temp_store=MEMORY")
    except sqlite3.Error as error:
        raise JournalError(f"{path} can't be opened: {error}") from None
    return connection
