"""The ledger that a check writes to: what it saw, and what it expected to see."""

from __future__ import annotations

from collections.abc import Callable

from tenantproof.ledger.journal import Journal
from tenantproof.model.observation import Observation, Role
from tenantproof.model.outcome import Outcome

_TELL_EVERY = 200


class Ledger:
    """One check's view of the journal. Nothing that was seen makes it raise: judging comes later.

    Expecting no answer raises ValueError, for a target that is down would then be as good as one that holds.
    """

    def __init__(self, journal: Journal, check: str, claim: str, tell: Callable[[int], None] | None = None) -> None:
        self._journal, self._check, self._claim, self._tell = journal, check, claim, tell
        self._count = 0

    def calibrate(self, observation: Observation, *, is_: Outcome) -> None:
        """Record an act that must come out so, or nothing else in the check means anything."""
        self._append(Role.CALIBRATION, observation, is_)

    def expect(self, observation: Observation, *, is_: Outcome) -> None:
        """Record an act that puts the claim to the test."""
        self._append(Role.TRIAL, observation, is_)

    def witness(self, observation: Observation, *, is_: Outcome) -> None:
        """Record a second look at a trial from elsewhere: a trail, a key's state, a queue."""
        self._append(Role.WITNESS, observation, is_)

    def population(self, units: int, *, selection: str = "all") -> None:
        """Record how many units there are to try, and how the check chose among them."""
        self._journal.populate(self._check, units, selection)

    def _append(self, role: Role, observation: Observation, expected: Outcome) -> None:
        if expected is Outcome.UNANSWERED:
            raise ValueError(f"a check can't expect silence ({observation.what}); say what the target should do")
        self._journal.append(self._check, self._claim, role, expected, observation)
        self._count += 1
        if self._tell and (self._count % _TELL_EVERY == 0 or self._count <= 1):
            self._tell(self._count)
