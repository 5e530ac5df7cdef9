"""A tally: what the entries of one check come to in numbers, with the few that are worth printing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from tenantproof.model.observation import Entry, Role
from tenantproof.model.outcome import REFUTATIONS, Outcome

_SHOWN = 5

Count = tuple[Role, Outcome, Outcome, int]
"""(role, expected, seen, how often)."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one check. Every number counts entries, except `units` and `tried`, which count units."""

    calibrations: int = 0
    failed_calibrations: int = 0
    trials: int = 0
    refuted: int = 0
    """Trials and witnesses that saw what must not happen."""
    unanswered: int = 0
    differing: int = 0
    witnesses: int = 0
    units: int = 0
    tried: int = 0
    selection: str = "all"
    examples: tuple[Entry, ...] = ()
    """A few entries that differ from what was expected, refutations first."""

    @classmethod
    def of(
        cls,
        *,
        counts: Iterable[Count],
        differing: Sequence[Entry] = (),
        units: int = 0,
        tried: int = 0,
        selection: str = "all",
    ) -> Tally:
        """Gather counts by (role, expected, seen)."""
        total = {"calibrations": 0, "failed_calibrations": 0, "trials": 0, "witnesses": 0}
        total |= {"refuted": 0, "unanswered": 0, "differing": 0}
        for role, expected, seen, number in counts:
            total[_PLURAL[role]] += number
            if (kind := _kind(role, expected, seen)) is not None:
                total[kind] += number
        ranked = sorted(differing, key=_rank)
        return cls(**total, units=units, tried=tried, selection=selection, examples=tuple(ranked[:_SHOWN]))

    @classmethod
    def over(cls, entries: Sequence[Entry]) -> Tally:
        """Gather entries that are at hand."""
        counts = [(entry.role, entry.expected, entry.observation.outcome, 1) for entry in entries]
        units = {entry.observation.unit for entry in entries if entry.role is Role.TRIAL and entry.observation.unit}
        differing = [entry for entry in entries if entry.observation.outcome is not entry.expected]
        return cls.of(counts=counts, differing=differing, tried=len(units))


_PLURAL = {Role.CALIBRATION: "calibrations", Role.TRIAL: "trials", Role.WITNESS: "witnesses"}


def _kind(role: Role, expected: Outcome, seen: Outcome) -> str | None:
    """Which of the troubling kinds an entry is, if any."""
    if expected is seen:
        return None
    if role is Role.CALIBRATION:
        return "failed_calibrations"
    if (expected, seen) in REFUTATIONS:
        return "refuted"
    return "unanswered" if seen is Outcome.UNANSWERED else "differing"


def _rank(entry: Entry) -> tuple[int, int]:
    order = ("refuted", "differing", "unanswered", "failed_calibrations")
    kind = _kind(entry.role, entry.expected, entry.observation.outcome)
    return (order.index(kind) if kind else len(order), entry.seq)
