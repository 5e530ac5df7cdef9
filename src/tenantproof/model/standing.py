"""How a verdict stands in other people's formats, which know more than our three words."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from tenantproof.model.run import ClaimResult
from tenantproof.model.verdict import Reason, Verdict


class Standing(StrEnum):
    """Passed and failed as everywhere; open was tried and came to nothing; unreached was never tried."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"
    UNREACHED = "unreached"


_NEVER_TRIED = frozenset({Reason.NO_CHECK, Reason.NOT_SELECTED, Reason.CAPABILITY_MISSING, Reason.FIDELITY_MISSING})


def standing(result: ClaimResult) -> Standing:
    """Where a claim stands. An interrupted claim counts as tried once anything was observed for it."""
    finding = result.finding
    match finding.verdict:
        case Verdict.SATISFIED:
            return Standing.PASSED
        case Verdict.NOT_SATISFIED:
            return Standing.FAILED
        case Verdict.NOT_ASSESSED:
            untouched = finding.reason is Reason.INTERRUPTED and not (finding.calibrations or finding.trials)
            return Standing.UNREACHED if untouched or finding.reason in _NEVER_TRIED else Standing.OPEN
        case _:
            assert_never(finding.verdict)
