"""Where requests and records are held against each other: SQLite in this process, or an engine that Ibis reaches.

Both are asked the same questions in the same words. They are written in SQLite's dialect, and translated for others.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from tenantproof.model.errors import UsageError
from tenantproof.model.reconciliation_profile import Reconciliation

Row: TypeAlias = tuple[object, ...]
_TEXT, _INT = "TEXT", "INT"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "sent": {
        "probe": _TEXT,
        "caller": _TEXT,
        "victim": _TEXT,
        "expects": _TEXT,
        "status": _INT,
        "tries": _INT,
        "seq": _INT,
        "leaf": _TEXT,
        "operation": _TEXT,
        "vector": _TEXT,
        "forged": _INT,
    },
    "told": {"tenant": _TEXT, "probe": _TEXT, "seq": _INT, "leaf": _TEXT},
}
"""Table to its columns. `sent`: a row for each request, by its probe; `told`: a row for each record of a trail."""
_UNIQUE = "probe"
_AT_ONCE = 50_000
_MISSING = "reconciliation on another backend needs the extra: pip install 'tenantproof[ibis]'"


class Books(Protocol):
    """Tables of requests and records that can be asked about."""

    def enter(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows, in the order of COLUMNS. Of two requests of one probe, one is kept."""
        ...

    def ask(self, question: str) -> Iterator[tuple[Any, ...]]:
        """The rows that answer a question about all that was entered (SELECT, in SQLite's dialect)."""
        ...

    def close(self) -> None:
        """Throw away what was entered."""
        ...


def opened(where: Reconciliation) -> Books:
    """Empty books. Raises UsageError when what they need is not installed or not reached."""
    return _Engine(where) if where.backend else _File()


def review(where: Reconciliation) -> None:
    """Raise UsageError when the backend needs what is not installed; nothing is connected to."""
    if where.backend and (find_spec("ibis") is None or find_spec("pyarrow") is None):
        raise UsageError(f"{_MISSING}; or leave `backend` out of [reconciliation]")


class _File:
    """SQLite, in a file without a name that goes when it is closed."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", check_same_thread=False)
        for table, columns in COLUMNS.items():
            self._connection.execute(f"CREATE TABLE {table} ({', '.join(map(' '.join, columns.items()))})")
        self._connection.execute(f"CREATE UNIQUE INDEX sent_by ON sent ({_UNIQUE})")
        self._connection.execute("CREATE INDEX told_of ON told (probe, tenant)")

    def enter(self, table: str, rows: Iterable[Row]) -> None:
        places = ", ".join("?" * len(COLUMNS[table]))
        self._connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({places})", rows)  # noqa: S608  # ours

    def ask(self, question: str) -> Iterator[tuple[Any, ...]]:
        return iter(self._connection.execute(question))

    def close(self) -> None:
        self._connection.close()


class _Engine:
    """An engine that reads Parquet: what is entered waits in files, however much it is."""

    def __init__(self, where: Reconciliation) -> None:
        review(where)
        self._engine = _connected(where.backend)
        self._folder = Path(tempfile.mkdtemp(prefix="tenantproof-books-", dir=where.folder or None))
        self._waiting: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        self._files = 0
        self._unseen = set(COLUMNS)
        for table in COLUMNS:
            (self._folder / table).mkdir()
            self._write(table)

    def enter(self, table: str, rows: Iterable[Row]) -> None:
        for row in rows:
            self._waiting[table].append(row)
            if len(self._waiting[table]) == _AT_ONCE:
                self._write(table)

    def ask(self, question: str) -> Iterator[tuple[Any, ...]]:
        for table in COLUMNS:
            if self._waiting[table]:
                self._write(table)
        for table in self._unseen:
            self._look_at(table)
        self._unseen.clear()
        for batch in self._engine.sql(question, dialect="sqlite").to_pyarrow_batches():
            columns = batch.to_pydict()
            yield from zip(*columns.values(), strict=True)

    def close(self) -> None:
        self._engine.disconnect()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, table: str) -> None:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet

        kinds = {_TEXT: pa.string(), _INT: pa.int64()}
        schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS[table].items()])
        rows, self._waiting[table] = self._waiting[table], []
        columns = list(zip(*rows, strict=True)) or [()] * len(schema)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        self._files += 1
        self._unseen.add(table)
        parquet.write_table(
            pa.Table.from_arrays(arrays, schema=schema), self._folder / table / f"{self._files}.parquet"
        )

    def _look_at(self, table: str) -> None:
        """At the files that there are now."""
        found = self._engine.read_parquet(f"{self._folder / table}/*.parquet", table_name=f"entered_{table}")
        if table == "sent":
            found = found.distinct(on=_UNIQUE, keep="first")
        self._engine.create_view(table, found, overwrite=True)


def _connected(backend: str) -> Any:  # noqa: ANN401  # an engine's own class
    import ibis  # type: ignore[import-untyped]

    try:
        return ibis.connect(backend)
    except Exception as error:  # each engine has its own
        scheme = backend.partition("://")[0]
        raise UsageError(
            f"[reconciliation] backend: Ibis could not connect to {scheme}: {type(error).__name__}: {error}"
        ) from error
