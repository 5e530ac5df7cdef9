"""`tenantproof sensitivity`: prove that the checks can fail, and that a hollow target satisfies nothing."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import islice, zip_longest
from pathlib import Path
from random import Random
from typing import TypeAlias

import click
import msgspec

from tenantproof.cli import places
from tenantproof.cli.defects import Defect, load_defects
from tenantproof.cli.embedded import embedded, needs_streams
from tenantproof.cli.progress import Progress
from tenantproof.clients.hollow import Hollow, hollow_target
from tenantproof.clients.target import Target
from tenantproof.ledger.journal import Journal
from tenantproof.model.claims import Claim
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.profile import Profile
from tenantproof.model.profile_text import parse
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.plugin.cards import load_cards
from tenantproof.plugin.collect import checked_claims
from tenantproof.plugin.run import RunContext, assess

Findings: TypeAlias = Mapping[str, Finding]


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """What one defect turned. `collateral` are claims that it does not name and that turned all the same.

    `left_open` are those that could not be assessed any more: what they need to begin with did not work. That is no
    false alarm, and a run says so.
    """

    expected: tuple[str, ...]
    caught: tuple[str, ...]
    collateral: tuple[str, ...]
    missed: bool
    left_open: tuple[str, ...] = ()


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """The file evidence/sensitivity.json. `hollow`: kind of target to the claims that it satisfied, which is none."""

    defects: dict[str, Caught]
    checks_without_defect: tuple[str, ...]
    hollow: dict[str, tuple[str, ...]] = {}
    baseline: dict[str, str] = {}

    def holds(self) -> bool:
        """Whether every defect was caught by its claims and no others, and no hollow target satisfied anything."""
        clean = all(not defect.missed and not defect.collateral for defect in self.defects.values())
        return clean and not self.checks_without_defect and not any(self.hollow.values())


@click.command(name="sensitivity")
@click.argument("areas", nargs=-1)
@click.option("--defect", "chosen", multiple=True, help="Try these alone; the names stand in fixtures/defects/.")
@click.option("--evidence", type=click.Path(path_type=Path), default=places.EVIDENCE, show_default=True)
@click.option("--jobs", type=click.IntRange(1, 16), default=2, show_default=True, help="Deployments at a time.")
@click.option(
    "--scope",
    type=click.Choice(["all", "section"]),
    default="section",
    show_default=True,
    help="Claims that each defect is held against: those of the sections it breaks, or all (three times as long).",
)
@click.option("--sample", type=click.IntRange(1), help="Try so many of the defects: others each day, of every area.")
def command(
    areas: tuple[str, ...], chosen: tuple[str, ...], evidence: Path, jobs: int, scope: str, sample: int | None
) -> int:
    """Boot the reference deployment once per seeded defect and demand that its claims, and only they, turn.

    AREAS are files of fixtures/defects/, by name or by what their name begins with; without any, all are tried.
    Only they among the claims of the same sections; --scope all looks at the others too.
    Then point the checks at hollow targets (dead, agreeable, refuser, echo): none may be satisfied.
    Writes EVIDENCE/sensitivity.json; a later `tenantproof run` prints from it which defects each check catches.
    Exit codes: 0 all caught, 1 a defect was missed or turned a claim it does not name.
    """
    checks = places.house("checks")
    cards = load_cards(checks)
    everything = load_defects(places.house("fixtures/defects"))
    defects = _chosen(_within(everything, areas), chosen)
    is_partial = len(defects) < len(everything)
    defects = _sampled(defects, sample, datetime.now(UTC).toordinal()) if sample else defects
    sections = _sections(cards, checks) if scope == "section" else {}
    only = _all_of(sections, defects) if is_partial else frozenset()
    streams = needs_streams(only or frozenset(cards), checks)
    with Progress() as progress, ExitStack() as stack:
        pool = ThreadPoolExecutor(jobs)
        # Whoever calls it off waits for the defects that are being tried, and not for those that would be.
        stack.callback(pool.shutdown, cancel_futures=True)
        with embedded(tenants=3, overlay="", note=progress.note, streams=streams) as text:
            profile = parse(text, "the embedded deployment's profile")
            progress.note("baseline: the deployment as it is")
            baseline = _findings(profile, cards, checks, only)
            judged = pool.map(_Judge(checks, baseline, progress, sections).of, defects.values())
            # Beside the defects: most of it is waiting for a target that is dead.
            hollow = {kind.value: _hollow(kind, profile, cards, checks) for kind in (() if is_partial else Hollow)}
        caught = dict(zip(defects, judged, strict=True))
    known = {claim for defect in everything.values() for claim in defect.claims}
    result = Sensitivity(
        defects=caught,
        checks_without_defect=tuple(sorted(checked_claims(checks) - known)),
        hollow=hollow,
        baseline={claim: finding.verdict.value for claim, finding in baseline.items()},
    )
    if not is_partial and not sample:
        _write(result, evidence)
    _print(result, baseline)
    assessed = [finding for claim, finding in baseline.items() if not only or claim in only]
    return 0 if result.holds() and all(map(_was_satisfied, assessed)) else 1


def _all_of(sections: Mapping[str, frozenset[str]], defects: Mapping[str, Defect]) -> frozenset[str]:
    """Every claim that one of the defects is held against; empty means all there are."""
    return frozenset().union(*(sections.get(claim, ()) for each in defects.values() for claim in each.claims))


class _Judge:
    """Runs the checks against one defect and says what turned. `sections`: claim to those assessed with it, or all."""

    def __init__(
        self, checks: Path, baseline: Findings, progress: Progress, sections: Mapping[str, frozenset[str]]
    ) -> None:
        self._checks, self._baseline, self._progress, self._sections = checks, baseline, progress, sections

    def of(self, defect: Defect) -> Caught:
        """A deployment with the defect that could not be assessed at all has caught nothing."""
        self._progress.note(f"booting with {defect.name}")
        only = frozenset().union(*(self._sections.get(claim, frozenset()) for claim in defect.claims))
        try:
            verdicts = _run_with(defect, self._checks, only)
        except TargetError as error:
            self._progress.done(f"MISSED      {error}")
            return Caught(expected=defect.claims, caught=(), collateral=(), missed=True)
        changed = {claim for claim, verdict in verdicts.items() if verdict != self._baseline[claim].verdict.value}
        turned = {claim for claim in changed if verdicts[claim] == Verdict.NOT_SATISFIED.value}
        wanted = set(defect.claims)
        result = Caught(
            expected=defect.claims,
            caught=tuple(sorted(turned & wanted)),
            collateral=tuple(sorted(turned - wanted)),
            missed=not wanted <= turned,
            left_open=tuple(sorted(changed - turned - wanted)),
        )
        self._progress.done(_line(defect.name, result))
        return result


def _run_with(defect: Defect, checks: Path, only: frozenset[str]) -> dict[str, str]:
    """Verdict by claim of a run against the deployment with the defect, in a process of its own. `only` empty: all.

    pytest keeps state that two runs in one process would share.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tenantproof", "run", "--quiet", "--checks", str(checks)]
        command += ["--overlay", defect.reference, "--evidence", folder]
        command += ["--only", ",".join(sorted(only))] if only else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # ourselves
        summary = Path(folder) / "latest" / "summary.json"
        if not summary.is_file():
            raise TargetError(
                f"{defect.name}: the run ended {done.returncode} without evidence:\n{done.stderr[-2000:]}"
            )
        claims = msgspec.json.decode(summary.read_bytes())["claims"]
    return {claim: entry["verdict"] for claim, entry in claims.items() if not only or claim in only}


