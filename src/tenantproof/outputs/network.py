"""Who could reach whom, drawn as an SVG: everybody on a circle, and an arrow for every pair that was tried."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import cos, hypot, pi, sin

from tenantproof.model.grid import Cell, Grid
from tenantproof.outputs.heat import cell_word
from tenantproof.outputs.visible import shortened, visible
from tenantproof.outputs.words import count

_WIDE, _HIGH, _RADIUS, _DOT = 900, 460, 165, 7
_BEND = 0.14
_MOST = 24
_LONGEST = 40
"""Characters of a name: there is room for as many beside the circle."""


@dataclass(frozen=True)
class _Place:
    """Where a name stands, and on which side of its dot it is written."""

    x: float
    y: float
    name: str

    @property
    def anchor(self) -> str:
        aside = self.x - _WIDE / 2
        return "middle" if abs(aside) < _DOT else "start" if aside > 0 else "end"


@dataclass(frozen=True)
class Way:
    """One attacker's trials at one victim."""

    attacker: str
    victim: str
    cell: Cell

    @property
    def mark(self) -> str:
        """✓ all came out as the claims say, ✗ one did not, ? one had no answer."""
        return cell_word(self.cell).mark


def ways(grid: Grid) -> list[Way]:
    """Every pair of the grid (attackers down, victims across) that was tried, each with another than itself."""
    return [
        Way(attacker, victim, cell)
        for attacker, row in zip(grid.rows, grid.cells, strict=True)
        for victim, cell in zip(grid.columns, row, strict=True)
        if attacker != victim and cell.trials
    ]


def network_svg(grid: Grid) -> str:
    """The drawing, as one `svg` element that needs neither script nor style; of many names the first are drawn."""
    tried = ways(grid)
    names = list(dict.fromkeys(name for way in tried for name in (way.attacker, way.victim)))
    places = {name: _place(number, min(len(names), _MOST), name) for number, name in enumerate(names[:_MOST])}
    drawn = sorted((way for way in tried if {way.attacker, way.victim} <= places.keys()), key=_last_the_worst)
    broken = sum(way.mark == "✗" for way in tried)
    title = f"Who could reach whom: {count(len(tried), 'pair')} tried, {broken} of them with a trial that got through"
    left = f"; {len(names) - _MOST} more names are not drawn" if len(names) > _MOST else ""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" role="img"'
    lines = (_line(way, places[way.attacker], places[way.victim]) for way in drawn)
    parts = [*lines, *map(_dot, places.values())]
    return f'{head} font-size="11" font-family="sans-serif"><title>{escape(title + left)}</title>{"".join(parts)}</svg>'


def _last_the_worst(way: Way) -> int:
    """What is drawn last lies on top."""
    return "✓?✗".index(way.mark)


def _place(number: int, among: int, name: str) -> _Place:
    turn = 2 * pi * number / among - pi / 2
    return _Place(_WIDE / 2 + _RADIUS * cos(turn), _HIGH / 2 + _RADIUS * sin(turn), name)


def _line(way: Way, start: _Place, end: _Place) -> str:
    """A bent arrow, so that the way there and the way back are two."""
    bend = ((start.y - end.y) * _BEND, (end.x - start.x) * _BEND)
    middle = ((start.x + end.x) / 2 + bend[0], (start.y + end.y) / 2 + bend[1])
    along, across = _direction((start.x, start.y), (end.x, end.y))
    colour, wide, dash = _LOOKS[way.mark]
    tip = (end.x - along * (_DOT + 3), end.y - across * (_DOT + 3))
    path = f"M{start.x:.0f} {start.y:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {tip[0]:.0f} {tip[1]:.0f}"
    line = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{wide}"{dash}/>'
    said = _said(middle[0] - bend[0] / 2, middle[1] - bend[1] / 2, way, colour)
    return f"<g><title>{escape(told(way))}</title>{line}{_head(middle, tip, colour)}{said}</g>"


_LOOKS = {
    "✓": ("#8a94a0", 1, ""),
    "?": ("#8a5a00", 2, ' stroke-dasharray="6 4"'),
    "✗": ("#b00020", 4, ""),
}
"""Colour, width and dashes by mark; every mark but the first is written beside its arrow too."""


def told(way: Way) -> str:
    """One arrow in words."""
    trials = f"{visible(way.attacker, 60)} at {visible(way.victim, 60)}: {count(way.cell.trials, 'trial')}"
    got = way.cell.refuted + way.cell.differing
    through = f", {got} got through" if got else ", none got through"
    return trials + through + (f", {way.cell.unanswered} without an answer" if way.cell.unanswered else "")


def _said(x: float, y: float, way: Way, colour: str) -> str:
    if way.mark == "✓":
        return ""
    number = way.cell.refuted + way.cell.differing if way.mark == "✗" else way.cell.unanswered
    # A rim of the paper's colour, so that lines beneath do not strike it through.
    rim = 'paint-order="stroke" stroke="#fff" stroke-width="4"'
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="bold" fill="{colour}" {rim}>{way.mark} {number}</text>'


def _head(middle: tuple[float, float], tip: tuple[float, float], colour: str) -> str:
    along, across = (8 * each for each in _direction(middle, tip))
    left = f"{tip[0] - along - across / 2:.0f},{tip[1] - across + along / 2:.0f}"
    right = f"{tip[0] - along + across / 2:.0f},{tip[1] - across - along / 2:.0f}"
    return f'<polygon points="{tip[0]:.0f},{tip[1]:.0f} {left} {right}" fill="{colour}"/>'


def _direction(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """The vector of length 1 from one point to another; of length 0 where they are one."""
    far = hypot(end[0] - start[0], end[1] - start[1]) or 1.0
    return (end[0] - start[0]) / far, (end[1] - start[1]) / far


def _dot(place: _Place) -> str:
    away = 0 if place.anchor == "middle" else 14 if place.anchor == "start" else -14
    down = 4 if away else -14 if place.y < _HIGH / 2 else 22
    text = f'x="{place.x + away:.0f}" y="{place.y + down:.0f}" text-anchor="{place.anchor}" font-weight="bold"'
    dot = f'<circle cx="{place.x:.0f}" cy="{place.y:.0f}" r="{_DOT}" fill="#222"/>'
    return f'{dot}<text {text} fill="#222">{escape(shortened(visible(place.name), _LONGEST))}</text>'
