"""One change at a time, and nobody is told of a change before it is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """Held by whoever changes something, from before the change until it is kept; may be taken again inside."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._inside = 0

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Inside, a change is made and kept."""
        with self.lock:
            self._inside += 1
            try:
                yield
            finally:
                self._inside -= 1

    def settle(self) -> None:
        """Wait for a change that is under way: whoever has read may have seen it already."""
        if self._inside:
            with self.lock:
                pass
