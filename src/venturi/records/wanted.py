"""What a listing may be narrowed to: fields that the store may see, never one that is sealed under a subject's key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which records are wanted; None lets everything through. Instants have an offset from UTC."""

    channel: str | None = None
    touchpoint: str | None = None
    conversion: str | None = None
    subject_id: str | None = None
    min_weight: float | None = None
    max_weight: float | None = None
    created_from: datetime | None = None
    """Inclusive."""
    created_before: datetime | None = None
    """Exclusive."""

    def conditions(self) -> Iterator[tuple[str, object]]:
        """SQL conditions that begin with a column and end where their one argument belongs, each with that argument."""
        for name, start in _CONDITIONS.items():
            value = getattr(self, name)
            if value is not None:
                yield start, value


_CONDITIONS = {
    "channel": "channel =",
    "touchpoint": "touchpoint =",
    "conversion": "conversion =",
    "subject_id": "subject_id =",
    "min_weight": "weight >=",
    "max_weight": "weight <=",
    "created_from": "created_at >=",
    "created_before": "created_at <",
}
EVERYTHING = Wanted()
