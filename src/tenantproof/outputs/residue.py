"""What an access leaves behind, drawn as an SVG: for every kind of thing, how long it outlived its access."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tenantproof.model.outcome import PERMITTED, REFUSED
from tenantproof.model.run import Residue
from tenantproof.outputs.visible import visible

EVENTS = ("revocation", "expiry")
"""Ways in which an access ends: the columns."""
_LEFT, _ACROSS, _TOP, _DOWN, _BAR, _PROMISED = 150, 250, 56, 30, 220, 110
_MOST = 40
_LONGEST = 22


def matrix(found: Iterable[Residue]) -> dict[str, dict[str, Residue]]:
    """Kind to event to what was seen; of several, the worst: what still worked, had no answer, or took longest."""
    rows: dict[str, dict[str, Residue]] = {}
    for each in found:
        if each.kind not in rows and len(rows) == _MOST:
            continue
        row = rows.setdefault(each.kind, {})
        if each.event not in row or _worse(each) > _worse(row[each.event]):
            row[each.event] = each
    return rows


def residue_svg(found: Iterable[Residue]) -> str:
    """The drawing, as one `svg` element that needs neither script nor style."""
    rows = matrix(found)
    cells = [each for row in rows.values() for each in row.values()]
    broken = sum(word(each) != "✓" for each in cells)
    title = f"What an access leaves behind: {len(cells)} things used after its end, {broken} not powerless in time"
    height = _TOP + _DOWN * len(rows) + 10
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + 2 * _ACROSS} {height}" role="img"'
    parts = [_column(number, event) for number, event in enumerate(EVENTS)]
    for number, (kind, row) in enumerate(rows.items()):
        y = _TOP + number * _DOWN
        parts.append(_text(_LEFT - 10, y + 14, visible(kind, _LONGEST), anchor="end", weight="bold"))
        parts += [_cell(at, y, row.get(event)) for at, event in enumerate(EVENTS)]
    return f'{head} font-size="11" font-family="sans-serif"><title>{escape(title)}</title>{"".join(parts)}</svg>'


def told(each: Residue | None) -> str:
    """One cell in words."""
    if each is None:
        return "not tried"
    promise = f"promised: {each.promise:g} s"
    if each.seen is REFUSED:
        return f"powerless within {each.seconds:.3f} s; {promise}"
    if each.seen is PERMITTED:
        return f"still worked {each.seconds:.3f} s after the end; {promise}"
    return f"no answer that says whether it works; {promise}"


def word(each: Residue) -> str:
    """The mark of a cell."""
    if each.seen is REFUSED:
        return "✓"
    return "✗" if each.seen is PERMITTED else "?"


def _worse(each: Residue) -> tuple[int, float]:
    return ("✓?✗".index(word(each)), each.seconds)


def _column(number: int, event: str) -> str:
    x = _LEFT + number * _ACROSS
    line = f'<line x1="{x + _PROMISED}" y1="{_TOP - 14}" x2="{x + _PROMISED}" y2="{_TOP - 4}" stroke="#444"/>'
    return _text(x, 18, f"after {event}", weight="bold") + _text(x + _PROMISED, 36, "promise", anchor="middle") + line


def _cell(column: int, y: int, each: Residue | None) -> str:
    x = _LEFT + column * _ACROSS
    if each is None:
        return _text(x, y + 14, "· not tried")
    mark = word(each)
    colour = "#b00020" if mark == "✗" else "#444"
    share = min(each.seconds / each.promise, 2.0) if each.promise > 0 else 2.0
    wide = max(2, round(_PROMISED * share))
    dashed = ' stroke-dasharray="4 3"' if mark == "?" else ""
    bar = f'<rect x="{x}" y="{y + 17}" width="{min(wide, _BAR)}" height="6" fill="{colour}"/>'
    frame = f'<rect x="{x}" y="{y + 17}" width="{_PROMISED}" height="6" fill="none" stroke="#444"{dashed}/>'
    title = f"<title>{escape(visible(f'{each.kind} after {each.event}: {told(each)}', 200))}</title>"
    return f"<g>{title}{_text(x, y + 13, f'{mark} {each.seconds:.3f} s', colour=colour)}{bar}{frame}</g>"


def _text(x: int, y: int, said: str, *, anchor: str = "start", weight: str = "normal", colour: str = "#222") -> str:
    place = f'x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f"<text {place}>{escape(said)}</text>"
