"""Acts on the path to support access, each with at most one fault, and the oracle that says which may succeed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tenantproof.model.legal_path import ENDINGS, STATES

NOTHING = "none"
ACTIVE = "active"
READ = "read"
OUTLAST = "outlast"
"""No step of anybody's: the time that was approved runs out."""
NOBODYS = "sr_00000000000000000000000000000000"
"""The id of a case that was never made."""
_OVER = {"approved": "lapsed", ACTIVE: "ended"}


@dataclass(frozen=True)
class Act:
    """A step, or a read, as it is to be taken; `fault` names the one thing about it that is not as it should be."""

    step: str
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.step}: {self.fault}" if self.fault else self.step


class Oracle:
    """Knows which steps lead where, and nothing of any target.

    An act may succeed when it has no fault and its case is in the state that the act leads on from.
    """

    def __init__(self, path: Iterable[str]) -> None:
        self.next: dict[tuple[str, str], str] = {}
        self.path = tuple(path)
        state = NOTHING
        for step in self.path:
            leads_to = ACTIVE if step == self.path[-1] else STATES.get(step, f"after {step}")
            self.next[state, step] = leads_to
            state = leads_to
        reached = {NOTHING, *self.next.values()}
        self.next |= {(was, step): final for (was, step), final in ENDINGS.items() if was in reached}
        self.next |= {(was, OUTLAST): final for was, final in _OVER.items() if was in reached}

    def state(self, history: Iterable[str]) -> str:
        """The state of a case after these steps; one that leads nowhere changes nothing."""
        state = NOTHING
        for step in history:
            state = self.next.get((state, step), state)
        return state

    def permits(self, act: Act, history: Iterable[str]) -> bool:
        """Whether the act may succeed for a case with this history."""
        if act.fault:
            return False
        state = self.state(history)
        return state == ACTIVE if act.step == READ else (state, act.step) in self.next

    def histories(self, steps: Iterable[str]) -> Iterator[tuple[str, ...]]:
        """One shortest history for every way into every state, made of the path and of these other steps."""
        others = tuple(steps)
        for length in range(1, len(self.path) + 1):
            ahead = self.path[:length]
            yield ahead
            yield from ((*ahead, step) for step in others if (self.state(ahead), step) in self.next)
