"""report.html: the bundle for a reader. Self-contained, without script, and it adds no fact to the record."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from tenantproof.model.run import RunRecord
from tenantproof.model.run_text import settled
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.outputs.answers import answers
from tenantproof.outputs.matrix import matrix
from tenantproof.outputs.visible import visible, visible_block
from tenantproof.outputs.words import (
    bound_words,
    count,
    gate_words,
    reason_words,
    state_label,
    state_words,
    verdict_word,
)

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_CLONE = Path(__file__).resolve().parents[3] / "reports" / "templates"


def report_html(record: RunRecord) -> str:
    """The report as HTML that declares itself UTF-8. The same record gives the same text."""
    run = settled(record)
    style = _source("report.css")
    environment = _environment()
    return environment.get_template("report.html.j2").render(
        run=run,
        style=Markup(style),  # noqa: S704  # our own stylesheet, not the target's text
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        verdicts=Counter(result.finding.verdict for result in run.claims),
        unchecked=sum(result.finding.reason is Reason.NO_CHECK for result in run.claims),
        matrix=matrix(run),
        questions=answers(run, "Q"),
        articles=answers(run, "gdpr"),
        trust=answers(run, "soc2"),
    )


def templates() -> Traversable:
    """Where the templates are: in the installed package, else in the clone. Raises FileNotFoundError."""
    packaged = files("tenantproof").joinpath("templates")
    if packaged.joinpath("report.html.j2").is_file():
        return packaged
    if (_CLONE / "report.html.j2").is_file():
        return _CLONE
    raise FileNotFoundError(f"the report's templates are neither in the package nor at {_CLONE}; install it anew")


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"visible": visible, "visible_block": visible_block}
    environment.globals |= {
        "Verdict": Verdict,
        "bound_words": bound_words,
        "count": count,
        "gate_words": gate_words,
        "reason_words": reason_words,
        "state_label": state_label,
        "state_words": state_words,
        "verdict_word": verdict_word,
    }
    return environment


def _source(name: str) -> str:
    return templates().joinpath(name).read_text(encoding="utf-8")
