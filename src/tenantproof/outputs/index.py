"""index.html: one page over all runs of an evidence folder, with a link to each report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from tenantproof.model.run import PastRun
from tenantproof.outputs.report import environment, source, source_digest
from tenantproof.outputs.trend import run_word


def index_html(runs: Iterable[tuple[str, PastRun]], killed: Sequence[str] = ()) -> str:
    """The page, newest run first. `runs` are (target, run), oldest first; `killed` left no summary."""
    style = source("report.css")
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            style=Markup(style),  # noqa: S704  # our own stylesheet
            style_digest=source_digest(style),
            runs=[(target, run, run_word(run)) for target, run in runs][::-1],
            killed=killed,
        )
    )
