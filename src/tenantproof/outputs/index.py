"""index.html: one page over all runs of an evidence folder, with a link to each report, and the days without a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tenantproof.model.run import PastRun
from tenantproof.outputs.report import environment, source, source_digest
from tenantproof.outputs.trend import run_word
from tenantproof.outputs.words import Word


@dataclass(frozen=True)
class Line:
    """A run, and how many days without one lie between it and the next newer of the same target."""

    target: str
    run: PastRun
    word: Word
    gap: int


def index_html(runs: Iterable[tuple[str, PastRun]], killed: Sequence[str] = ()) -> str:
    """The page, newest run first. `runs` are (target, run), oldest first; `killed` left no summary."""
    style = source("report.css")
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            style=Markup(style),  # noqa: S704  # our own stylesheet
            style_digest=source_digest(style),
            lines=tuple(_lines(runs)),
            killed=killed,
        )
    )


def _lines(runs: Iterable[tuple[str, PastRun]]) -> Iterator[Line]:
    """Newest first, so that the next newer of the same target has been met."""
    newer: dict[str, PastRun] = {}
    for target, run in reversed(list(runs)):
        yield Line(target, run, run_word(run), _days_between(run, newer[target]) if target in newer else 0)
        newer[target] = run


def _days_between(run: PastRun, later: PastRun) -> int:
    try:
        days = (dt.date.fromisoformat(later.started[:10]) - dt.date.fromisoformat(run.started[:10])).days
    except ValueError:
        return 0
    return max(days - 1, 0)
