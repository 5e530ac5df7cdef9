"""Stated confidence: the leak rate that the trials still allow (Clopper and Pearson, Biometrika 26, 1934)."""

from __future__ import annotations

import math

from tenantproof.model.verdict import Finding, Verdict

_STEPS = 200


def upper_bound(failures: int, trials: int, *, confidence: float = 0.95) -> float:
    """The exact one-sided upper bound of the failure rate after `failures` in `trials` independent draws.

    1.0 without trials. For no failures it is 1 - (1 - confidence) ** (1 / trials), as in the rule of three.
    Raises ValueError when failures is not between 0 and trials.
    """
    if not 0 <= failures <= trials:
        raise ValueError(f"{failures} failures of {trials} trials")
    if trials == 0 or failures == trials:
        return 1.0
    alpha = 1.0 - confidence
    if failures == 0:
        return -math.expm1(math.log(alpha) / trials)
    low, high = failures / trials, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(failures, trials, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def bound_of(finding: Finding) -> float:
    """The bound for a finding: over units where it has a population, else over trials.

    A whole population without a failure leaves no room for a leak inside it: 0.0.
    """
    tries = finding.tried or finding.trials
    failures = 0 if finding.verdict is Verdict.SATISFIED else min(tries, max(1, len(finding.counterexamples)))
    if finding.verdict is Verdict.SATISFIED and finding.units and finding.tried >= finding.units:
        return 0.0
    if finding.verdict is Verdict.NOT_ASSESSED:
        return 1.0
    return upper_bound(failures, tries)


def _at_most(failures: int, trials: int, rate: float) -> float:
    """P(X <= failures) for X ~ Binomial(trials, rate), summed in logarithms."""
    if rate >= 1.0:
        return 0.0
    logs = [
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(rate)
        + (trials - k) * math.log1p(-rate)
        for k in range(failures + 1)
    ]
    top = max(logs)
    return math.exp(top) * math.fsum(math.exp(value - top) for value in logs)
