"""Whether somebody asked us to end: by a signal, or by letting go of our standard input."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Asked:
    """True once it was asked. Nothing is interrupted by it, so that nothing is left half made.

    It is a bare attribute because a signal handler may not take a lock that the code it interrupts could hold.
    """

    def __init__(self) -> None:
        self._asked = False

    def __bool__(self) -> bool:
        return self._asked

    def ask(self) -> None:
        """Ask for the end; safe from any thread and from a signal handler, and any number of times."""
        self._asked = True

    def by_signals(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP for the same request."""
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: self.ask())

    def by_end_of_input(self) -> None:
        """Take the end of standard input for a request too."""
        threading.Thread(target=self._listen, daemon=True, name="lifeline").start()

    def _listen(self) -> None:
        # Not sys.stdin: this thread would sleep with its lock, which the interpreter wants at exit.
        with suppress(OSError):
            while os.read(0, 4096):
                continue
        self.ask()
