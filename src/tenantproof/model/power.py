"""The power of a suite of forgeries: which broken verifiers were seen to take which classes, and so would be found."""

from __future__ import annotations

import msgspec

SCHEMA = "tenantproof.token-power/1"


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the tests measured. `gaps`: the class that a verifier lacks a look at, to how many of each class it took."""

    measured: str
    """The day, as YYYY-MM-DD."""
    commit: str
    """The commit that it was measured at, or what was nearest before."""
    gaps: dict[str, dict[str, int]]


class ClassPower(msgspec.Struct, frozen=True, kw_only=True):
    """One class in one run: how many of its forgeries were sent, and which gaps were seen to let some of it through."""

    id: str
    name: str
    violates: str
    sent: int
    caught_by: tuple[str, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Whether a verifier with exactly this gap was found out."""
        return self.id in self.caught_by


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """The matrix of forgeries and broken verifiers as it bears on one run."""

    schema: str
    measured: str
    commit: str
    classes: tuple[ClassPower, ...]
    unproven: tuple[str, ...]
    """Classes that were sent, and that no broken verifier was seen to take."""
    not_tried: dict[str, str]
    """Classes that were not sent, and what they need."""
    gaps: dict[str, dict[str, int]]