def _sections(cards: Mapping[str, Claim], checks: Path) -> dict[str, frozenset[str]]:
    """Claim to all claims of its section; those that need a broker stand with each other alone."""
    costly = {claim for claim in cards if needs_streams({claim}, checks)}
    return {
        claim.id: frozenset(
            other.id
            for other in cards.values()
            if other.section == claim.section and (other.id in costly) == (claim.id in costly)
        )
        for claim in cards.values()
    }


def _sampled(defects: dict[str, Defect], count: int, seed: int) -> dict[str, Defect]:
    """So many of the defects: round by round one of each area, drawn anew for each seed."""
    draw = Random(seed)  # noqa: S311  # a selection to be repeated, not a secret
    areas: dict[str, list[str]] = {}
    for name in draw.sample(list(defects), len(defects)):
        areas.setdefault(defects[name].area, []).append(name)
    rounds = (name for names in zip_longest(*areas.values()) for name in names if name is not None)
    picked = set(islice(rounds, count))
    return {name: each for name, each in defects.items() if name in picked}


def _within(defects: dict[str, Defect], areas: tuple[str, ...]) -> dict[str, Defect]:
    known = sorted({defect.area for defect in defects.values()})
    if strangers := [name for name in areas if not any(area.startswith(name) for area in known)]:
        raise UsageError(f"no area of defects begins with {', '.join(strangers)}; there are: {', '.join(known)}")
    return {name: each for name, each in defects.items() if not areas or each.area.startswith(areas)}


