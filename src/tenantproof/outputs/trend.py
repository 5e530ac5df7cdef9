"""The runs of the last weeks, a column a day; a day without a run is seen, and is not green."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from tenantproof.model.run import PastRun, RunRecord
from tenantproof.model.verdict import Verdict
from tenantproof.outputs.words import Word, count

_DAYS = 42
_LEFT, _TOP, _TALL, _STEP, _BAR = 8, 10, 110, 21, 16
BAR = _BAR


@dataclass(frozen=True)
class Part:
    """A stretch of a bar, from `y` down."""

    kind: str
    y: int
    height: int


@dataclass(frozen=True)
class Day:
    """One day of the trend; `word` is what its worst run came to. `parts` is empty for a day without a run."""

    x: int
    date: str
    word: Word
    parts: tuple[Part, ...]
    told: str


@dataclass(frozen=True)
class Trend:
    """The whole drawing. `runs` of `days`, `gaps` of them without a run."""

    width: int
    height: int
    floor: int
    days: tuple[Day, ...]
    gaps: int
    told: str


def trend(record: RunRecord) -> Trend:
    """The days from the first run that is known, at most six weeks back, to this run."""
    runs: dict[dt.date, list[PastRun]] = {}
    for run in (*record.history, _this(record)):
        if (day := _day(run.started)) is not None:
            runs.setdefault(day, []).append(run)
    last = max(runs, default=dt.date(1970, 1, 1))
    first = max(min(runs, default=last), last - dt.timedelta(days=_DAYS - 1))
    dates = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    days = tuple(_column(at, date, runs.get(date, [])) for at, date in enumerate(dates))
    gaps = sum(not day.parts for day in days)
    told = f"{count(sum(len(each) for each in runs.values()), 'run')} known; {count(len(days), 'day')} shown"
    without = f", {gaps} without a run" if gaps else ", none without a run"
    return Trend(
        width=_LEFT * 2 + max(len(days), 1) * _STEP + 16,
        height=_TOP + _TALL + 34,
        floor=_TOP + _TALL,
        days=days,
        gaps=gaps,
        told=told + without,
    )


def run_word(run: PastRun) -> Word:
    """What a run came to, by its exit code."""
    if run.exit == 0 and run.complete:
        return Word("held", "✓", "passed")
    if run.exit == 1:
        return Word("failed", "✗", "failed")
    return Word("open", "?", "open" if run.complete else "incomplete")


def _this(record: RunRecord) -> PastRun:
    verdicts = [result.finding.verdict for result in record.claims]
    return PastRun(
        id=record.id,
        started=record.started,
        exit=record.gate.exit,
        complete=record.complete,
        satisfied=verdicts.count(Verdict.SATISFIED),
        not_satisfied=verdicts.count(Verdict.NOT_SATISFIED),
        not_assessed=verdicts.count(Verdict.NOT_ASSESSED),
    )


def _day(moment: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(moment[:10])
    except ValueError:
        return None


def _column(at: int, date: dt.date, runs: Sequence[PastRun]) -> Day:
    x = _LEFT + at * _STEP
    if not runs:
        return Day(x, date.isoformat(), Word("none", "-", "no run"), (), f"{date}: no run")
    worst = max(runs, key=lambda run: (run.exit == 1, run.exit != 0 or not run.complete, run.started))
    word = run_word(worst)
    numbers = f"{worst.satisfied} satisfied, {worst.not_satisfied} not satisfied, {worst.not_assessed} not assessed"
    more = f"; the worst of {len(runs)} runs" if len(runs) > 1 else ""
    return Day(x, date.isoformat(), word, _parts(worst), f"{date}: {word.text}, {numbers}{more}")


def _parts(run: PastRun) -> tuple[Part, ...]:
    total = run.satisfied + run.not_satisfied + run.not_assessed or 1
    parts, floor = [], _TOP + _TALL
    for kind, number in (("held", run.satisfied), ("open", run.not_assessed), ("failed", run.not_satisfied)):
        # What there is one of must be seen, however many there are of the others.
        tall = max(round(_TALL * number / total), 5 if number else 0)
        floor -= tall
        if tall:
            parts.append(Part(kind, floor, tall))
    return tuple(parts)
