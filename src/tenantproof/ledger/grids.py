"""Counts the trials of a journal by unit, in the database, for the pictures of a report."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tenantproof.model.grid import Cell, Grid
from tenantproof.model.observation import Role
from tenantproof.model.outcome import REFUTATIONS, Outcome
from tenantproof.model.run import Residue, Step

if TYPE_CHECKING:
    from tenantproof.ledger.journal import Journal

_ROWS, _COLUMNS = 40, 14
"""The most rows and columns that a reader can take in; what is in trouble comes first, then what was tried most."""


_TRANSITION, _RESIDUE, _STEPS = "transition", "residue", 2000
"""What the operation of an act on a state machine is called, that of a use after the end, and how many are kept."""
_OUTLIVES = re.compile(
    r"(?P<kind>.{1,80}) after (?P<event>[a-z]{1,20}), within (?P<promise>[0-9]{1,9}(\.[0-9]{1,9})?) s"
)
"""The vector of a use after the end."""


def grids(journal: Journal, sections: Mapping[str, str]) -> tuple[Grid, ...]:
    """Attacker by victim over everything, then vector by operation for every section that tried units.

    `sections` gives the section of every claim. Memory depends on the size of the grids, not on that of the journal.
    """
    cursor = journal.counting()
    kinds = _kinds(cursor)
    pairs, ways = _counted(cursor, kinds)
    made = [_grid(cursor, kinds, "", ("attacker", "victim"), pairs)]
    for section in dict.fromkeys(sections.values()):
        members = {number: kind for number, kind in kinds.items() if sections.get(kind[0]) == section}
        made.append(_grid(cursor, members, section, ("vector", "operation"), ways))
    return tuple(grid for grid in made if grid is not None)


def steps(journal: Journal) -> tuple[Step, ...]:
    """What was tried in each state of a machine, calibrations too; a few rows, for a machine has few states."""
    query = """
        SELECT vector, seen, count(*) FROM entries JOIN kinds ON kinds.id = kind
        WHERE operation = ? AND role IN ('calibration', 'trial') GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ?"""
    rows = journal.counting().execute(query, (_TRANSITION, _STEPS))
    return tuple(Step(vector=vector, seen=Outcome(seen), count=count) for vector, seen, count in rows)


def residue(journal: Journal) -> tuple[Residue, ...]:
    """What was used after an access had ended, and for how long it worked; as many rows as a picture can hold."""
    query = """
        SELECT vector, seen, coalesce(json_extract(CAST(observation AS TEXT), '$.seconds'), 0.0)
        FROM entries JOIN kinds ON kinds.id = kind
        WHERE operation = ? AND role = 'trial' ORDER BY seq LIMIT ?"""
    rows = journal.counting().execute(query, (_RESIDUE, _STEPS))
    found = ((_OUTLIVES.fullmatch(vector), Outcome(seen), float(seconds)) for vector, seen, seconds in rows)
    return tuple(
        Residue(kind=said["kind"], event=said["event"], seconds=seconds, promise=float(said["promise"]), seen=seen)
        for said, seen, seconds in found
        if said
    )


_Kinds = Mapping[int, tuple[str, Cell]]
"""Number of a kind to its claim and what one trial of it adds to a cell."""


def _kinds(cursor: sqlite3.Cursor) -> _Kinds:
    query = "SELECT id, claim, expected, seen FROM kinds WHERE role = ?"
    rows = cursor.execute(query, (Role.TRIAL.value,)).fetchall()
    return {number: (claim, _one(Outcome(expected), Outcome(seen))) for number, claim, expected, seen in rows}


def _one(expected: Outcome, seen: Outcome) -> Cell:
    if expected is seen:
        return Cell(1)
    if (expected, seen) in REFUTATIONS:
        return Cell(1, refuted=1)
    return Cell(1, unanswered=1) if seen is Outcome.UNANSWERED else Cell(1, differing=1)


_Counts = Counter[tuple[str, str, int]]
"""How often a name of one axis met a name of the other, by the number of the kind."""


def _counted(cursor: sqlite3.Cursor, kinds: _Kinds) -> tuple[_Counts, _Counts]:
    """Attacker by victim and vector by operation, of every trial that has a unit, in one pass over the file.

    Grouping here is twice as quick as in the database, which sorts a million rows once for each picture.
    """
    pairs, ways = _Counts(), _Counts()
    numbers = ",".join(map(str, kinds))
    # The plus keeps the index out: one pass over the file is quicker than a jump for every row.
    query = "SELECT kind, attacker, victim, operation, vector FROM entries WHERE attacker IS NOT NULL"
    for kind, attacker, victim, operation, vector in cursor.execute(f"{query} AND +kind IN ({numbers})"):
        pairs[attacker, victim, kind] += 1
        ways[vector, operation, kind] += 1
    return pairs, ways


def _grid(cursor: sqlite3.Cursor, kinds: _Kinds, section: str, axes: tuple[str, str], counts: _Counts) -> Grid | None:
    """The grid over two axes, or None where no trial of these kinds has a unit."""
    down, across = axes
    cursor.execute("DROP TABLE IF EXISTS temp.tried")
    cursor.execute("CREATE TEMP TABLE tried (r TEXT, c TEXT, kind INTEGER, n INTEGER)")
    named = ((r, c, kind, n) for (r, c, kind), n in counts.items() if kind in kinds and r and c)
    cursor.executemany("INSERT INTO tried VALUES (?, ?, ?, ?)", named)
    bad = ",".join(str(number) for number, (_, cell) in kinds.items() if cell != Cell(1)) or "0"
    rows, more_rows = _ranked(cursor, "r", bad, _ROWS)
    columns, more_columns = _ranked(cursor, "c", bad, _COLUMNS)
    if not rows:
        return None
    found = _cells(cursor, kinds, rows, columns)
    down_names, across_names = _with_rest(rows, more_rows), _with_rest(columns, more_columns)
    return Grid(
        section=section,
        across=across,
        down=down,
        rows=tuple(down_names),
        columns=tuple(across_names),
        cells=tuple(
            tuple(found.get((row, column), Cell()) for column in range(len(across_names)))
            for row in range(len(down_names))
        ),
        more_rows=more_rows,
        more_columns=more_columns,
    )


def _ranked(cursor: sqlite3.Cursor, axis: str, bad: str, most: int) -> tuple[list[str], int]:
    """The names along an axis in reading order, at most so many, and how many were left out."""
    (count,) = cursor.execute(f"SELECT count(DISTINCT {axis}) FROM tried").fetchone()  # noqa: S608  # our own letter
    query = (
        f"SELECT {axis} FROM tried GROUP BY 1 "  # noqa: S608  # our own letter and numbers
        f"ORDER BY sum(CASE WHEN kind IN ({bad}) THEN n ELSE 0 END) DESC, sum(n) DESC, 1 LIMIT ?"
    )
    names = [name for (name,) in cursor.execute(query, (most,))]
    return sorted(names), count - len(names)


def _with_rest(names: list[str], more: int) -> list[str]:
    return [*names, f"{more} more"] if more else names


def _cells(cursor: sqlite3.Cursor, kinds: _Kinds, rows: list[str], columns: list[str]) -> dict[tuple[int, int], Cell]:
    """Cells by position; what has no row or column of its own counts in the last."""
    cursor.execute("CREATE TEMP TABLE IF NOT EXISTS place (axis TEXT, name TEXT, at INTEGER, PRIMARY KEY (axis, name))")
    cursor.execute("DELETE FROM temp.place")
    places: Iterable[tuple[str, str, int]] = [
        *(("r", name, at) for at, name in enumerate(rows)),
        *(("c", name, at) for at, name in enumerate(columns)),
    ]
    cursor.executemany("INSERT INTO place VALUES (?, ?, ?)", places)
    query = """
        SELECT coalesce(down.at, ?), coalesce(across.at, ?), kind, sum(n) FROM tried
        LEFT JOIN place AS down ON down.axis = 'r' AND down.name = r
        LEFT JOIN place AS across ON across.axis = 'c' AND across.name = c
        GROUP BY 1, 2, 3"""
    found: dict[tuple[int, int], Cell] = {}
    for row, column, kind, number in cursor.execute(query, (len(rows), len(columns))):
        one = kinds[kind][1]
        some = Cell(number, number * one.refuted, number * one.differing, number * one.unanswered)
        found[row, column] = found.get((row, column), Cell()) + some
    return found
