"""Near misses of support access: each lives the legal path up to its last step and breaks exactly one guard there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar

from tenantproof.clients.target import Target
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, REFUSED, Outcome
from tenantproof.model.profile import Support
from tenantproof.probes import access_faults as faults
from tenantproof.probes.access_acts import ACTIVE, READ, Act, Oracle
from tenantproof.probes.access_bodies import needs_digest, needs_factor
from tenantproof.probes.access_cast import TWIN, Cast, audited_tenants, role_of, support_of
from tenantproof.probes.access_story import Story
from tenantproof.probes.probe import Probe

_SECONDS = 60
_SOUND_SECONDS = 600
_AT_A_TIME = 4
_ENDINGS = ("deny", "withdraw", "revoke")
_WHO = {
    "approver": (
        faults.BY_ASKER,
        faults.BY_COLLEAGUE,
        faults.BY_STRANGER,
        faults.BY_STRANGER_AT_HOME,
        faults.BY_READER,
    ),
    "asker": (faults.BY_COLLEAGUE, faults.BY_OPPOSITE),
}
_CLAIM_OF_A_READ = {"revoked": "SU-1", "approved": "SU-4"}
_CLAIM_OF_A_REPEAT = {ACTIVE: "SU-3"}


@dataclass(frozen=True)
class NearMiss:
    """What is lived through, the one act that is not as it should be, and the claim that it would break."""

    claim: str
    history: tuple[str, ...]
    act: Act

    def __str__(self) -> str:
        return f"{self.act} after {', '.join(self.history) or 'nothing'}"


@dataclass(frozen=True)
class Lived:
    """A near miss that was tried: the legal path before it, the act, a read after it, the act done right."""

    miss: NearMiss
    legal: tuple[Observation, ...]
    tried: Observation
    expected: Outcome
    """What the oracle says of the act."""
    after: tuple[Observation, ...] = ()
    """Reads that must be refused, because the case gives no access whatever was answered."""
    repaired: tuple[Observation, ...] = ()
    """The same act without its fault, where the case allows it: nothing else stood in its way."""


class NearMisses(Probe):
    """Derives the near misses from the legal path that the profile describes, and lives through them."""

    needs: ClassVar[frozenset[str]] = frozenset({"support"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.support = support_of(target)
        self.oracle = Oracle(self.support.path)
        tenant, other = audited_tenants(target)[:2]
        self.tenant, self.other = tenant, other
        # What only looks is tried beyond the scope of a case; what writes might, at a target with a fault, be done.
        looks = [name for name, each in target.profile.http.operations.items() if each.method == "GET"]
        self.misses = tuple(derive(self.support, looks, TWIN in tenant.principals))

    def of(self, claim: str) -> Iterator[Lived]:
        """The near misses that would break a claim, lived through a few at a time, in their own order.

        Meanwhile a sound case gives access to the same people: none of it may be lent to another case.
        """
        groups = self._groups(claim)
        if not groups:
            return
        sound, pool = self.story(_SOUND_SECONDS), ThreadPoolExecutor(_AT_A_TIME)
        try:
            legal = tuple(sound.live(self.support.path))
            for lived in pool.map(self._live_together, groups):
                for each in lived:
                    yield replace(each, legal=(*legal, *each.legal))
                    legal = ()
        finally:
            # Whoever stops listening wants no more of them.
            pool.shutdown(cancel_futures=True)
            close(sound)

    def count(self, claim: str) -> int:
        """How many near misses would break a claim."""
        return sum(miss.claim == claim for miss in self.misses)

    def live(self, miss: NearMiss) -> Lived:
        """Live through one near miss, with a fresh case."""
        return self._live_together((miss,))[0]

    def _groups(self, claim: str) -> list[tuple[NearMiss, ...]]:
        """Reads under an active case leave it as it is, so they share one; every other near miss has its own."""
        ours = [miss for miss in self.misses if miss.claim == claim]
        reads = tuple(miss for miss in ours if miss.act.step == READ and miss.history == self.support.path)
        alone: list[tuple[NearMiss, ...]] = [(miss,) for miss in ours if miss not in reads]
        return [*alone, reads] if reads else alone

    def _live_together(self, misses: Sequence[NearMiss]) -> list[Lived]:
        story = self.story()
        legal = tuple(story.live(misses[0].history))
        lived = [self._try(miss, story, () if number else legal) for number, miss in enumerate(misses)]
        close(story)
        return lived

    def story(self, seconds: int = _SECONDS) -> Story:
        """A fresh case, not asked for yet."""
        cast = Cast(self.target, self.tenant, self.other)
        return Story(cast, max(self.support.shortest_seconds, min(seconds, self.support.max_seconds)))

    def _try(self, miss: NearMiss, story: Story, legal: tuple[Observation, ...]) -> Lived:
        permitted = self.oracle.permits(miss.act, story.history)
        tried = story.take(miss.act)
        # Nobody can read under a case that is not active, whatever the act was answered.
        is_open = story.state == ACTIVE or miss.act == Act(READ)
        after = () if is_open else (story.take(Act(READ)),)
        right = Act(miss.act.step)
        repaired: tuple[Observation, ...] = ()
        if miss.act.fault and tried.outcome is not PERMITTED and self.oracle.permits(right, story.history):
            repaired = (story.take(right),)
        return Lived(miss, legal, tried, PERMITTED if permitted else REFUSED, after, repaired)


def close(story: Story) -> None:
    """End what a story opened, as far as the target can."""
    for each in (*story.beside, story):
        if each.state in ("approved", ACTIVE) and "revoke" in each.cast.support.operations:
            each.take(Act("revoke"))


def derive(support: Support, operations: Sequence[str], has_twin: bool) -> Iterator[NearMiss]:
    """Every near miss of a legal path: each step out of order, by the wrong person, and with each part of it wrong."""
    oracle = Oracle(support.path)
    endings = [step for step in _ENDINGS if step in support.operations]
    for step in support.path[1:]:
        before = support.path[: support.path.index(step)]
        role = role_of(support, step)
        who = (*_WHO[role], *((faults.BY_TWIN,) if has_twin and role == "approver" else ()))
        yield from (NearMiss("SU-2" if role == "approver" else "SU-1", before, Act(step, fault)) for fault in who)
        if needs_digest(support, step):
            wrong = (faults.DIGEST_OF_ZEROS, faults.DIGEST_OF_ANOTHER, faults.NO_DIGEST)
            yield from (NearMiss("SU-2", before, Act(step, fault)) for fault in wrong)
        if needs_factor(support, step):
            yield from (NearMiss("SU-4", before, Act(step, f)) for f in faults.factor_faults(support, step))
        yield NearMiss("SU-2", before, Act(step, faults.CASE_NEVER_MADE))
        yield from _out_of_order(support, oracle, endings, step)
    yield from _reads(support, oracle, endings, operations)


def _out_of_order(support: Support, oracle: Oracle, endings: Sequence[str], step: str) -> Iterator[NearMiss]:
    for history in oracle.histories(endings):
        if not oracle.permits(Act(step), history):
            claim = _CLAIM_OF_A_REPEAT.get(oracle.state(history), "SU-2") if step == support.path[-1] else "SU-2"
            yield NearMiss(claim, history, Act(step))


def _reads(support: Support, oracle: Oracle, endings: Sequence[str], operations: Sequence[str]) -> Iterator[NearMiss]:
    for history in oracle.histories(endings):
        if not oracle.permits(Act(READ), history):
            yield NearMiss(_CLAIM_OF_A_READ.get(oracle.state(history), "SU-2"), history, Act(READ))
    yield from (NearMiss("SU-1", support.path, Act(READ, fault)) for fault in faults.READ_FAULTS)
    beyond = [name for name in operations if name not in ("read", "list")]
    yield from (NearMiss("SU-1", support.path, Act(READ, faults.OUT_OF_SCOPE + name)) for name in beyond)
