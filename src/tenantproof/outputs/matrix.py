"""The picture at the top of the report: a square per claim, a row per section of the page."""

from __future__ import annotations

from dataclasses import dataclass

from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.outputs.words import Word, verdict_word

_STEP, _TOP, _LABELS, _ROW = 52, 8, 230, 40


@dataclass(frozen=True)
class Square:
    """One claim at (x, y), in units of the drawing."""

    x: int
    y: int
    id: str
    word: Word


@dataclass(frozen=True)
class Row:
    """One section of the page; `y` is where its name stands."""

    y: int
    section: str
    squares: tuple[Square, ...]


@dataclass(frozen=True)
class Matrix:
    """The whole drawing, `width` by `height` units."""

    width: int
    height: int
    rows: tuple[Row, ...]


def matrix(record: RunRecord) -> Matrix:
    """Lay out the claims, sections in the order of the cards."""
    sections: dict[str, list[ClaimResult]] = {}
    for result in record.claims:
        sections.setdefault(result.claim.section, []).append(result)
    rows = tuple(_row(number, name, members) for number, (name, members) in enumerate(sections.items()))
    widest = max((len(row.squares) for row in rows), default=0)
    return Matrix(_LABELS + widest * _STEP, _TOP * 2 + len(rows) * _ROW, rows)


def _row(number: int, section: str, members: list[ClaimResult]) -> Row:
    y = _TOP + number * _ROW
    squares = (
        Square(_LABELS + column * _STEP, y, result.claim.id, verdict_word(result.finding.verdict))
        for column, result in enumerate(members)
    )
    return Row(y, section, tuple(squares))
