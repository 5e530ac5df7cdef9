"""`tenantproof history`: every run of an evidence folder, the days without one, and how long runs are kept."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tenantproof.cli import places
from tenantproof.cli.past import folders, past_run
from tenantproof.evidence.bundle import write
from tenantproof.evidence.manifest import ATTESTATION
from tenantproof.model.errors import UsageError
from tenantproof.model.run import PastRun
from tenantproof.outputs.index import index_html
from tenantproof.outputs.trend import run_word
from tenantproof.outputs.visible import visible


@dataclass(frozen=True)
class Line:
    """A run as the history shows it; `run` is None where it left no summary, as one that was killed."""

    folder: Path
    target: str
    run: PastRun | None
    is_signed: bool


@click.command(name="history")
@click.option("--evidence", type=click.Path(path_type=Path), default=places.EVIDENCE, show_default=True)
@click.option("--target", default="", help="Only runs against the target of that name.")
@click.option("--keep", type=click.IntRange(1), help="Delete all but the newest N signed runs of each target.")
@click.option("--yes", is_flag=True, help="With --keep: delete without asking.")
def command(evidence: Path, target: str, keep: int | None, yes: bool) -> int:
    """List the runs of an evidence folder, oldest first, with the days on which there was none.

    Writes EVIDENCE/index.html, a page over all runs. A run that was killed is listed, and is never deleted: it may
    still be resumed. The chain of what is left says which run came before the oldest.
    """
    if not evidence.is_dir():
        raise UsageError(f"{evidence} is no folder; name the folder of runs with --evidence, or: tenantproof run")
    lines = [each for each in history(evidence) if not target or each.target == target]
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 160)
    if keep is not None:
        doomed = surplus(lines, keep)
        _delete(doomed, is_sure=yes)
        lines = [line for line in lines if line not in doomed]
    _print(lines, console)
    write_index(evidence)
    return 0


def history(evidence: Path) -> list[Line]:
    """Every run of the folder, oldest first."""
    found = []
    for folder in folders(evidence):
        known = past_run(folder)
        name, run = known or ("", None)
        found.append(Line(folder, name, run, (folder / ATTESTATION).is_file()))
    return found


def surplus(lines: list[Line], keep: int) -> list[Line]:
    """The signed runs that are older than the newest `keep` of their target."""
    doomed: list[Line] = []
    for target in dict.fromkeys(line.target for line in lines):
        signed = [line for line in lines if line.target == target and line.is_signed]
        doomed += signed[:-keep]
    return doomed


def write_index(evidence: Path) -> None:
    """Draw EVIDENCE/index.html anew, whole or not at all. Raises UsageError when it can't be written."""
    runs = [(line.target, line.run) for line in history(evidence) if line.run]
    killed = [line.folder.name for line in history(evidence) if line.run is None]
    try:
        write(evidence / "index.html", index_html(runs, killed).encode())
    except OSError as error:
        raise UsageError(f"{evidence / 'index.html'} can't be written: {error.strerror}") from None


def _delete(doomed: list[Line], *, is_sure: bool) -> None:
    if not doomed:
        return
    names = ", ".join(line.folder.name for line in doomed)
    if not is_sure and not click.confirm(f"delete {len(doomed)} runs: {names}?"):
        raise UsageError("nothing was deleted")
    for line in doomed:
        shutil.rmtree(line.folder)
    click.echo(f"deleted {len(doomed)} runs: {names}")


def _print(lines: list[Line], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "target", "result", "satisfied", "not satisfied", "not assessed"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "run")
    before: date | None = None
    for line in lines:
        day = date.fromisoformat(f"{line.folder.name[:4]}-{line.folder.name[4:6]}-{line.folder.name[6:8]}")
        if before and (gap := (day - before).days - 1) > 0:
            table.add_row("", "", Text(f"{gap} day{'' if gap == 1 else 's'} without a run", style="yellow"), "", "", "")
        before = day
        table.add_row(*_row(line))
    console.print(table)
    passed = sum(1 for line in lines if line.run and line.run.exit == 0)
    console.print(f"{len(lines)} runs, {passed} passed")


def _row(line: Line) -> list[Text]:
    if line.run is None:
        return [
            Text(line.folder.name),
            Text(""),
            Text("killed; resume it with --resume"),
            *(Text("") for _ in range(3)),
        ]
    run = line.run
    result = f"{run_word(run).text}, exit {run.exit}" + ("" if line.is_signed else ", unsigned")
    numbers = (run.satisfied, run.not_satisfied, run.not_assessed)
    return [Text(line.folder.name), Text(visible(line.target)), Text(result), *(Text(str(each)) for each in numbers)]
