"""Shows that work goes on: a live line on a terminal, one line per check elsewhere, nothing when told to be quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.status import Status
from rich.text import Text

_EVERY_SECONDS = 0.2


class Progress:
    """Progress of a run on standard error; standard output is left to results."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(file=sys.stderr, highlight=False)
        self._status: Status | None = None
        self._drawn = 0.0

    def __enter__(self) -> Progress:
        if not self._quiet and self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def note(self, line: str) -> None:
        """Say what is going on now; on a terminal it replaces what was said before."""
        if self._quiet:
            return
        if self._status is None:
            self._console.print(Text(line), soft_wrap=True)
        elif time.monotonic() - self._drawn >= _EVERY_SECONDS:
            self._drawn = time.monotonic()
            self._status.update(Text(line))

    def done(self, line: str) -> None:
        """Leave a line behind."""
        if not self._quiet:
            self._console.print(Text(line), soft_wrap=True)
