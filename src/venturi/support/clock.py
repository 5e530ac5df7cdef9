"""A clock that support access can be measured with: it neither goes back nor stands still."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """Seconds since 1970, never fewer than what has passed since the last look.

    When the wall clock is set back, time goes on from where it was; when it is set forward, it follows, and access
    ends early rather than late.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._last, self._seen = wall(), monotonic()

    def __call__(self) -> float:
        """The time now."""
        seen = self._monotonic()
        self._last, self._seen = max(self._wall(), self._last + seen - self._seen), seen
        return self._last

    def reach(self, moment: float) -> None:
        """Make the time at least `moment`, which is known to have been: a clock set back before a restart shows."""
        self._last = max(self(), moment)
