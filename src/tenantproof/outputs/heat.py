"""Draws a grid of trials: a square per row and column, which says by mark and number what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from tenantproof.model.grid import Cell, Grid
from tenantproof.outputs.visible import shortened
from tenantproof.outputs.words import Word, count

_WIDE, _HIGH, _GAP = 46, 28, 4
_LETTER = 8
_LONGEST = 34


@dataclass(frozen=True)
class Label:
    """A name beside a row or above a column, cut where it is too long; `whole` is not."""

    x: int
    y: int
    text: str
    whole: str


@dataclass(frozen=True)
class Patch:
    """One cell at (x, y); `text` stands in it, `told` says it in words."""

    x: int
    y: int
    word: Word
    text: str
    told: str


@dataclass(frozen=True)
class Heat:
    """The whole drawing, `width` by `height` units, and its content in a sentence."""

    grid: Grid
    width: int
    height: int
    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    patches: tuple[Patch, ...]
    told: str


WIDE, HIGH = _WIDE, _HIGH


def heat(grid: Grid) -> Heat:
    """Lay out a grid: names of rows at the left, names of columns slanted above."""
    left = _GAP * 2 + _LETTER * max(map(_length, grid.rows), default=0)
    top = _GAP * 4 + round(_LETTER * 0.72 * max(map(_length, grid.columns), default=0))
    slant = round(_LETTER * 0.72 * max(map(_length, grid.columns[-1:]), default=0))
    across, down = _WIDE + _GAP, _HIGH + _GAP
    patches = [
        _patch(left + column * across, top + row * down, grid, row, column)
        for row in range(len(grid.rows))
        for column in range(len(grid.columns))
    ]
    return Heat(
        grid=grid,
        width=left + len(grid.columns) * across + slant,
        height=top + len(grid.rows) * down,
        rows=tuple(_label(left - _GAP * 2, top + at * down + 18, name) for at, name in enumerate(grid.rows)),
        columns=tuple(_label(left + at * across + 18, top - _GAP * 2, name) for at, name in enumerate(grid.columns)),
        patches=tuple(patches),
        told=_told(grid),
    )


def cell_word(cell: Cell) -> Word:
    """What came of the trials of a cell, the worst first; not tried is a word of its own."""
    if cell.refuted:
        return Word("failed", "✗", f"{count(cell.refuted, 'trial')} saw what must not happen")
    if cell.differing:
        return Word("failed", "✗", f"{count(cell.differing, 'trial')} came out otherwise than the claim says")
    if cell.unanswered:
        return Word("open", "?", f"{count(cell.unanswered, 'trial')} had no answer")
    if cell.trials:
        return Word("held", "✓", "as the claim says")
    return Word("none", "·", "not tried")


def _patch(x: int, y: int, grid: Grid, row: int, column: int) -> Patch:
    cell = grid.cells[row][column]
    word = cell_word(cell)
    tried = f"{count(cell.trials, 'trial')}, {word.text}" if cell.trials else word.text
    text = f"{word.mark} {_short(cell.trials)}" if cell.trials else word.mark
    return Patch(x, y, word, text, f"{grid.rows[row]}, {grid.columns[column]}: {tried}")


def _told(grid: Grid) -> str:
    cells = [cell for row in grid.cells for cell in row if cell.trials]
    bad = sum(1 for cell in cells if cell_word(cell).kind != "held")
    trials = sum(cell.trials for cell in cells)
    names = f"{count(len(grid.rows), 'row')} ({grid.down}) by {count(len(grid.columns), 'column')} ({grid.across})"
    return f"{names}: {count(trials, 'trial')} in {count(len(cells), 'cell')}, of which {bad} in trouble"


def _label(x: int, y: int, name: str) -> Label:
    return Label(x, y, shortened(name, _LONGEST), name)


def _length(name: str) -> int:
    return min(len(name), _LONGEST)


def _short(number: int) -> str:
    if number < 1_000:
        return str(number)
    return f"{number / 1_000:.0f}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"
