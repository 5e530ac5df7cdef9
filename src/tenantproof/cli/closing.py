"""Closes a run: gathers the record from the journal, renders it, signs the bundle."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path

import msgspec

from tenantproof.cli import places
from tenantproof.cli.criteria import load_criteria
from tenantproof.evidence import heads
from tenantproof.evidence.bundle import finish
from tenantproof.evidence.keys import signing_key
from tenantproof.judge.confidence import bound_of
from tenantproof.judge.gate import gate, gates
from tenantproof.judge.waivers import Waiver, unused
from tenantproof.ledger.journal import Journal
from tenantproof.model.claims import Claim
from tenantproof.model.errors import UsageError
from tenantproof.model.heads import Head
from tenantproof.model.observation import Entry, Role
from tenantproof.model.profile import Profile
from tenantproof.model.run import ClaimResult, RunRecord, WaiverNote
from tenantproof.model.verdict import Finding
from tenantproof.model.version import VERSION
from tenantproof.outputs.junit import junit
from tenantproof.outputs.report import report_html
from tenantproof.outputs.summary import summary_json
from tenantproof.plugin.run import Assessment

_SHOWN = 4
_SAMPLED = 12
_PARTS = ("boto3", "cryptography", "h11", "hypothesis", "jinja2", "msgspec", "pyjwt", "pytest", "schemathesis")


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
    heads: Sequence[Head] = ()


def close(closing: Closing, journal: Journal) -> RunRecord:
    """Write summary, reports, manifest and attestation into the run's folder; closes the journal.

    Raises UsageError when the disk is full, the signing key can't be read, or a waiver excuses nothing; what was
    written by then is kept.
    """
    record = _record(closing, journal)
    journal.close()
    files = {
        "summary.json": summary_json(record),
        "junit.xml": junit(record),
        "report.html": report_html(record).encode(),
        heads.FILE: heads.heads_json(closing.heads),
    }
    finish(closing.folder, record, files, signing_key())
    if not closing.trouble and (idle := unused(closing.waivers, closing.assessment.by_claim)):
        raise UsageError(f"the waiver of {', '.join(idle)} excuses nothing: the claim did not fail; remove it")
    return record


def _record(closing: Closing, journal: Journal) -> RunRecord:
    assessment, profile = closing.assessment, closing.profile
    caught, sensitivity = _sensitivity(closing.folder.parent)
    waived = {waiver.claim: waiver for waiver in closing.waivers}
    probes, observations = journal.totals()
    ended = datetime.now(UTC)
    return RunRecord(
        id=closing.folder.name,
        started=_rfc3339(closing.started),
        ended=_rfc3339(ended),
        seconds=(ended - closing.started).total_seconds(),
        target=profile.target.name,
        base_url=profile.target.base_url,
        profile_digest=closing.profile_digest,
        harness=f"tenantproof {VERSION}",
        identity=closing.identity,
        capabilities=tuple(sorted(closing.capabilities)),
        tenants=tuple((tenant.id, tenant.name) for tenant in profile.tenants),
        complete=not closing.trouble,
        incomplete_because=closing.trouble,
        gate=gate(
            closing.cards,
            assessment.by_claim,
            strict=closing.strict,
            waived=waived,
            interrupted=assessment.interrupted,
        ),
        claims=tuple(_result(card, closing, journal, waived.get(card.id), caught) for card in closing.cards.values()),
        criteria=load_criteria(places.house("fixtures/criteria")),
        probes=probes,
        observations=observations,
        versions=_versions(),
        sensitivity=sensitivity,
    )


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
        calibrations=_some(journal, card.id, Role.CALIBRATION, _SHOWN),
        samples=_some(journal, card.id, Role.TRIAL, _SAMPLED),
    )


def _checks(claim: str, assessment: Assessment) -> tuple[Finding, ...]:
    return tuple(finding for finding in assessment.by_check.values() if finding.claim == claim)


def _some(journal: Journal, claim: str, role: Role, count: int) -> tuple[Entry, ...]:
    return tuple(islice(journal.entries(claim=claim, role=role, limit=count), count))


def _note(waiver: Waiver) -> WaiverNote:
    return WaiverNote(reason=waiver.reason, accepted_by=waiver.accepted_by, expires=waiver.expires.isoformat())


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


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "tenantproof": VERSION}
    for name in _PARTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
