"""Keeps the harness from asking faster than the target's owner allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets at most `per_second` callers pass in any second, evenly spaced; 0 lets everybody pass at once."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._clock, self._sleep = clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    @property
    def is_free(self) -> bool:
        """Whether everybody passes at once."""
        return not self._gap

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        if (seconds := self.reserve()) > 0:
            self._sleep(seconds)

    def reserve(self) -> float:
        """Take the next turn, and say in how many seconds it comes; 0 says now."""
        if not self._gap:
            return 0.0
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._gap
        return turn - now
