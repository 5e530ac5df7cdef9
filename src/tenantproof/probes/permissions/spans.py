"""Three-valued answers about many actions at once: a bit for each, set where the answer is sure or possible."""

from __future__ import annotations

from typing import NamedTuple

from tenantproof.probes.permissions.truth import Truth


class Span(NamedTuple):
    """Sets of actions as bits: those for which something is sure, and those for which it may be, the sure ones too."""

    sure: int
    maybe: int

    def truth(self, bit: int) -> Truth:
        """The answer about one action."""
        return True if self.sure & bit else None if self.maybe & bit else False

    def either(self, other: Span) -> Span:
        """Where this or the other holds."""
        return Span(self.sure | other.sure, self.maybe | other.maybe)

    def both(self, other: Span) -> Span:
        """Where this and the other hold."""
        return Span(self.sure & other.sure, self.maybe & other.maybe)

    def without(self, denied: Span) -> Span:
        """Where this holds and the other does not."""
        return Span(self.sure & ~denied.maybe, self.maybe & ~denied.sure)

    def doubted(self) -> Span:
        """Nothing is sure any more."""
        return Span(0, self.maybe)


NOWHERE = Span(0, 0)


def where(truth: Truth, mask: int) -> Span:
    """The span of one truth over a set of actions."""
    return Span(mask, mask) if truth else Span(0, mask) if truth is None else NOWHERE
