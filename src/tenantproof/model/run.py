"""The record of a whole run: everything that a summary or a report says, and nothing that it may not."""

from __future__ import annotations

import msgspec

from tenantproof.model.claims import Claim
from tenantproof.model.observation import Entry
from tenantproof.model.verdict import Finding


class WaiverNote(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted failure: it changes the exit code, never the verdict. `expires` is an ISO date."""

    reason: str
    accepted_by: str
    expires: str


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """One claim after the run: its card, the gathered finding, and the findings of its checks."""

    claim: Claim
    finding: Finding
    checks: tuple[Finding, ...] = ()
    upper_bound_95: float = 1.0
    caught_defects: tuple[str, ...] = ()
    gating: bool = True
    waiver: WaiverNote | None = None
    calibrations: tuple[Entry, ...] = ()
    """A few of the calibrations, to print."""
    samples: tuple[Entry, ...] = ()
    """A few of the trials, to print."""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What the run's exit code was decided from."""

    exit: int
    strict: bool = False
    failed: tuple[str, ...] = ()
    not_assessed: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()


class Fidelity(msgspec.Struct, frozen=True, kw_only=True):
    """How faithful the target's parts were found to be: facts tried, facts held, names of those that were not."""

    facts: int = 0
    held: int = 0
    missing: tuple[str, ...] = ()


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer question, a GDPR article or a SOC 2 criterion; `catalogue` is "Q", "gdpr" or "soc2"."""

    catalogue: str
    id: str
    title: str
    answer: str = ""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run, complete or not. Times are RFC 3339 in UTC; `identity` is what the target said of itself."""

    id: str
    started: str
    ended: str
    seconds: float
    target: str
    base_url: str
    profile_digest: str
    harness: str
    identity: dict[str, str]
    capabilities: tuple[str, ...]
    tenants: tuple[tuple[str, str], ...]
    """(id, name) of every tenant of the profile; both are the target's text and hostile."""
    complete: bool
    incomplete_because: str = ""
    gate: Gate
    claims: tuple[ClaimResult, ...]
    criteria: tuple[Criterion, ...]
    fidelity: Fidelity = Fidelity()
    probes: int = 0
    observations: int = 0
    versions: dict[str, str] = {}
    """Name to version of what the evidence was made with."""
    sensitivity: str = ""
    """Digest of the sensitivity.json that `caught_defects` was read from, or empty."""
