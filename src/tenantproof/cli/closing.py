"""Closes a run: gathers the record from the journal, renders it, signs the bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tenantproof.cli import counted, itself, places
from tenantproof.cli.criteria import load_criteria
from tenantproof.cli.past import newest_moment, past_runs, record_of
from tenantproof.cli.renderings import renderings
from tenantproof.cli.sealing import Sealing, seal
from tenantproof.evidence import heads
from tenantproof.judge.compare import compare
from tenantproof.judge.confidence import bound_of
from tenantproof.judge.gate import gate, gates
from tenantproof.judge.waivers import Waiver, in_force, troubles
from tenantproof.ledger.journal import Journal
from tenantproof.model.claims import Claim
from tenantproof.model.errors import UsageError
from tenantproof.model.heads import Head
from tenantproof.model.power import Power
from tenantproof.model.profile import Profile
from tenantproof.model.run import ClaimResult, Comparison, Criterion, Fidelity, PastRun, RunRecord, WaiverNote
from tenantproof.model.verdict import Finding
from tenantproof.model.version import VERSION
from tenantproof.plugin.run import Assessment
from tenantproof.probes.forging.power import EXHIBIT as POWER

_SET = 5.0
"""Seconds by which two clocks may differ at the end of a run; a clock that is kept right is moved by less."""
_SKEW = timedelta(minutes=5)
"""Clocks of two machines that share evidence may be so far apart."""


@dataclass(frozen=True)
class Closing:
    """What a run leaves to be written. `trouble` says why it is incomplete, or is empty."""

    folder: Path
    started: datetime
    profile: Profile
    profile_digest: str
    cards: Mapping[str, Claim]
    capabilities: frozenset[str]
    assessment: Assessment
    identity: dict[str, str]
    trouble: str
    strict: bool
    waivers: Sequence[Waiver]
    checks: Path
    lasted: float = 0.0
    """Seconds since the start, by a clock that nobody can set."""
    sealing: Sealing = field(default_factory=Sealing)
    """What the bundle is to bear besides its signature."""
    heads: Sequence[Head] = ()
    exhibits: Mapping[str, bytes] = field(default_factory=dict)
    """More files for the bundle, by name."""
    fidelity: Fidelity = field(default_factory=Fidelity)


def close(closing: Closing, journal: Journal) -> RunRecord:
    """Write summary, reports, exports, manifest and attestation into the run's folder; closes the journal.

    Raises UsageError when the disk is full, the signing key can't be read, or a run that passed has a waiver that is
    wrong or got no time stamp though one was asked for; what was written by then is kept.
    """
    record = record_of_run(closing, journal)
    journal.close()
    files = {**closing.exhibits, **renderings(record), heads.FILE: heads.heads_json(closing.heads)}
    wanted = replace(closing.sealing, is_printed=closing.sealing.is_printed and not closing.trouble)
    troubles = seal(closing.folder, record, files, wanted)
    if record.gate.exit == 0 and (wrong := [*_wrong_waivers(closing), *troubles]):
        raise UsageError(" ".join(wrong))
    return record


def record_of_run(closing: Closing, journal: Journal) -> RunRecord:
    """Everything that the run came to, counted from its journal."""
    assessment, profile, cards = closing.assessment, closing.profile, closing.cards
    caught, sensitivity = _sensitivity(closing.folder.parent)
    ended = datetime.now(UTC)
    waived = in_force(closing.waivers, profile.target.name, closing.started.date())
    frameworks, criteria = load_criteria(places.house("fixtures/criteria"))
    history = past_runs(closing.folder.parent, closing.folder.name, profile.target.name)
    record = RunRecord(
        id=closing.folder.name,
        started=_rfc3339(closing.started),
        ended=_rfc3339(ended),
        seconds=closing.lasted,
        target=profile.target.name,
        base_url=profile.target.base_url,
        profile_digest=closing.profile_digest,
        harness=f"tenantproof {VERSION}",
        harness_digest=itself.digest(closing.checks),
        identity=closing.identity,
        capabilities=tuple(sorted(closing.capabilities)),
        tenants=tuple((tenant.id, tenant.name) for tenant in profile.tenants),
        complete=not closing.trouble,
        incomplete_because=closing.trouble,
        gate=gate(cards, assessment.by_claim, strict=closing.strict, waived=waived, interrupted=assessment.interrupted),
        claims=tuple(_result(card, closing, journal, waived.get(card.id), caught) for card in cards.values()),
        criteria=_known(criteria, cards),
        frameworks=frameworks,
        fidelity=closing.fidelity,
        versions=itself.versions(),
        sensitivity=sensitivity,
        power=_power(closing.exhibits),
        history=history,
        remarks=tuple(_remarks(closing, ended)),
        **counted.of_run(journal, cards.values()),
    )
    return msgspec.structs.replace(record, since=_since(closing.folder.parent, history, record))


def _power(exhibits: Mapping[str, bytes]) -> Power | None:
    """The matrix that the probe of tokens left, if it did."""
    left = exhibits.get(POWER)
    return msgspec.json.decode(left, type=Power) if left else None


def _known(criteria: Sequence[Criterion], cards: Mapping[str, Claim]) -> tuple[Criterion, ...]:
    """The criteria without claims that this run's cards don't declare: other checks, other claims."""
    kept = [tuple(claim for claim in each.claims if claim in cards) for each in criteria]
    return tuple(msgspec.structs.replace(each, claims=claims) for each, claims in zip(criteria, kept, strict=True))


def _remarks(closing: Closing, ended: datetime) -> Iterator[str]:
    yield from _wrong_waivers(closing)
    # A clock that only counts on tells what was done to the one that can be set, there and back included.
    if (shift := abs((ended - closing.started).total_seconds() - closing.lasted)) > _SET:
        yield (
            f"The clock of this machine is off by {shift:.0f} s from the time that the run took; it was set meanwhile, "
            "or the machine slept. Its times can't be trusted."
        )
    if (newest := newest_moment(closing.folder.parent)) > f"{ended + _SKEW:%Y%m%dT%H%M%SZ}":
        yield f"The clock of this machine went backwards: a run of {newest} is there; the order can't be trusted."


def _wrong_waivers(closing: Closing) -> list[str]:
    if closing.trouble:
        return []
    today = closing.started.date()
    return list(troubles(closing.waivers, closing.profile.target.name, today, closing.assessment.by_claim))


def _since(evidence: Path, history: Sequence[PastRun], record: RunRecord) -> Comparison | None:
    """This run beside the newest before it whose record can still be read."""
    for past in reversed(history):
        try:
            return compare(record_of(evidence / past.id), record)
        except UsageError:
            continue
    return None


def _result(
    card: Claim, closing: Closing, journal: Journal, waiver: Waiver | None, caught: Mapping[str, tuple[str, ...]]
) -> ClaimResult:
    finding = closing.assessment.by_claim[card.id]
    return ClaimResult(
        claim=card,
        finding=finding,
        checks=_checks(card.id, closing.assessment),
        upper_bound_95=bound_of(finding),
        caught_defects=caught.get(card.id, ()),
        gating=gates(card, strict=closing.strict),
        waiver=_note(waiver) if waiver else None,
        **counted.of_claim(journal, card.id),
    )


def _checks(claim: str, assessment: Assessment) -> tuple[Finding, ...]:
    return tuple(finding for finding in assessment.by_check.values() if finding.claim == claim)


def _note(waiver: Waiver) -> WaiverNote:
    return WaiverNote(
        reason=waiver.reason,
        accepted_by=waiver.approver,
        expires=waiver.expires.isoformat(),
        owner=waiver.owner,
        risk=waiver.risk,
        created=waiver.created.isoformat(),
        scope=waiver.scope,
    )


def _sensitivity(evidence: Path) -> tuple[dict[str, tuple[str, ...]], str]:
    """Claim to the defects that its checks were seen to catch, and the digest of the file that says so."""
    path = evidence / "sensitivity.json"
    try:
        raw = path.read_bytes()
        defects = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])["defects"]
        caught_by = msgspec.json.decode(defects, type=dict[str, dict[str, object]])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError, KeyError):
        return {}, ""
    found: dict[str, list[str]] = {}
    for name, entry in caught_by.items():
        claims = entry.get("caught")
        for claim in claims if isinstance(claims, list) else ():
            found.setdefault(str(claim), []).append(name)
    return {claim: tuple(names) for claim, names in found.items()}, "sha256:" + hashlib.sha256(raw).hexdigest()


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
