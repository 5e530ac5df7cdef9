"""Compares latencies by rank: does an answer come sooner or later because something is there?

Requests of a pair and of a null pair are sent by turns in random order, so that whatever else goes on meets all of
them alike. Suspicion is tested again on fresh samples, and only a difference that comes back every time is one: a busy
machine makes any single sample look like anything.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ALIKE, DIFFERENT, UNANSWERED
from tenantproof.model.profile import Record
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import sight
from tenantproof.probes.strangers import stranger_record, stranger_tenant

_ROUNDS, _MORE_ROUNDS, _BATCHES = 24, 60, 3
_SUSPICIOUS, _CERTAIN = 0.05, 0.001
_NULL = 0.005
_LEAST_SHIFT = 0.2
"""|AUC - 0.5| below which a difference would help nobody who asks once."""
_LEAST_SECONDS = 0.005


@dataclass(frozen=True)
class Contrast:
    """Two questions whose answers must take the same time, and a second like the second, which surely does."""

    what: str
    unit: Unit
    first: Callable[[], Request]
    second: Callable[[], Request]


@dataclass(frozen=True)
class Comparison:
    """What the ranks say: the chance that the first takes longer, how surprising it is, the medians' distance."""

    auc: float
    p: float
    seconds: float

    def is_beyond(self, alpha: float) -> bool:
        """Whether it is surprising, and large enough for anybody to use."""
        return self.p < alpha and abs(self.auc - 0.5) >= _LEAST_SHIFT and abs(self.seconds) >= _LEAST_SECONDS


