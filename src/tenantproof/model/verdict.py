"""Verdicts and findings: the judgement of one claim over its observations."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tenantproof.model.observation import Entry


class Verdict(StrEnum):
    """There is no fourth. Absence of evidence is never `satisfied`."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not-satisfied"
    NOT_ASSESSED = "not-assessed"


class Reason(StrEnum):
    """Why a claim was not assessed, or how it came to its verdict."""

    PROVEN = "proven"
    REFUTED = "refuted"
    DIFFERED = "differed"
    NO_CHECK = "no-check"
    NOT_SELECTED = "not-selected"
    CAPABILITY_MISSING = "capability-missing"
    FIDELITY_MISSING = "fidelity-missing"
    CALIBRATION_FAILED = "calibration-failed"
    NO_TRIAL = "no-trial"
    BROKEN = "broken"
    UNREACHABLE = "unreachable"
    INTERRUPTED = "interrupted"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check (or, gathered, one claim) came to. `because` is one sentence for a reader."""

    claim: str
    check: str
    verdict: Verdict
    reason: Reason
    because: str = ""
    calibrations: int = 0
    trials: int = 0
    units: int = 0
    tried: int = 0
    selection: str = "all"
    counterexamples: tuple[Entry, ...] = ()
