"""`tenantproof show`: one claim of a bundle with the observations behind it, or one observation in full."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from tenantproof.cli import places
from tenantproof.cli.verify import named_bundle
from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Entry
from tenantproof.outputs.visible import visible, visible_block

_PROBE = re.compile(r"[0-9a-f]{8,32}\Z")


@click.command(name="show")
@click.argument("what", metavar="CLAIM|OBSERVATION")
@click.option("--bundle", type=click.Path(path_type=Path), default=places.EVIDENCE / "latest", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many observations.")
@click.option("--differing", is_flag=True, help="Only observations that are not what was expected.")
def command(what: str, bundle: Path, limit: int, differing: bool) -> None:
    """Print what was observed, from the journal of a bundle.

    CLAIM (as QA-1): every observation of a claim, in the order it happened. OBSERVATION: its number as the report
    prints it, or the beginning of its probe id: one observation in full, with the request to repeat.
    """
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    with open_journal(bundle) as journal:
        if (one := find(journal, what)) is not None:
            _print_whole(one, console)
            return
        entries = (entry for entry in journal.entries(claim=what) if not differing or _differs(entry))
        shown = 0
        for entry in islice(entries, limit):
            _print(entry, console)
            shown += 1
    if not shown:
        raise UsageError(
            f"the journal of {bundle} has no {'such ' if differing else ''}observation for {what}; "
            "`tenantproof claims` lists the claims, and the report prints the numbers of observations"
        )


def open_journal(bundle: Path) -> Journal:
    """The journal of a bundle, read-only. Raises UsageError when there is none."""
    path = named_bundle(bundle) / "journal.sqlite"
    if not path.is_file():
        raise UsageError(f"{bundle} holds no journal.sqlite; name a bundle with --bundle, or make one: tenantproof run")
    return Journal.read(path)


def find(journal: Journal, what: str) -> Entry | None:
    """The observation of that number or probe id, or None when it can't be one. Raises UsageError for a wrong one."""
    if what.isascii() and what.isdigit() and len(what) < 16:
        if (entry := journal.entry(int(what))) is None:
            raise UsageError(f"the journal has no observation {what}; the report prints the numbers that there are")
        return entry
    return next(journal.find(what, 1), None) if _PROBE.match(what) else None


def _differs(entry: Entry) -> bool:
    return entry.observation.outcome is not entry.expected


def _print(entry: Entry, console: Console) -> None:
    seen = entry.observation
    agrees = "  <- differs" if _differs(entry) else ""
    told = f"{seen.outcome.value}, expected {entry.expected.value}{agrees}"
    console.print(Text(f"{entry.role.value:<11} {visible(seen.what)}  {told}"))
    for label, text in (
        ("number", str(entry.seq)),
        ("request", seen.request),
        ("answer", seen.response),
        ("probe", seen.probe),
    ):
        if text:
            console.print(Text(f"    {label:<8} {visible(text)}", style="dim"))
    for note in seen.notes:
        console.print(Text(f"    note     {visible(note)}", style="dim"))


def _print_whole(entry: Entry, console: Console) -> None:
    _print(entry, console)
    seen = entry.observation
    moment = datetime.fromtimestamp(seen.at, UTC).isoformat(timespec="milliseconds")
    rest = [
        ("claim", entry.claim),
        ("check", entry.check),
        ("as", seen.principal),
        ("at", moment),
        ("took", f"{seen.seconds * 1000:.1f} ms"),
        ("asked", seen.request_digest),
        ("told", seen.response_digest),
    ]
    if seen.unit:
        rest.append(("unit", f"{seen.unit.attacker} -> {seen.unit.victim}, {seen.unit.operation}, {seen.unit.vector}"))
    for label, text in rest:
        if text:
            console.print(Text(f"    {label:<8} {visible(text)}", style="dim"))
    if seen.replay:
        console.print(Text(f"\n{visible_block(seen.replay)}\n"))
        console.print(Text(f"to send it again: tenantproof replay {entry.seq} --target PROFILE.toml", style="dim"))