class Latency(Probe):
    """Asks for what is there and for what is not, over one connection, one after the other."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})

    def contrasts(self) -> Iterator[Contrast]:
        """Foreign and absent objects under the own path, known and unknown objects and tenants under a foreign one."""
        tenants = self.target.profile.tenants
        attacker, victim = tenants[0], tenants[-1]
        known = frozenset(record.id for tenant in tenants for record in tenant.records)
        names = frozenset(tenant.id for tenant in tenants)
        record = victim.records[0]

        def nobody() -> str:
            return stranger_record(record.id, known)

        def unit(vector: str) -> Unit:
            return Unit(attacker.id, victim.id, "read", f"X106 {vector}")

        yield Contrast(
            f"{attacker.id} asks under its own path for an id of {victim.id} and for ids of nobody",
            unit("latency of a foreign id"),
            lambda: self._read(attacker.id, attacker.id, record.id),
            lambda: self._read(attacker.id, attacker.id, nobody()),
        )
        yield Contrast(
            f"{attacker.id} asks under {victim.id}'s path for a record that is there and for some that are not",
            unit("latency of a known record"),
            lambda: self._read(attacker.id, victim.id, record.id),
            lambda: self._read(attacker.id, victim.id, nobody()),
        )
        yield Contrast(
            f"{attacker.id} asks under {victim.id}'s path and under those of tenants that do not exist",
            unit("latency of a known tenant"),
            lambda: self._read(attacker.id, victim.id, record.id),
            lambda: self._read(attacker.id, stranger_tenant(victim.id, names), record.id),
        )

    def own_record(self) -> Record:
        """A record of the tenant that asks."""
        return self.target.profile.tenants[0].records[0]

    def compare(self, contrast: Contrast, tests: int = 1) -> Observation:
        """Different, if the answers' times can be told apart again and again; alike otherwise, and down to what size.

        `tests` is how many contrasts are tried in all (Holm's first step is Bonferroni's).
        """
        rng = random.Random(self.target.sweep.seed)  # noqa: S311  # an order, not a secret
        request, answer, times = self._sample(contrast, _ROUNDS, rng)
        if times is None:
            why = answer.failure or answer.malformed
            return sight(contrast.what, request, answer, UNANSWERED, unit=contrast.unit, notes=[why])
        found = [_compared(times[0], times[1])]
        if found[0].is_beyond(_SUSPICIOUS) and not _compared(times[1], times[2]).is_beyond(_NULL):
            found += self._again(contrast, rng)
        is_real = len(found) > _BATCHES and all(
            each.is_beyond(_CERTAIN / tests) and (each.auc > 0.5) == (found[0].auc > 0.5) for each in found[1:]
        )
        notes = [_told(found, times)]
        return sight(contrast.what, request, answer, DIFFERENT if is_real else ALIKE, unit=contrast.unit, notes=notes)

    def _again(self, contrast: Contrast, rng: random.Random) -> Iterator[Comparison]:
        for _ in range(_BATCHES):
            _, _, times = self._sample(contrast, _MORE_ROUNDS, rng)
            if times is None or _compared(times[1], times[2]).is_beyond(_NULL):
                return
            yield _compared(times[0], times[1])

    def _sample(
        self, contrast: Contrast, rounds: int, rng: random.Random
    ) -> tuple[Request, Answer, tuple[list[float], list[float], list[float]] | None]:
        """Latencies in seconds of the first, the second and once more the second, or None when one had no answer."""
        times: tuple[list[float], list[float], list[float]] = ([], [], [])
        asked = [contrast.first, contrast.second, contrast.second]
        first = contrast.first()
        shown = answer = self.target.wire.send(first)  # warms whatever there is to warm, and is not counted
        for _ in range(rounds):
            order = [0, 1, 2]
            rng.shuffle(order)
            for place in order:
                request = asked[place]()
                begun = time.perf_counter()
                answer = self.target.wire.send(request)
                times[place].append(time.perf_counter() - begun)
                if not answer.is_whole:
                    return request, answer, None
        return first, shown, times

    def _read(self, caller: str, tenant: str, record: str) -> Request:
        return self.target.request(
            self.target.operation("read"),
            tenant=tenant,
            record=record,
            bearer=self.target.bearer(caller),
            principal=f"{caller}/reader",
            probe=new_probe(),
        )


def _compared(first: Sequence[float], second: Sequence[float]) -> Comparison:
    auc, p = mann_whitney(first, second)
    return Comparison(auc, p, statistics.median(first) - statistics.median(second))


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """The chance that one of the first exceeds one of the second, and the two-sided p of it (normal approximation).

    Mann and Whitney, Ann. Math. Statist. 18 (1947). Ties count half and narrow the variance.
    """
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    total, ties, place = 0.0, 0.0, 0
    while place < len(ranked):
        end = place
        while end < len(ranked) and ranked[end][0] == ranked[place][0]:
            end += 1
        rank = (place + 1 + end) / 2
        total += rank * sum(group == 0 for _, group in ranked[place:end])
        ties += (end - place) ** 3 - (end - place)
        place = end
    n, m = len(first), len(second)
    wins = total - n * (n + 1) / 2
    size = n + m
    variance = n * m / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance <= 0:
        return 0.5, 1.0
    z = (wins - n * m / 2) / math.sqrt(variance)
    return wins / (n * m), math.erfc(abs(z) / math.sqrt(2))


def detectable(rounds: int, alpha: float = _SUSPICIOUS, power: float = 0.8) -> float:
    """The smallest |AUC - 0.5| that samples of this size show with this power (Noether, JASA 82, 1987)."""
    normal = statistics.NormalDist()
    reach = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return min(0.5, reach * math.sqrt(1 / (6 * rounds)))


def _told(found: Sequence[Comparison], times: tuple[list[float], list[float], list[float]]) -> str:
    last = found[-1]
    spread = statistics.stdev([*times[1], *times[2]])
    least = max(detectable(len(times[0])), _LEAST_SHIFT)
    # For normal spreads an AUC of a half and d corresponds to a distance of sqrt(2) z(0.5 + d) deviations.
    seconds = max(math.sqrt(2) * statistics.NormalDist().inv_cdf(min(0.5 + least, 0.999)) * spread, _LEAST_SECONDS)
    return (
        f"{len(found)} samples: AUC {last.auc:.2f}, p {last.p:.2g}, medians {last.seconds * 1000:+.1f} ms apart; "
        f"would have shown |AUC - 0.5| of {least:.2f}, here about {seconds * 1000:.0f} ms"
    )
