"""Two things at once at the support desk: what each was answered, and what came of them together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event
from typing import ClassVar

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.probes.access_acts import READ, Act
from tenantproof.probes.access_bodies import answered
from tenantproof.probes.access_story import Story
from tenantproof.probes.near_misses import NearMisses, close
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import sight

_PATIENCE_SECONDS = 10.0
_SLACK_SECONDS = 5.0


class Races(Probe):
    """Requests that are made ready first and then sent at the same moment, over connections of their own."""

    needs: ClassVar[frozenset[str]] = frozenset({"support"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._misses = NearMisses(target)
        self.support = self._misses.support
        self._legal: list[Observation] = []
        self._width = min(4, target.profile.safety.connections)

    rounds = 1
    """How often a race is run; each is of several requests already."""

    def legal(self) -> list[Observation]:
        """The legal path, one step after the other: it must work, or nothing that races means anything."""
        story = self._lived(0)
        seen = [*self._legal, story.take(Act(READ))]
        close(story)
        return seen

    def challenge_lasts(self) -> Observation:
        """Whether a challenge says that it is good for longer than one may be."""
        story = self._lived(-1)
        request = story.asking(self.support.path[-1])
        answer = self.target.wire.send(request)
        said = answered(self.support, answer.body, "challenge_ends")
        close(story)
        try:
            left = datetime.fromisoformat(str(said)).timestamp() - answer.at
        except ValueError:
            return self._seen(story, "how long a challenge lasts", (request, answer), UNCLEAR, "it does not say")
        outcome = PERMITTED if left > self.support.challenge_seconds + _SLACK_SECONDS else REFUSED
        return self._seen(story, "how long a challenge lasts", (request, answer), outcome, f"{left:.0f} s")

    def approve_twice(self) -> Observation:
        """Several approvals of one case, each with its own fresh challenge: one counts."""
        story = self._lived(1)
        step = self.support.path[1]
        answers = self._together([story.ready(Act(step)) for _ in range(self._width)])
        return self._one_of(story, f"{self._width} approvals at once", answers)

    def activate_twice(self) -> Observation:
        """Several activations of one case, each with its own fresh challenge: one counts."""
        story = self._lived(-1)
        step = self.support.path[-1]
        answers = self._together([story.ready(Act(step)) for _ in range(self._width)])
        return self._one_of(story, f"{self._width} activations at once", answers)

    def one_challenge_twice(self) -> Observation:
        """Several activations of one case with one and the same challenge: one counts."""
        story = self._lived(-1)
        request = story.ready(Act(self.support.path[-1]))
        answers = self._together([request] * self._width)
        return self._one_of(story, f"{self._width} activations with one challenge at once", answers)

    def approve_and_deny(self) -> Observation:
        """A yes and a no at once: one counts, and after a no nothing can be activated."""
        story = self._lived(1)
        step = self.support.path[1]
        said = self._together([story.ready(Act(step)), story.ready(Act("deny"))])
        yes, no = (story.outcome(answer) for _, answer in said)
        what = "a yes and a no at once"
        if PERMITTED not in (yes, no):
            outcome = UNANSWERED if UNANSWERED in (yes, no) else UNCLEAR
            return self._seen(story, what, said[0], outcome, f"answered {yes.value} and {no.value}")
        if yes is no is PERMITTED:
            return self._seen(story, what, said[0], PERMITTED, "both counted")
        story.history = (*story.history, step if yes is PERMITTED else "deny")
        opened = story.take(Act(self.support.path[-1])).outcome
        wrong = opened is PERMITTED and no is PERMITTED
        close(story)
        return self._seen(story, what, said[0], PERMITTED if wrong else REFUSED, f"then activated: {opened.value}")

    def activate_and_revoke(self) -> Observation:
        """An activation and a revocation at once: whichever comes first, after the revocation nothing is read."""
        story = self._lived(-1)
        said = self._together([story.ready(Act(self.support.path[-1])), story.ready(Act("revoke"))])
        revoked = story.outcome(said[1][1])
        read = story.take(Act(READ)).outcome
        wrong = revoked is PERMITTED and read is PERMITTED
        note = f"revoked: {revoked.value}, read afterwards: {read.value}"
        if revoked is not PERMITTED:
            story.history = (*self.support.path,)
        close(story)
        unsure = UNANSWERED if revoked is UNANSWERED else UNCLEAR
        outcome = PERMITTED if wrong else REFUSED if revoked is PERMITTED else unsure
        return self._seen(story, "an activation and a revocation at once", said[1], outcome, note)

    def revoke_during_use(self) -> Observation:
        """Reads without pause while the access is revoked: none that is sent after the answer is permitted."""
        story = self._lived(0)
        # Each reader keeps its own story, so that no two write to one.
        readers = [self._beside(story) for _ in range(max(1, self._width - 1))]
        stop = time.monotonic() + _PATIENCE_SECONDS
        ended: list[float] = []
        begun = Event()

        def read(beside: Story) -> list[tuple[float, Outcome]]:
            seen: list[tuple[float, Outcome]] = []
            while time.monotonic() < stop and not (ended and seen and seen[-1][0] > ended[0]):
                sent = time.monotonic()
                seen.append((sent, beside.take(Act(READ)).outcome))
                if seen[-1][1] is PERMITTED:
                    begun.set()
            return seen

        with ThreadPoolExecutor(len(readers)) as pool:
            reading = [pool.submit(read, each) for each in readers]
            begun.wait(_PATIENCE_SECONDS / 2)
            revoked = story.take(Act("revoke"))
            ended.append(time.monotonic())
            seen = [each for future in reading for each in future.result()]
        during = sum(outcome is PERMITTED for sent, outcome in seen if sent <= ended[0])
        late = sum(outcome is PERMITTED for sent, outcome in seen if sent > ended[0])
        note = f"{during} reads permitted before the answer, {late} of those sent after it"
        last = (story.taken[-1].request, story.taken[-1].answer)
        unsure = UNANSWERED if revoked.outcome is UNANSWERED else UNCLEAR
        outcome = PERMITTED if late else REFUSED if revoked.outcome is PERMITTED and during else unsure
        return self._seen(story, "reads while the access is revoked", last, outcome, note)

    def _lived(self, length: int) -> Story:
        """A fresh case, so many steps along the path; 0: all the way, negative: all but so many."""
        story = self._misses.story()
        self._legal = story.live(self.support.path[: length or None])
        return story

    def _beside(self, story: Story) -> Story:
        beside = Story(story.cast, story.seconds)
        beside.id, beside.digest, beside.history = story.id, story.digest, story.history
        return beside

    def _together(self, requests: Sequence[Request]) -> list[tuple[Request, Answer]]:
        barrier = Barrier(len(requests))

        def send(request: Request) -> tuple[Request, Answer]:
            barrier.wait(_PATIENCE_SECONDS)
            return request, self.target.wire.send(request)

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))

    def _one_of(self, story: Story, what: str, said: Sequence[tuple[Request, Answer]]) -> Observation:
        """Refused, when exactly one of several counted."""
        outcomes = [story.outcome(answer) for _, answer in said]
        won = sum(outcome is PERMITTED for outcome in outcomes)
        story.history = (*story.history, self._next_step(story)) if won else story.history
        close(story)
        outcome = PERMITTED if won > 1 else REFUSED if won == 1 else UNCLEAR
        if not won and UNANSWERED in outcomes:
            # The one that counted may be among those that came to no answer.
            outcome = UNANSWERED
        return self._seen(story, what, said[0], outcome, f"{won} of {len(outcomes)} counted")

    def _next_step(self, story: Story) -> str:
        return self.support.path[len(story.history)]

    def _seen(self, story: Story, what: str, said: tuple[Request, Answer], outcome: Outcome, note: str) -> Observation:
        unit = Unit(story.cast.asker.name, story.cast.tenant.id, "race", what)
        return sight(f"{what} at the desk", *said, outcome, unit=unit, notes=(note,))
