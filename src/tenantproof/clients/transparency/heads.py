"""Remembers the heads of logs, so that a log that was seen once can't be another one the next time."""

from __future__ import annotations

from collections.abc import Iterable

from tenantproof.model.heads import Head


class HeadBook:
    """The largest head seen of each log, by deployment and log. Heads of an earlier run are put in when it is made."""

    def __init__(self, known: Iterable[Head] = ()) -> None:
        self._heads = {(head.deployment, head.log): head for head in known}

    def known(self, deployment: str, log: str) -> Head | None:
        """The head by which a log is known."""
        return self._heads.get((deployment, log))

    def note(self, head: Head) -> None:
        """Remember a head that was held to what was known; a smaller one never takes the place of a larger."""
        before = self.known(head.deployment, head.log)
        if before is None or head.size >= before.size:
            self._heads[head.deployment, head.log] = head

    def all(self) -> tuple[Head, ...]:
        """Every head, the one seen last first."""
        return tuple(sorted(self._heads.values(), key=lambda head: (head.seen, head.log), reverse=True))
