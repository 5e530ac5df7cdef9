"""Answers that were read before: a target that refuses a thousand times says the same octets a thousand times."""

from __future__ import annotations

from tenantproof.clients.exchange import Answer

_MOST = 512
_LONGEST = 4096
"""Octets; longer ones are no refusals, and are not kept."""


class Known:
    """Answers by the octets that they were read from, so that the same octets are read once. Takes two megabytes."""

    def __init__(self) -> None:
        self._answers: dict[tuple[bool, bytes], Answer] = {}

    def answer(self, method: str, octets: bytes) -> Answer | None:
        """The answer to a request of that method which exactly these octets are, or None for what was not learnt."""
        return self._answers.get((method == "HEAD", octets))

    def learn(self, method: str, octets: bytes, answer: Answer) -> None:
        """Keep an answer that came in one piece, after which the connection carries the next."""
        if len(octets) > _LONGEST:
            return
        if len(self._answers) >= _MOST:
            self._answers.clear()  # every answer has something of its own (a date, a request id)
        self._answers[method == "HEAD", octets] = answer
