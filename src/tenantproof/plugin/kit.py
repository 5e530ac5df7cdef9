"""The check kit: everything that a check may use besides its own probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenantproof.ledger.ledger import Ledger
from tenantproof.model.outcome import (
    ABSENT,
    ALIKE,
    DIFFERENT,
    PERMITTED,
    PRESENT,
    REFUSED,
    UNANSWERED,
    UNCLEAR,
)

__all__ = [
    "ABSENT",
    "ALIKE",
    "DIFFERENT",
    "PERMITTED",
    "PRESENT",
    "REFUSED",
    "UNANSWERED",
    "UNCLEAR",
    "Ledger",
    "claim",
    "claims_of",
]

_Check = TypeVar("_Check", bound=Callable[..., None])
_MARK = "__tenantproof_claims__"


def claim(*ids: str) -> Callable[[_Check], _Check]:
    """Name the claim that a check decides; with several, the check is made once for each.

    Parameters of the check are annotated: `Ledger`, or a probe class, of which it gets an instance. Raises TypeError
    when it stands above a check without its claims, as a bare `@claim`.
    """
    if not all(isinstance(ident, str) for ident in ids):
        raise TypeError("@claim needs the ids of the claims that the check decides, as in @claim('QA-1')")

    def mark(check: _Check) -> _Check:
        setattr(check, _MARK, ids)
        return check

    return mark


def claims_of(check: object) -> tuple[str, ...]:
    """The claims that a function was marked with, or none."""
    ids: tuple[str, ...] = getattr(check, _MARK, ())
    return ids
