"""One run from the first probe to the signed bundle; whatever happens in between, the evidence so far is kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tenantproof.cli import itself, places
from tenantproof.cli.closing import Closing, close
from tenantproof.cli.progress import Progress
from tenantproof.cli.sealing import Sealing
from tenantproof.clients.target import Target
from tenantproof.clients.transparency.heads import HeadBook
from tenantproof.evidence.heads import remembered
from tenantproof.evidence.manifest import ATTESTATION
from tenantproof.judge.waivers import Waiver
from tenantproof.ledger.journal import Journal
from tenantproof.model.claims import Claim
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.fidelity import Answers, load_scenarios
from tenantproof.model.profile import Profile
from tenantproof.model.run import Fidelity, RunRecord
from tenantproof.model.sweep import SweepChoice
from tenantproof.plugin.run import Assessment, Event, RunContext, assess
from tenantproof.probes.fidelity import ask

_JOURNAL = "journal.sqlite"


@dataclass(frozen=True)
class Plan:
    """What to assess, on what, and where the evidence goes."""

    profile: Profile
    cards: Mapping[str, Claim]
    checks: Path
    only: frozenset[str] = frozenset()
    strict: bool = False
    evidence: Path = Path("evidence")
    resume: str = ""
    waivers: Sequence[Waiver] = ()
    sweep: SweepChoice = field(default_factory=SweepChoice)
    sealing: Sealing = field(default_factory=Sealing)
    """What the bundle is to bear; an authority for time stamps named here goes before the profile's."""
    source: str = ""
    """What was booted, where no profile was named: such a deployment is another one in each shard, and yet the same."""


def attack(plan: Plan, progress: Progress) -> tuple[RunRecord, Path]:
    """Assess every claim and write the bundle. Returns the record and the bundle's folder.

    Raises UsageError when the evidence can't be written or the run to resume is not there.
    """
    started, began = datetime.now(UTC), time.monotonic()
    target = Target(plan.profile, plan.sweep, HeadBook(remembered(plan.evidence)))
    folder = _folder(plan, started)
    with closing(target), _journal(plan, folder) as journal:
        try:
            assessment, identity, trouble, answers = _assess(plan, target, journal, progress)
        finally:
            journal.flush()
        rest = Closing(
            folder=folder,
            started=started,
            profile=plan.profile,
            profile_digest=profile_digest(plan.profile),
            cards=plan.cards,
            capabilities=target.capabilities,
            assessment=assessment,
            identity=identity,
            trouble=trouble,
            strict=plan.strict,
            waivers=plan.waivers,
            checks=plan.checks,
            lasted=time.monotonic() - began,
            sealing=plan.sealing.or_stamped_by(plan.profile.evidence.timestamp),
            heads=target.heads.all(),
            exhibits=target.exhibits,
            fidelity=Fidelity(
                facts=len(answers.answers),
                held=len(answers.answers) - len(answers.missing),
                missing=answers.missing,
            ),
        )
        record = close(rest, journal)
    return record, folder


def profile_digest(profile: Profile) -> str:
    """The digest that ties a bundle to the profile it was made with; the profile holds no secret, only references."""
    return "sha256:" + hashlib.sha256(msgspec.json.encode(profile, order="deterministic")).hexdigest()


def _folder(plan: Plan, started: datetime) -> Path:
    return _cut_short(plan.evidence, plan.resume) if plan.resume else places.new_run(plan.evidence, started)


def _cut_short(evidence: Path, run: str) -> Path:
    """The folder of a run that was killed, with its journal alone: what its closing had drawn is drawn anew."""
    folder = evidence / run
    if not (folder / _JOURNAL).is_file():
        raise UsageError(f"{folder} holds no journal; name a run under {evidence} that was cut short")
    # The signature is written last; a list without one is what a run leaves that was killed while it was closed.
    if (folder / ATTESTATION).exists():
        raise UsageError(f"{folder} is complete and signed; start a new run instead of resuming it")
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith(_JOURNAL):
            path.unlink()
    return folder


def _journal(plan: Plan, folder: Path) -> Journal:
    path = folder / _JOURNAL
    digest = profile_digest(plan.profile)
    if not plan.resume:
        return Journal.create(path, {"run": folder.name, "profile": digest, **_part(plan, digest)})
    journal = Journal.open(path)
    if journal.meta().get("profile") != digest:
        journal.close()
        raise UsageError(f"{folder} was made with another profile; resume with the same one, or start a new run")
    return journal


def _part(plan: Plan, digest: str) -> dict[str, str]:
    """Which part of what this run is; parts of the same whole say the same but for the shard."""
    number, count = plan.sweep.shard
    if count == 1:
        return {}
    whole = {
        "target": plan.source or digest,
        "only": ",".join(sorted(plan.only)),
        "strict": str(plan.strict),
        "pairs": plan.sweep.pairs,
        "budget": str(plan.sweep.budget),
        "seed": str(plan.sweep.seed),
        "harness": itself.digest(plan.checks),
    }
    return {"shard": f"{number}/{count}", "whole": json.dumps(whole, sort_keys=True)}


def _assess(
    plan: Plan, target: Target, journal: Journal, progress: Progress
) -> tuple[Assessment, dict[str, str], str, Answers]:
    """The assessment, what the target said it is, why the run is incomplete (or nothing), and the fidelity ledger."""
    try:
        target.recovery.tell = progress.note
        progress.note(f"asking {plan.profile.target.base_url} who it is")
        identity = target.identify()
    except TargetError as error:
        return Assessment.unreached(plan.cards, str(error)), {}, str(error), Answers()
    with ThreadPoolExecutor(1) as beside:
        # The questions take a while and are wanted only when a claim that rests on them has come to its end.
        fidelity = beside.submit(_fidelity, plan, target)
        assessment = assess(
            RunContext(
                cards=plan.cards,
                checks_dir=plan.checks,
                target=target,
                journal=journal,
                only=plan.only,
                progress=lambda event: _tell(progress, event),
                resume=journal.findings() if plan.resume else {},
                fidelity=fidelity.result,
            )
        )
    trouble = "interrupted by the user" if assessment.interrupted else assessment.stopped
    return assessment, identity, trouble, fidelity.result()


def _fidelity(plan: Plan, target: Target) -> Answers:
    """Ask the target about the facts that claims rest on; for a few chosen claims, in the scenarios of theirs alone."""
    chosen = [card for card in plan.cards.values() if not plan.only or card.id in plan.only]
    wanted = {fact for card in chosen for fact in card.rests_on}
    if "kms" not in target.capabilities or not wanted:
        return Answers()
    scenarios = load_scenarios(places.house("fixtures/fidelity"))
    if plan.only:
        scenarios = tuple(each for each in scenarios if any(step.id in wanted for step in each.steps))
    try:
        return ask(target, scenarios)
    except TargetError as error:
        return Answers(because=str(error))


def _tell(progress: Progress, event: Event) -> None:
    if event.finding is None:
        progress.note(f"{event.claim}  {event.check}  {event.observations} observations")
    else:
        progress.done(f"{event.finding.verdict.value:<14} {event.claim}  {event.check}  {event.finding.because}")
