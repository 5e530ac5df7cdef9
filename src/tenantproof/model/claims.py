"""Claims: one sentence of the vendor's page each, with what it answers and what a pass does not show."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """What the page itself says about a claim."""

    GA = "ga"
    TARGET = "target"
    UNLABELLED = "unlabelled"


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One claim, as its card states it. `strength` is D (a pass demonstrates it) or S (a pass supports it)."""

    id: str
    says: str
    section: str
    state: State
    answers: tuple[str, ...]
    criteria: dict[str, tuple[str, ...]]
    strength: str
    limit: str
    tension: str = ""
    waivable: bool = True
    """Whether a failure of it may be accepted for a time at all."""
    rests_on: tuple[str, ...] = ()
    """Facts about the target's parts (fixtures/fidelity) without which a pass would mean nothing."""