def _findings(
    profile: Profile, cards: Mapping[str, Claim], checks: Path, only: frozenset[str] = frozenset()
) -> Findings:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Target(profile)) as target,
        Journal.create(Path(folder) / "journal.sqlite", {}) as journal,
    ):
        found = assess(RunContext(cards=cards, checks_dir=checks, target=target, journal=journal, only=only))
    if found.interrupted:
        # A run keeps what it has; here there is nothing to keep, and much that would go on.
        raise KeyboardInterrupt
    return found.by_claim


def _hollow(kind: Hollow, profile: Profile, cards: Mapping[str, Claim], checks: Path) -> tuple[str, ...]:
    with hollow_target(kind, profile) as pointed:
        findings = _findings(pointed, cards, checks)
    return tuple(sorted(claim for claim, finding in findings.items() if _was_satisfied(finding)))


def _was_satisfied(finding: Finding) -> bool:
    return finding.verdict is Verdict.SATISFIED


def _chosen(defects: dict[str, Defect], names: tuple[str, ...]) -> dict[str, Defect]:
    if strangers := sorted(set(names) - set(defects)):
        raise UsageError(f"no defect is called {', '.join(strangers)}; there are: {', '.join(defects)}")
    return {name: defect for name, defect in defects.items() if not names or name in names}


def _write(result: Sensitivity, evidence: Path) -> None:
    evidence.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(result), indent=2)
    (evidence / "sensitivity.json").write_bytes(text + b"\n")


def _line(name: str, result: Caught) -> str:
    verdict = "MISSED" if result.missed else "collateral" if result.collateral else "caught"
    turned = ", ".join(result.caught) or "nothing"
    beside = f"; also turned {', '.join(result.collateral)}" if result.collateral else ""
    without = f"; left open {', '.join(result.left_open)}" if result.left_open else ""
    return f"{verdict:<10}  {name}: expected {', '.join(result.expected)}, turned {turned}{beside}{without}"


def _print(result: Sensitivity, baseline: Findings) -> None:
    well = sum(not defect.missed and not defect.collateral for defect in result.defects.values())
    click.echo(f"{well} of {len(result.defects)} defects were caught by exactly the claims they break")
    for name, defect in result.defects.items():
        if defect.missed or defect.collateral:
            click.echo(f"  {_line(name, defect)}")
    for kind, satisfied in result.hollow.items():
        click.echo(f"hollow target, {kind}: satisfied {', '.join(satisfied) or 'nothing'}")
    if result.checks_without_defect:
        click.echo(f"no defect breaks {', '.join(result.checks_without_defect)}; add one to fixtures/defects/")
    poor = [f"{c} ({f.because})" for c, f in baseline.items() if f.check and not _was_satisfied(f)]
    if poor:
        click.echo(f"without a defect, these were not satisfied: {'; '.join(poor)}", file=sys.stderr)
