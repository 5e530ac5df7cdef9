"""`tenantproof replay`: send the request of one observation again, and see whether the answer is still the same."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from tenantproof.cli import places
from tenantproof.cli.show import find, open_journal
from tenantproof.clients.again import recorded, send_again
from tenantproof.clients.exchange import Answer
from tenantproof.clients.redaction import digest, scrub
from tenantproof.clients.target import Target
from tenantproof.clients.wire import replay as as_text
from tenantproof.clients.wire import response_line
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Entry
from tenantproof.model.profile_text import load
from tenantproof.outputs.visible import visible, visible_block

_SHOWN = 2000


@click.command(name="replay")
@click.argument("observation")
@click.option("--target", type=click.Path(path_type=Path), required=True, help="Target profile (TOML).")
@click.option("--bundle", type=click.Path(path_type=Path), default=places.EVIDENCE / "latest", show_default=True)
def command(observation: str, target: Path, bundle: Path) -> int:
    """Send the request of OBSERVATION (its number, or its probe id) again, with a fresh credential.

    The target is asked who it is first, and the profile's safety holds. Nothing is written to the bundle.
    Exit codes: 0 the answer has the status that was recorded, 1 it has another, 2 it can't be sent again,
    3 the target is not the one described.
    """
    with open_journal(bundle) as journal:
        entry = find(journal, observation)
        if entry is None:
            raise UsageError(f"{observation} is no observation; `tenantproof show CLAIM` prints their numbers")
        kept = recorded(entry.observation)
        if kept.bearer and not journal.was_genuine(kept.bearer):
            raise UsageError(
                "the token of this request was made for the attack, and only its digest is kept; a genuine one in its "
                f"place would be another request. Make the check again: tenantproof run --only {entry.claim}"
            )
    with closing(Target(load(target))) as reached:
        request, answer = send_again(reached, kept, entry.observation.principal)
    _print(entry, as_text(request), answer)
    return 0 if _same(entry, answer) else 1


def _same(entry: Entry, answer: Answer) -> bool:
    recorded = entry.observation.response.split(" ")[0].rstrip(",")
    return bool(answer.status) and recorded == str(answer.status)


def _print(entry: Entry, sent: str, answer: Answer) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    seen = entry.observation
    console.print(Text(f"{visible(seen.what)}\n", style="bold"))
    console.print(Text(visible_block(sent)))
    console.print(Text(f"\n{visible(response_line(answer))}"))
    for name, value in answer.headers:
        console.print(Text(f"{visible(name)}: {visible(scrub(value))}", style="dim"))
    if answer.body:
        text = scrub(answer.body[:_SHOWN].decode("utf-8", "backslashreplace"))
        console.print(Text(f"\n{visible_block(text)}"))
    told = "as recorded" if _same(entry, answer) else "NOT as recorded"
    console.print(
        Text(f"\nrecorded  {visible(seen.response)}  ({seen.outcome.value}, expected {entry.expected.value})")
    )
    console.print(Text(f"now       {visible(response_line(answer))}  {digest(answer.body)}  {told}"))
