"""Stated confidence: the leak rate that the trials still allow (Clopper and Pearson, Biometrika 26, 1934)."""

from __future__ import annotations

import math

from tenantproof.model.verdict import Finding, Verdict

_SHOWN = 5


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
    ways = _ways(failures, trials)
    low, high = failures / trials, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _at_most(ways, trials, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def bound_of(finding: Finding) -> float:
    """The bound for a finding: over units where it has a population, else over trials; 1.0 says that nothing is known.

    A whole population without a failure leaves no room for a leak inside it: 0.0. That needs a check that set out to
    try all of it; a selection is a sample, however large. A finding shows at most 5 counterexamples, so with as many
    the number of failures is not known, and neither is the bound.
    """
    tries = finding.tried or finding.trials
    if finding.verdict is Verdict.NOT_ASSESSED:
        return 1.0
    if finding.verdict is Verdict.SATISFIED:
        is_whole = finding.selection == "all" and 0 < finding.units <= finding.tried
        return 0.0 if is_whole else upper_bound(0, tries)
    failures = max(1, len(finding.counterexamples))
    return 1.0 if failures >= min(_SHOWN, tries) else upper_bound(failures, tries)


def _ways(failures: int, trials: int) -> list[float]:
    """Logarithms of the binomial coefficients (trials over k), for k from 0 to failures."""
    whole = math.lgamma(trials + 1)
    return [whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(failures + 1)]


def _at_most(ways: list[float], trials: int, rate: float) -> float:
    """P(X < len(ways)) for X ~ Binomial(trials, rate), summed in logarithms."""
    hit, miss = math.log(rate), math.log1p(-rate)
    logs = [way + k * hit + (trials - k) * miss for k, way in enumerate(ways)]
    top = max(logs)
    return math.exp(top) * math.fsum(math.exp(value - top) for value in logs)
