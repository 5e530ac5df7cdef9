"""`tenantproof show`: one claim of a bundle, with every observation that its verdict rests on."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from tenantproof.cli import places
from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Entry


@click.command(name="show")
@click.argument("claim")
@click.option("--bundle", type=click.Path(path_type=Path), default=places.EVIDENCE / "latest", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many observations.")
def command(claim: str, bundle: Path, limit: int) -> None:
    """Print what was observed for CLAIM (as QA-1), in the order it happened, from the journal of a bundle."""
    path = bundle / "journal.sqlite"
    if not path.is_file():
        raise UsageError(f"{bundle} holds no journal.sqlite; name a bundle with --bundle, or make one: tenantproof run")
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    shown = 0
    with Journal.read(path) as journal:
        for entry in journal.entries(claim=claim, limit=limit):
            _print(entry, console)
            shown += 1
    if not shown:
        raise UsageError(
            f"the journal of {bundle} has no observation for {claim}; `tenantproof claims` lists the claims"
        )


def _print(entry: Entry, console: Console) -> None:
    seen = entry.observation
    agrees = "" if seen.outcome is entry.expected else "  <- differs"
    console.print(
        Text(f"{entry.role.value:<11} {seen.what}  {seen.outcome.value}, expected {entry.expected.value}{agrees}")
    )
    for label, text in (("request", seen.request), ("answer", seen.response), ("probe", seen.probe)):
        if text:
            console.print(Text(f"    {label:<8} {text}", style="dim"))
    for note in seen.notes:
        console.print(Text(f"    note     {note}", style="dim"))
