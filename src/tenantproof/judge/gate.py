"""The gate: from verdicts to the exit code of a run."""

from __future__ import annotations

from collections.abc import Container, Mapping

from tenantproof.model.claims import Claim, State
from tenantproof.model.run import Gate
from tenantproof.model.verdict import Finding, Reason, Verdict

_SILENT = frozenset({Reason.NO_CHECK, Reason.NOT_SELECTED})
"""A claim without a check, or that nobody asked for, doesn't gate by itself; the report still counts it."""


def gates(claim: Claim, *, strict: bool) -> bool:
    """Whether a claim gates: what the page labels Target-state does so only under --strict."""
    return strict or claim.state is not State.TARGET


def gate(
    cards: Mapping[str, Claim],
    findings: Mapping[str, Finding],
    *,
    strict: bool = False,
    waived: Container[str] = (),
    interrupted: bool = False,
) -> Gate:
    """The gate over all claims. Exit 130 when interrupted, else 1 before 3 before 0.

    A claim whose check lacks a capability is not assessed and gates: leaving a table out of the profile is no way to
    pass. A check that broke is our own fault and never ends in 0, whatever the page says of its claim.
    """
    gating = [claim for claim in cards.values() if gates(claim, strict=strict)]
    failed = [c.id for c in gating if findings[c.id].verdict is Verdict.NOT_SATISFIED]
    excused = tuple(claim for claim in failed if claim in waived)
    unexcused = tuple(claim for claim in failed if claim not in waived)
    open_ = tuple(c.id for c in cards.values() if _is_open(findings[c.id], is_gating=gates(c, strict=strict)))
    code = 130 if interrupted else 1 if unexcused else 3 if open_ else 0
    return Gate(exit=code, strict=strict, failed=unexcused, not_assessed=open_, waived=excused)


def _is_open(finding: Finding, *, is_gating: bool) -> bool:
    if finding.verdict is not Verdict.NOT_ASSESSED:
        return False
    return finding.reason is Reason.BROKEN or (is_gating and finding.reason not in _SILENT)
