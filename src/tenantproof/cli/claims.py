"""`tenantproof claims`: what is claimed, by section, and which claims have a check."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from tenantproof.cli import places
from tenantproof.model.claims import Claim
from tenantproof.plugin.cards import load_cards
from tenantproof.plugin.collect import checked_claims


@click.command(name="claims")
@click.option("--checks", type=click.Path(path_type=Path), help="Folder of checks and cards. Default: checks/.")
@click.option("--json", "as_json", is_flag=True, help="The cards as JSON, for machines.")
def command(checks: Path | None, as_json: bool) -> None:
    """List the claims: their product state, the criteria they answer, whether a check decides them."""
    folder = checks or places.house("checks")
    cards = load_cards(folder)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(cards)).decode())
        return
    Console(file=sys.stdout, highlight=False).print(_table(cards, checked_claims(folder)))


def _table(cards: dict[str, Claim], checked: frozenset[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("claim", "state", "check", "answers", "criteria", "says"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "claim")
    section = ""
    for claim in sorted(cards.values(), key=lambda card: card.section):
        if claim.section != section:
            section = claim.section
            table.add_row("", "", "", "", "", f"[bold]{section}[/bold]")
        criteria = "; ".join(f"{name} {', '.join(ids)}" for name, ids in claim.criteria.items() if name != "Q")
        decided = "yes" if claim.id in checked else "none yet"
        table.add_row(claim.id, claim.state.value, decided, " ".join(claim.answers), criteria, claim.says)
    return table
