"""The record of a whole run: everything that a summary or a report says, and nothing that it may not."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tenantproof.model.claims import Claim
from tenantproof.model.grid import Grid
from tenantproof.model.observation import Entry
from tenantproof.model.outcome import Outcome
from tenantproof.model.power import Power
from tenantproof.model.verdict import Finding


class WaiverNote(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted failure: it changes the exit code, never the verdict. `created` and `expires` are ISO dates."""

    reason: str
    accepted_by: str
    expires: str
    owner: str = ""
    risk: str = ""
    created: str = ""
    scope: str = ""


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
    """One entry of a framework: a reviewer question ("Q"), a GDPR article, a criterion of SOC 2 or of anyone else.

    `claims` are claims that answer it though their cards don't name it. `documentary` says what no test can show of it.
    """

    catalogue: str
    id: str
    title: str
    answer: str = ""
    claims: tuple[str, ...] = ()
    documentary: str = ""


class Framework(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue of criteria, as its file introduces it."""

    id: str
    title: str
    note: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How often one act was seen to come out one way; `vector` is "state step" or "state step: fault"."""

    vector: str
    seen: Outcome
    count: int


class Residue(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that was made under an access, used after the access had ended by `event`.

    `seconds`: from the end until it was seen to be powerless or, permitted, still to work; `promise`: what is promised.
    """

    kind: str
    event: str
    seconds: float
    promise: float
    seen: Outcome


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier run against the same target, as its summary tells it."""

    id: str
    started: str
    exit: int
    complete: bool
    satisfied: int
    not_satisfied: int
    not_assessed: int


class Attribution(StrEnum):
    """What a verdict that differs between two runs can be put down to."""

    TARGET_CHANGED = "target changed"
    HARNESS_CHANGED = "harness changed"
    NOT_COMPARABLE = "not comparable"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One claim whose verdict differs between two runs; "absent" where a run does not know the claim."""

    claim: str
    before: str
    after: str
    attribution: Attribution
    because: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs side by side. `facts` name what differs between their harnesses and targets."""

    before: str
    after: str
    facts: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    unchanged: int = 0


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
    frameworks: tuple[Framework, ...] = ()
    """In the order in which a report shows them."""
    pictures: tuple[Grid, ...] = ()
    power: Power | None = None
    """Which broken verifiers the forged tokens of this run are known to find out."""
    steps: tuple[Step, ...] = ()
    """Acts on the states of a machine that the run walked through, as support access."""
    residue: tuple[Residue, ...] = ()
    """What accesses left behind."""
    history: tuple[PastRun, ...] = ()
    """Earlier runs against the same target, oldest first."""
    since: Comparison | None = None
    """This run beside the one before it."""
    remarks: tuple[str, ...] = ()
    """What the run found wrong with itself: waivers that have expired or excuse nothing, a clock that went back."""
    harness_digest: str = ""
    """Over the harness's own source and the checks: two runs with one digest asked the same questions."""
