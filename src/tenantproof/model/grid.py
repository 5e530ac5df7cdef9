"""Grids: what a table of two dimensions of a population came to, cell by cell; the pictures of a report."""

from __future__ import annotations

import msgspec


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """Trials of one row and column: how many, and how many of them were refuted, differed or had no answer."""

    trials: int = 0
    refuted: int = 0
    differing: int = 0
    unanswered: int = 0

    def __add__(self, other: Cell) -> Cell:
        return Cell(
            self.trials + other.trials,
            self.refuted + other.refuted,
            self.differing + other.differing,
            self.unanswered + other.unanswered,
        )


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """`cells[row][column]`; a cell of no trials was not tried. `section` is empty where the grid spans all sections.

    Only so many rows and columns are named; the last of each may gather `more_rows` and `more_columns` others.
    """

    section: str
    across: str
    down: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    more_rows: int = 0
    more_columns: int = 0
