"""report.html: the bundle for a reader. Self-contained, complete without script, and it adds no fact to the record."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from tenantproof.model.observation import Observation, Unit
from tenantproof.model.run import RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.outputs.advice import advice
from tenantproof.outputs.answers import frameworks
from tenantproof.outputs.heat import HIGH, WIDE, cell_word, heat
from tenantproof.outputs.matrix import matrix
from tenantproof.outputs.network import network_svg, ways
from tenantproof.outputs.residue import EVENTS, residue_svg
from tenantproof.outputs.residue import matrix as matrix_of_residue
from tenantproof.outputs.residue import told as residue_told
from tenantproof.outputs.since import since_of
from tenantproof.outputs.state_machine import OPERATION, state_machine_svg, transitions
from tenantproof.outputs.trend import BAR, trend
from tenantproof.outputs.visible import visible, visible_block
from tenantproof.outputs.words import (
    bound_words,
    count,
    deviations,
    gate_words,
    reason_words,
    state_label,
    state_words,
    verdict_word,
)

_DRAWN = 9999
"""A count beyond this is drawn as this."""

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_CLONE = Path(__file__).resolve().parents[3] / "reports" / "templates"


def report_html(record: RunRecord) -> str:
    """The report as HTML that declares itself UTF-8. The same record gives the same text."""
    run = settled(record)
    style, script = source("report.css"), source("report.js")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            style=Markup(style),  # noqa: S704  # our own stylesheet, not the target's text
            style_digest=source_digest(style),
            script=Markup(script),  # noqa: S704  # our own script
            script_digest=source_digest(script),
            verdicts=Counter(result.finding.verdict for result in run.claims),
            unchecked=sum(result.finding.reason is Reason.NO_CHECK for result in run.claims),
            defects=len({name for result in run.claims for name in result.caught_defects}),
            matrix=matrix(run),
            trend=trend(run),
            since=since_of(run.since) if run.since else None,
            advice=advice(run),
            frameworks=frameworks(run),
            states=_states(run),
            residue=matrix_of_residue(run.residue),
            residue_drawn=Markup(residue_svg(run.residue)) if run.residue else None,  # noqa: S704  # ours, escaped
            residue_told=residue_told,
            EVENTS=EVENTS,
            network=_network(run),
            pictures=tuple(heat(grid) for grid in run.pictures),
        )
    )


def _network(run: RunRecord) -> Markup | None:
    """Who could reach whom, or None where no pair was tried."""
    pairs = next((grid for grid in run.pictures if not grid.section and ways(grid)), None)
    return Markup(network_svg(pairs)) if pairs else None  # noqa: S704  # our own drawing, escaped


def _states(run: RunRecord) -> Markup | None:
    """The states of support access with what was tried in each, or None where nothing was."""
    known = [
        Observation(probe="", what="", outcome=step.seen, unit=Unit("", "", OPERATION, step.vector))
        for step in run.steps
        for _ in range(min(step.count, _DRAWN))
    ]
    return Markup(state_machine_svg(transitions(known))) if known else None  # noqa: S704  # our own drawing, escaped


def source_digest(text: str) -> str:
    """A source as a content security policy names it (CSP Level 3, 2.3.1)."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def templates() -> Traversable:
    """Where the templates are: in the installed package, else in the clone. Raises FileNotFoundError."""
    packaged = files("tenantproof").joinpath("templates")
    if packaged.joinpath("report.html.j2").is_file():
        return packaged
    if (_CLONE / "report.html.j2").is_file():
        return _CLONE
    raise FileNotFoundError(f"the report's templates are neither in the package nor at {_CLONE}; install it anew")


def environment() -> Environment:
    """What every page is drawn in: escaping is on, and a name that is unknown is an error."""
    made = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"visible": visible, "visible_block": visible_block}
    made.globals |= {
        "BAR": BAR,
        "HIGH": HIGH,
        "WIDE": WIDE,
        "cell_word": cell_word,
        "Verdict": Verdict,
        "bound_words": bound_words,
        "count": count,
        "deviations": deviations,
        "gate_words": gate_words,
        "reason_words": reason_words,
        "state_label": state_label,
        "state_words": state_words,
        "verdict_word": verdict_word,
    }
    return made


def source(name: str) -> str:
    """The text of a template, a stylesheet or a script."""
    return templates().joinpath(name).read_text(encoding="utf-8")
