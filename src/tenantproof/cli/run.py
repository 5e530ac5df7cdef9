"""`tenantproof run`: attack a deployment, judge every claim, write signed evidence."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from tenantproof.cli import places
from tenantproof.cli.archive import told as archived
from tenantproof.cli.assessment import Plan, attack
from tenantproof.cli.embedded import embedded, needs_streams
from tenantproof.cli.history import write_index
from tenantproof.cli.progress import Progress
from tenantproof.cli.sealing import Sealing
from tenantproof.cli.spread import Spread, spread
from tenantproof.cli.table import show
from tenantproof.evidence.archive import ArchiveError, archive
from tenantproof.judge.waivers import load_waivers
from tenantproof.model.errors import UsageError
from tenantproof.model.evidence_profile import Archive
from tenantproof.model.profile import Profile
from tenantproof.model.profile_text import load, parse
from tenantproof.model.sweep import BUDGET, SweepChoice
from tenantproof.plugin.cards import load_cards
from tenantproof.probes import books

_PRINTED_WIDTH = 160


@dataclass(frozen=True)
class Choices:
    """What the command line chose."""

    target: Path | None
    only: tuple[str, ...]
    strict: bool
    evidence: Path
    checks: Path | None
    resume: str
    overlay: str
    tenants: int
    waivers: Path | None
    quiet: bool
    pairs: Literal["all", "sample"]
    budget: int
    seed: int
    timestamp: str
    pdf: bool | None
    shard: tuple[int, int]
    engine: str
    shards: int


@click.command(name="run")
@click.option(
    "--target", type=click.Path(path_type=Path), help="Target profile (TOML). Default: boot the embedded one."
)
@click.option("--only", multiple=True, metavar="CLAIM", help="Assess these alone, e.g. --only QA-1,TK.")
@click.option("--strict", is_flag=True, help="Claims that the page labels Target-state gate too.")
@click.option("--evidence", type=click.Path(path_type=Path), default=places.EVIDENCE, show_default=True)
@click.option("--checks", type=click.Path(path_type=Path), help="Folder of checks and cards. Default: checks/.")
@click.option("--resume", default="", metavar="RUN-ID", help="Go on with a run that was killed or interrupted.")
@click.option("--overlay", default="", metavar="FILE:NAME", help="Swap parts of the embedded deployment (a defect).")
@click.option(
    "--tenants", type=click.IntRange(3, 100), default=3, show_default=True, help="Embedded deployment: how many."
)
@click.option(
    "--waivers", type=click.Path(path_type=Path), help="Accepted failures (TOML), each with owner and expiry."
)
@click.option(
    "--pairs",
    type=click.Choice(["all", "sample"]),
    default="sample",
    show_default=True,
    help="Cross-tenant sweep: every unit there is, or as many as the budget.",
)
@click.option(
    "--budget",
    type=click.IntRange(1),
    default=BUDGET,
    show_default=True,
    help="Units that a sample of the sweep tries.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="What the sample of the sweep is drawn with.")
@click.option(
    "--shard",
    default="1/1",
    metavar="I/N",
    callback=lambda _context, _option, text: shard_of(text),
    help="Make the I-th of N parts; `tenantproof merge` puts the bundles together.",
)
@click.option(
    "--engine", default="", metavar="dask://HOST:PORT", help="Run --shards on the workers of a Dask cluster, and merge."
)
@click.option("--shards", type=click.IntRange(1, 9999), default=4, show_default=True, help="With --engine: how many.")
@click.option(
    "--timestamp", default="", metavar="URL", help="Let a time-stamping authority (RFC 3161) stamp the bundle."
)
@click.option("--pdf/--no-pdf", default=None, help="Print the report into the bundle. Default: unless --only is given.")
@click.option("--quiet", is_flag=True, help="No progress; the closing table only.")
def command(**options: object) -> int:
    """Attack a deployment and write a bundle of evidence.

    Without --target the embedded reference deployment is booted, attacked and stopped. The bundle is
    EVIDENCE/<run-id>/, and EVIDENCE/latest names the newest: open its report.html, check it with
    `tenantproof verify`. A run that is killed keeps what it had; `--resume RUN-ID` goes on with it.

    Exit codes: 0 every gating claim satisfied, 1 one not satisfied, 2 wrong usage or profile,
    3 one could not be assessed or the target is not the one described, 130 interrupted.
    """
    choices = Choices(**options)  # type: ignore[arg-type]  # click hands over exactly the options above
    return run(choices)


def run(choices: Choices) -> int:
    """Do what `command` says; returns the exit code. Raises UsageError."""
    _review(choices)
    checks = choices.checks or places.house("checks")
    cards = load_cards(checks)
    waivers = load_waivers(choices.waivers, cards) if choices.waivers else ()
    profile = load(choices.target) if choices.target else None
    if profile is not None:
        books.review(profile.reconciliation)
    if choices.engine:
        return _spread(choices, checks, profile)
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(quiet=choices.quiet))
        only = _claims(choices.only, frozenset(cards))
        if profile is None:
            source = embedded(
                tenants=choices.tenants,
                overlay=choices.overlay,
                note=progress.note,
                streams=needs_streams(only or frozenset(cards), checks),
            )
            profile = parse(stack.enter_context(source), "the embedded deployment's profile")
        plan = Plan(
            profile=profile,
            cards=cards,
            checks=checks,
            only=only,
            strict=choices.strict,
            evidence=choices.evidence,
            resume=choices.resume,
            waivers=waivers,
            sweep=SweepChoice(pairs=choices.pairs, budget=choices.budget, seed=choices.seed, shard=choices.shard),
            source=f"embedded {choices.tenants} {choices.overlay}" if choices.target is None else "",
            sealing=_sealing(choices),
        )
        record, bundle = attack(plan, progress)
        write_index(choices.evidence)
    width = None if sys.stdout.isatty() else _PRINTED_WIDTH
    show(record, bundle, Console(file=sys.stdout, highlight=False, width=width))
    if (place := profile.evidence.archive) is not None:
        _archive(bundle, place, failed=record.gate.exit != 0)
    return record.gate.exit


def _spread(choices: Choices, checks: Path, profile: Profile | None) -> int:
    """The same run in shards, on the workers of a cluster."""
    chosen = {
        "--target": choices.target and choices.target.resolve(),
        "--only": ",".join(choices.only),
        "--checks": choices.checks and choices.checks.resolve(),
        "--overlay": choices.overlay,
        "--waivers": choices.waivers and choices.waivers.resolve(),
        "--tenants": choices.tenants,
        "--pairs": choices.pairs,
        "--budget": choices.budget,
        "--seed": choices.seed,
    }
    arguments = [word for name, value in chosen.items() if value for word in (name, str(value))]
    arguments += ["--strict"] if choices.strict else []
    with Progress(quiet=choices.quiet) as progress:
        record, bundle = spread(
            Spread(choices.engine, choices.shards, arguments, choices.evidence, checks, _sealing(choices)),
            profile,
            progress.note,
        )
    write_index(choices.evidence)
    show(record, bundle, Console(file=sys.stdout, highlight=False, width=_PRINTED_WIDTH))
    return record.gate.exit


def _sealing(choices: Choices) -> Sealing:
    """A browser takes seconds: who tries a few claims looks at the page, and of shards the whole is printed."""
    is_whole = not choices.only and choices.shard[1] == 1
    return Sealing(is_printed=is_whole if choices.pdf is None else choices.pdf, timestamp=choices.timestamp)


def shard_of(text: str) -> tuple[int, int]:
    """The number of a shard and how many there are, from 2/4. Raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text.strip())
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"--shard {text} is no part of a whole; the second of four is --shard 2/4")
    return number, count


def _archive(bundle: Path, place: Archive, *, failed: bool) -> None:
    """Keep a copy; that there is none changes the exit code of a run that would have ended 0, and hides no other."""
    try:
        click.echo(archived(archive(bundle, place, datetime.now(UTC))))
    except ArchiveError as error:
        if not failed:
            raise
        click.echo(f"tenantproof: {error}", err=True)


def _review(choices: Choices) -> None:
    if choices.target and choices.overlay:
        raise UsageError("--overlay changes the embedded deployment; leave --target out, or leave --overlay out")
    if choices.resume and not choices.target:
        raise UsageError(
            "the embedded deployment of a killed run is gone, so --resume needs --target; run again without --resume"
        )


def _claims(only: tuple[str, ...], known: frozenset[str]) -> frozenset[str]:
    """The claims that --only names, each by its id or, as in QA, by what the ids of a section begin with."""
    chosen: set[str] = set()
    for name in (part.strip() for group in only for part in group.split(",") if part.strip()):
        meant = {claim for claim in known if claim == name or claim.startswith(f"{name}-")}
        if not meant:
            raise UsageError(f"--only names {name}; `tenantproof claims` lists the claims there are")
        chosen |= meant
    return frozenset(chosen)
