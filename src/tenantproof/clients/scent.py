"""Finds what belongs to others in one pass over an answer: every marker, every guise at once (Aho, Corasick 1975).

`canaries.found_in` asks for one canary at a time; that is right for a few and hopeless for thousands of tenants.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import takewhile

import ahocorasick

from tenantproof.clients.canaries import guises, views, views_of
from tenantproof.clients.exchange import Answer, Headers
from tenantproof.clients.remembered import remembered

END = 8
"""So many characters of either end of a canary are known as well as the whole."""
_HEXADECIMAL = frozenset(string.hexdigits)
_SHORT = 4096
_NOTHING: frozenset[str] = frozenset()


class Scent:
    """Knows whom every marker belongs to. `canaries` are also known by their ends; `names` (ids) only whole.

    Both map a tenant to its markers. One that two tenants have belongs to neither.
    """

    def __init__(self, canaries: Mapping[str, Iterable[str]], names: Mapping[str, Iterable[str]] | None = None) -> None:
        self._owner = _owners([canaries, names or {}])
        self._automaton = ahocorasick.Automaton()
        secret = {canary for own in canaries.values() for canary in own}
        edges = _edges(secret)
        for marker in self._owner:
            ends = edges.get(marker, set()) if marker in secret else set()
            for guise in guises(marker) | ends:
                self._automaton.add_word(guise.decode("latin-1"), (marker, guise in ends))
        if self._owner:
            self._automaton.make_automaton()
        # Refusals are the same octets a thousand times over; what was looked at once need not be again.
        self._look = remembered(most=1024, longest=_SHORT)(self._in_answer)

    def owner(self, marker: str) -> str:
        """The tenant whom the marker belongs to."""
        return self._owner[marker]

    def markers(self, answer: Answer) -> frozenset[str]:
        """Every marker that stands in the status line, the headers or the body, in any guise."""
        return self._look(answer.reason, answer.headers, answer.body)

    def foreign(self, answer: Answer, caller: str, asked: Iterable[str] = ()) -> frozenset[str]:
        """Markers of others than the caller, without those that the request itself named."""
        found = self.markers(answer)
        if not found:
            return found
        named = set(asked)
        return frozenset(each for each in found if self._owner[each] != caller and each not in named)

    def in_text(self, text: str | bytes) -> frozenset[str]:
        """Every marker that stands in a text, in any guise."""
        return self._in_views(views_of(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text))

    def _in_answer(self, reason: str, headers: Headers, body: bytes) -> frozenset[str]:
        return self._in_views(views(Answer(reason=reason, headers=headers, body=body)))

    def _in_views(self, seen: Iterable[bytes]) -> frozenset[str]:
        if not self._owner:
            return _NOTHING
        return frozenset(
            marker
            for view in (octets.decode("latin-1") for octets in seen)
            for last, (marker, is_end) in self._automaton.iter(view)
            if not is_end or _stands_alone(view, last + 1, marker)
        )


def _owners(groups: Iterable[Mapping[str, Iterable[str]]]) -> dict[str, str]:
    owner: dict[str, str] = {}
    shared: set[str] = set()
    for group in groups:
        for tenant, markers in group.items():
            for marker in markers:
                if owner.setdefault(marker, tenant) != tenant:
                    shared.add(marker)
    return {marker: tenant for marker, tenant in owner.items() if marker not in shared}


def _stands_alone(view: str, stop: int, canary: str) -> bool:
    """Whether an end of the canary, up to `stop`, is a piece of it, and no accident inside of a digest or a trace id.

    Any eight hexadecimal digits stand in one of some hundred million digests; around a piece there are no others.
    """
    start = stop - END
    if canary.startswith(view[start:stop]):
        stop += _alike(view[stop : stop + len(canary)], canary[END:])
    else:
        rest = canary[:-END][::-1]
        start -= _alike(view[max(start - len(rest), 0) : start][::-1], rest)
    return not (_HEXADECIMAL & {*view[max(start - 1, 0) : start], *view[stop : stop + 1]})


def _alike(text: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))


def _edges(canaries: set[str]) -> dict[str, set[bytes]]:
    """The first and the last eight characters of each canary, where they are no other's too."""
    ends = {canary: {canary[:END].encode(), canary[-END:].encode()} for canary in canaries}
    seen = Counter(end for own in ends.values() for end in own)
    return {canary: {end for end in own if seen[end] == 1 and len(end) >= END} for canary, own in ends.items()}
