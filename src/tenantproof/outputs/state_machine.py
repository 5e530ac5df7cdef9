"""The states of support access, drawn as an SVG: what leads where, and how often what was tried was refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from msgspec import Struct

from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, REFUSED

OPERATION = "transition"
"""`unit.operation` of the observations that are drawn; `unit.vector` is "state step" or "state step: fault"."""
_PLACES: Mapping[str, tuple[int, int]] = {
    "none": (70, 60),
    "requested": (240, 60),
    "approved": (410, 60),
    "active": (580, 60),
    "denied": (240, 220),
    "withdrawn": (340, 220),
    "revoked": (495, 220),
    "lapsed": (410, 300),
    "ended": (580, 300),
}
_ARROWS = (
    ("none", "request", "requested"),
    ("requested", "approve", "approved"),
    ("approved", "activate", "active"),
    ("requested", "deny", "denied"),
    ("requested", "withdraw", "withdrawn"),
    ("approved", "withdraw", "withdrawn"),
    ("approved", "revoke", "revoked"),
    ("active", "revoke", "revoked"),
    ("approved", "time", "lapsed"),
    ("active", "time", "ended"),
)
_WIDTH, _HEIGHT, _HALF, _TALL = 660, 350, 48, 18


class Transition(Struct, frozen=True, kw_only=True):
    """What was tried in one state: `step` as it should be (no fault) or with faults, and what came of it."""

    state: str
    step: str
    taken: int = 0
    refused: int = 0
    permitted_with_a_fault: int = 0


def transitions(seen: Iterable[Observation]) -> list[Transition]:
    """The transitions that these observations tell of, in the order of their states and steps."""
    counts: dict[tuple[str, str], list[int]] = {}
    for each in seen:
        if each.unit is None or each.unit.operation != OPERATION:
            continue
        legal, _, fault = each.unit.vector.partition(": ")
        state, _, step = legal.partition(" ")
        count = counts.setdefault((state, step), [0, 0, 0])
        if each.outcome is REFUSED:
            count[1] += 1
        elif each.outcome is PERMITTED:
            count[2 if fault else 0] += 1
    return [
        Transition(state=state, step=step, taken=taken, refused=refused, permitted_with_a_fault=wrong)
        for (state, step), (taken, refused, wrong) in sorted(counts.items())
    ]


def state_machine_svg(tried: Iterable[Transition]) -> str:
    """The drawing, as one `svg` element without script or style of its own beyond presentation attributes."""
    known = list(tried)
    refused = {state: sum(each.refused for each in known if each.state == state) for state in _PLACES}
    wrong = {state: sum(each.permitted_with_a_fault for each in known if each.state == state) for state in _PLACES}
    taken = {(each.state, each.step): each.taken for each in known}
    total, failed = sum(refused.values()), sum(wrong.values())
    title = f"States of support access: {total} acts refused, {failed} permitted with a fault"
    parts = [_arrow(*arrow, taken.get(arrow[:2], 0)) for arrow in _ARROWS]
    parts += [_state(state, refused[state], wrong[state]) for state in _PLACES]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-size="11"'
    return f'{head} font-family="sans-serif"><title>{escape(title)}</title>{_MARKER}{"".join(parts)}</svg>'


_MARKER = (
    '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#444"/></marker></defs>'
)


def _arrow(state: str, step: str, leads_to: str, taken: int) -> str:
    (x1, y1), (x2, y2) = _PLACES[state], _PLACES[leads_to]
    level = y1 == y2
    start, end = ((x1 + _HALF, y1), (x2 - _HALF, y2)) if level else ((x1, y1 + _TALL), (x2, y2 - _TALL))
    label = f"{step} {taken}" if taken else step
    at = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 4)
    line = f'<line x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}" stroke="#444" marker-end="url(#to)"/>'
    words = f'<text x="{at[0]:g}" y="{at[1]:g}" text-anchor="middle" fill="#333">{escape(label)}</text>'
    return line + (words if level else words.replace("middle", "start"))


def _state(state: str, refused: int, wrong: int) -> str:
    x, y = _PLACES[state]
    colour = "#b00020" if wrong else "#444"
    said = f"{refused} refused" + (f", {wrong} not" if wrong else "")
    box = f'<rect x="{x - _HALF}" y="{y - _TALL}" width="{2 * _HALF}" height="{2 * _TALL}" rx="6" fill="#fff"'
    name = f'<text x="{x}" y="{y - 2}" text-anchor="middle" font-weight="bold" fill="#111">{escape(state)}</text>'
    count = f'<text x="{x}" y="{y + 12}" text-anchor="middle" fill="{colour}">{said}</text>' if refused or wrong else ""
    return f'{box} stroke="{colour}"/>{name}{count}'
