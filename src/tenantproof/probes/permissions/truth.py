"""Three-valued logic: true, false and not known (Kleene); what is not known never turns into an answer by accident."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Truth: TypeAlias = bool | None
"""None: it can't be told from the facts."""


def negate(truth: Truth) -> Truth:
    """Not; what is not known stays so."""
    return None if truth is None else not truth


def every(truths: Iterable[Truth]) -> Truth:
    """And: false as soon as one is false, whatever is not known about the others. True of nothing."""
    known = True
    for truth in truths:
        if truth is False:
            return False
        known = known and truth is True
    return True if known else None


def some(truths: Iterable[Truth]) -> Truth:
    """Or: true as soon as one is true. False of nothing."""
    known = True
    for truth in truths:
        if truth:
            return True
        known = known and truth is False
    return False if known else None
