"""What a target did, in words that do not judge it."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What one probe saw. Whether that is good is for `judge.conclude` alone."""

    PERMITTED = "permitted"
    """The act took place: the canary came back, or the call did what it was asked to."""
    REFUSED = "refused"
    """The target refused in the words of its contract."""
    PRESENT = "present"
    """Exactly what was looked for is there: one record, one notice, a permission, a canary."""
    ABSENT = "absent"
    """It was looked for, and it is not there."""
    ALIKE = "alike"
    """Two answers can't be told apart by anything but what is masked."""
    DIFFERENT = "different"
    """Two answers can be told apart; the observation says by what."""
    UNCLEAR = "unclear"
    """The target answered, but neither as its contract refuses nor with what was asked for."""
    UNANSWERED = "unanswered"
    """No answer, or none that could be read."""


PERMITTED = Outcome.PERMITTED
REFUSED = Outcome.REFUSED
PRESENT = Outcome.PRESENT
ABSENT = Outcome.ABSENT
ALIKE = Outcome.ALIKE
DIFFERENT = Outcome.DIFFERENT
UNCLEAR = Outcome.UNCLEAR
UNANSWERED = Outcome.UNANSWERED

REFUTATIONS = frozenset({(REFUSED, PERMITTED), (ABSENT, PRESENT)})
"""(expected, seen) pairs that stand on their own: what must not happen was seen to happen."""
