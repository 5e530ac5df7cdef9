"""An erasure while its subject is being written: what was under way as the key went must not outlive it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tenantproof.model.observation import Observation, Unit
from tenantproof.probes.erasure import Erasure, Planted, told
from tenantproof.probes.sighting import sight

_LEAD_SECONDS = 0.05
_MOST = 8
"""Requests of each writer, should the erasure take for ever."""
_FIRST = "tp_0000"
"""Ids that begin so come first in a listing by id."""


class RacedErasure(Erasure):
    """The tenant that exists to be erased, used by several at once."""

    widths = (1, 3, 1, 3)
    """How many write as a subject is erased, race by race: where there are several, the last hides what one left."""

    def bystander(self) -> Planted:
        """A record of somebody else, which a listing comes to before those of the erased."""
        return self.written(self.new(prefix=_FIRST))

    def race(self, writers: int) -> tuple[Observation, list[Planted]]:
        """One subject is erased while so many write records of it.

        Returns how the erasure was answered, and every record of the subject that was taken in, the first before it.
        """
        rows, over = [self.plant()], threading.Event()
        with ThreadPoolExecutor(writers) as pool:
            writing = [pool.submit(self._writes, rows[0].subject, over) for _ in range(writers)]
            over.wait(_LEAD_SECONDS)
            try:
                erased = self.shred(rows[0])
            finally:
                over.set()
            rows += [row for each in writing for row in each.result()]
        return erased, rows

    def shown(self, row: Planted) -> Observation:
        """Whether the listing brings the record's content: a page is opened with keys that were fetched for others."""
        request, answer = self._ask(self.target.operation("list"), principal="reader")
        unit = Unit("reader", self.tenant.id, "list", "what was written during an erasure")
        what = "a reader looks for the content of a record in the listing"
        return sight(what, request, answer, told(answer, row), unit=unit)

    def _writes(self, subject: str, over: threading.Event) -> list[Planted]:
        """Records of the subject until the erasure is answered; those that were taken in.

        Nothing is written after it: who asks once more may tidy up what the others left.
        """
        taken: list[Planted] = []
        for _ in range(_MOST):
            if over.is_set():
                break
            row = self.new(subject)
            _, answer = self._write(row)
            taken += [row] if answer.status == 201 else []
        return taken
