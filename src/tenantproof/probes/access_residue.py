"""What is left of an access when it has ended: for every kind of thing that was made under it, until when it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from msgspec.structs import replace

from tenantproof.clients.exchange import Request
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED
from tenantproof.probes.access_acts import OUTLAST, READ, Act
from tenantproof.probes.access_faults import LIST_WITHOUT_GRANT
from tenantproof.probes.access_story import Story
from tenantproof.probes.near_misses import NearMisses
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import access, json_object, new_probe, sight

_PAUSE_SECONDS = 0.05
_BRIEF_SECONDS = 2
_FARTHEST_SECONDS = 1.0
"""How much later than asked for an end may be and still be waited for."""
_CURSOR = "next_cursor"

Use = Callable[[], Observation]
"""Tries once to use a thing that was made under a grant."""


@dataclass(frozen=True)
class Kind:
    """One kind of thing that an access leaves behind, and how it is used.

    `proven` are uses that worked before. `once`: it can be used a single time, so its first use after the end says
    all; `ends` is its own end, where that is later than the access's.
    """

    name: str
    use: Use
    proven: tuple[Observation, ...] = ()
    once: bool = False
    ends: float = 0.0


class Residue(Probe):
    """Makes everything that can be made under a grant, ends the grant, and uses it on until it is powerless.

    Database sessions, presigned links, exports and background jobs are kinds too, where a target makes them under a
    grant; through the API of the profile, none of these can be.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"support"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._misses = NearMisses(target)
        self.support = self._misses.support
        self._kinds: list[Kind] = []
        self._story: Story | None = None

    def open(self, *, brief: bool) -> Iterator[Observation]:
        """Live the legal path and make every kind of thing; yields what must have worked."""
        story = self._misses.story(max(_BRIEF_SECONDS, self.support.shortest_seconds) if brief else 60)
        yield from story.live(self.support.path)
        waiting = self._misses.story(story.seconds)
        yield from waiting.live(self.support.path[:-1])
        self._kinds = list(self._made(story, waiting))
        self._story = story
        for kind in self._kinds:
            yield from kind.proven

    def after_revocation(self) -> Iterator[Observation]:
        """Revoke, then use everything on. The first is the revocation itself."""
        assert self._story
        revoked = self._story.take(Act("revoke"))
        ended = time.time()
        yield revoked
        yield from (self._last(kind, "revocation", ended) for kind in self._kinds if kind.name != "approval")

    def after_expiry(self) -> Iterator[Observation]:
        """Wait for the end that the target names, then use everything on."""
        assert self._story
        ended = _moment(self._story.ends) or time.time() + self._story.seconds
        late = ended - time.time() - self._story.seconds
        if late > _FARTHEST_SECONDS:
            note = f"it says that it ends {late:.0f} s later than was asked for"
            yield replace(self._story.take(Act(READ)), outcome=PERMITTED, notes=(note,))
            return
        time.sleep(max(0.0, ended - time.time()))
        for kind in self._kinds:
            yield self._last(kind, "expiry", ended)
        self._story.history = (*self._story.history, OUTLAST)
        for step in self.support.path[1:]:
            yield self._story.take(Act(step))
        yield self._story.take(Act(READ))

    def _made(self, story: Story, waiting: Story) -> Iterator[Kind]:
        yield Kind("grant", lambda: story.take(Act(READ)), (story.take(Act(READ)),))
        cursor = self._cursor(story)
        if cursor:
            yield Kind("page cursor", lambda: self._page(story, cursor), (self._page(story, cursor),))
        step = self.support.path[-1]
        ready = waiting.ready(Act(step))
        yield Kind("approval", lambda: self._send(waiting, step, ready), once=True, ends=_moment(waiting.ends))
        again = story.ready(Act(step))
        yield Kind("unused challenge", lambda: self._send(story, step, again), once=True)
        yield Kind("bearer token", lambda: story.take(Act(READ, LIST_WITHOUT_GRANT)))

    def _send(self, story: Story, step: str, request: Request) -> Observation:
        answer = self.target.wire.send(request)
        outcome = story.outcome(answer)
        return sight(f"{request.principal} sends {step}, made ready before the end", request, answer, outcome)

    def _cursor(self, story: Story) -> str:
        """A cursor into a listing that was begun under the grant; empty where the target gives none."""
        answer = self.target.wire.send(self._listing(story, "limit=1"))
        return str(json_object(answer.body).get(_CURSOR) or "")

    def _page(self, story: Story, cursor: str) -> Observation:
        # A whole page, for other records than those with a canary may come first.
        request = self._listing(story, f"limit=100&cursor={cursor}")
        answer = self.target.wire.send(request)
        own = [record.canary for record in story.cast.tenant.records]
        outcome, notes = access(answer, self.target.profile.http, wanted=own, foreign=(), refusal="grant")
        return sight("the next page of a listing that was begun under the grant", request, answer, outcome, notes=notes)

    def _listing(self, story: Story, query: str) -> Request:
        return self.target.request(
            self.target.operation("list"),
            tenant=story.cast.tenant.id,
            query=query,
            bearer=story.cast.bearer(story.cast.asker),
            headers=((self.support.grant_header, story.id),),
            principal=story.cast.asker.name,
            probe=new_probe(),
        )

    def _last(self, kind: Kind, event: str, ended: float) -> Observation:
        """Use a thing until it is refused, or until it has worked for longer than was promised.

        `seconds` of the observation: from the end of the access until the thing was seen to be powerless.
        """
        promise, ended = self.support.residue_seconds, max(ended, kind.ends)
        time.sleep(max(0.0, ended - time.time()))
        while True:
            sent = time.time()
            seen = kind.use()
            if seen.outcome is not PERMITTED or kind.once or sent - ended > promise:
                break
            time.sleep(_PAUSE_SECONDS)
        since = max(0.0, time.time() - ended)
        says = "still works" if seen.outcome is PERMITTED else "is powerless"
        note = f"{says} {since:.3f} s after the {event}; promised: {promise:g} s"
        unit = Unit(
            seen.principal, self._misses.tenant.id, "residue", f"{kind.name} after {event}, within {promise:g} s"
        )
        what = f"a {kind.name} outlives the {event} of its access"
        return replace(seen, what=what, unit=unit, seconds=since, notes=(note, *seen.notes))


def _moment(said: str) -> float:
    try:
        return datetime.fromisoformat(said).timestamp()
    except ValueError:
        return 0.0
