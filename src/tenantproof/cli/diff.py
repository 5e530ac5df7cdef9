"""`tenantproof diff`: what differs between two runs, and whether the target or the harness made the difference."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tenantproof.cli import places
from tenantproof.cli.past import record_of
from tenantproof.cli.verify import named_bundle
from tenantproof.judge.compare import compare
from tenantproof.model.run import Comparison
from tenantproof.outputs.visible import visible


@click.command(name="diff")
@click.argument("before")
@click.argument("after", default="latest")
@click.option("--evidence", type=click.Path(path_type=Path), default=places.EVIDENCE, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(before: str, after: str, evidence: Path, as_json: bool) -> int:
    """Compare two runs, each named by its folder or its run id; AFTER is the newest unless named.

    A verdict that differs is put down to the target (the same checks, byte for byte, were answered otherwise), to the
    harness (the target says that it is the same), or to neither: not comparable.

    Exit codes: 0 no verdict differs, 1 one does, 2 no such run.
    """
    comparison = compare(record_of(_run(before, evidence)), record_of(_run(after, evidence)))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(comparison)).decode())
    else:
        _print(comparison)
    return 1 if comparison.changes else 0


def _run(name: str, evidence: Path) -> Path:
    path = Path(name)
    return named_bundle(path if path.is_dir() else evidence / name)


def _print(comparison: Comparison) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(Text(f"{visible(comparison.before)} -> {visible(comparison.after)}", style="bold"))
    table = Table(box=None, pad_edge=False)
    for heading in ("claim", "before", "after", "put down to", "because"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "claim")
    for change in comparison.changes:
        cells = (change.claim, change.before, change.after, change.attribution.value, change.because)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    if comparison.changes:
        console.print(table)
    console.print(f"{len(comparison.changes)} verdicts differ, {comparison.unchanged} do not")
    for fact in comparison.facts:
        console.print(Text(f"  {visible(fact)}", style="dim"))
