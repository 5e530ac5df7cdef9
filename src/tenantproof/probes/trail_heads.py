"""Holds all trails to the one head over their heads: all stand in it, all are shown the same, and it tells nothing.

How a trail stands under it: a JSON object with `heads` (a C2SP checkpoint whose extension tells moments apart),
`checkpoint` (the trail's own signed head), `blind` (32 bytes in hex), `index` and `hashes` (the audit path). The leaf
is the leaf hash (RFC 6962) of the blind followed by the checkpoint.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import ClassVar

from tenantproof.clients.canaries import stands_in
from tenantproof.clients.transparency.merkle import WIDTH, extends, includes, leaf_hash
from tenantproof.clients.transparency.notes import Checkpoint, NoteError, NoteKey, opened
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, ALIKE, DIFFERENT, PRESENT, UNANSWERED, Outcome
from tenantproof.probes.probe import Probe
from tenantproof.probes.sighting import sight
from tenantproof.probes.trail_log import Look, TrailLog, hashes_of

_TRIES = 3
_PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class Standing:
    """How one tenant's trail stands: `over` is the head over all heads, `own` the trail's own; `why` it does not."""

    tenant: str
    look: Look
    over: Checkpoint | None = None
    own: Checkpoint | None = None
    index: int = -1
    why: str = ""

    @property
    def moment(self) -> tuple[str, ...]:
        """What tells the moment of the head over all heads from others."""
        return self.over.extensions if self.over else ()


class TrailHeads(Probe):
    """Every tenant asks how its own trail stands."""

    needs: ClassVar[frozenset[str]] = frozenset({"trail"})

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """The tenants whose trails can be held to one head: none, where the profile does not say how."""
        http = self.target.profile.http
        known = http.heads_key and "heads" in http.operations
        return tuple(each.id for each in self.target.profile.tenants if known and each.trail_key)

    @property
    def pairs(self) -> int:
        """How many ordered pairs of tenants there are."""
        return len(self.tenants) * (len(self.tenants) - 1)

    def stand(self) -> Iterator[Observation]:
        """Alike, for every tenant whose own head is in the head over all heads and leads on to its head of now."""
        for tenant in self.tenants:
            at = self._standing(tenant)
            deadline = time.monotonic() + self.target.profile.safety.timeout_seconds
            # A head over all heads is shown for a while: it may be older than a trail's first entry.
            while at.own is not None and at.own.size == 0 and time.monotonic() < deadline:
                time.sleep(_PAUSE_SECONDS)
                at = self._standing(tenant)
            yield self._sight(f"{tenant}'s trail stands under the head over all heads", at, at.why or self._goes_on(at))

    def agree(self) -> Iterator[Observation]:
        """Alike, for every tenant that is shown the same head over all heads as the first, and another place in it."""
        if not self.tenants:
            return
        seen = self._at_one_moment()
        for one in seen[1:]:
            what = f"{one.tenant} is shown the same head over all heads as {seen[0].tenant}"
            yield self._sight(what, one, _disagreement(seen[0], one))

    def tell(self) -> Iterator[Observation]:
        """Absent, for every pair of tenants of which one finds nothing of the other's head in how it stands itself."""
        seen = self._at_one_moment() if self.tenants else []
        for mine, theirs in permutations(seen, 2):
            found = [mark for mark in _marks(theirs) if stands_in(mark, mine.look.answer.body)]
            silent = not mine.look.answer.is_whole or not theirs.look.answer.is_whole
            outcome = PRESENT if found else UNANSWERED if silent else ABSENT
            what = f"{mine.tenant} looks for the head of {theirs.tenant} in how its own trail stands"
            unit = Unit(mine.tenant, theirs.tenant, "infer", "head over all heads")
            yield sight(what, mine.look.request, mine.look.answer, outcome, unit=unit)

    def _at_one_moment(self) -> list[Standing]:
        """Everybody's standing, read again if the moment changed meanwhile."""
        for _ in range(_TRIES):
            seen = [self._standing(tenant) for tenant in self.tenants]
            if len({each.moment for each in seen}) == 1:
                break
        return seen

    def _standing(self, tenant: str) -> Standing:
        look = TrailLog(self.target, tenant).ask("heads")
        if look.trouble:
            return Standing(tenant, look, why=look.trouble)
        page = look.page
        try:
            over = opened(str(page.get("heads")), NoteKey.parse(self.target.profile.http.heads_key))
            own = opened(str(page.get("checkpoint")), NoteKey.parse(self.target.tenant(tenant).trail_key))
        except NoteError as error:
            return Standing(tenant, look, why=str(error))
        index = page.get("index")
        if not isinstance(index, int) or isinstance(index, bool):
            return Standing(tenant, look, over, own, why="it names no place")
        return Standing(tenant, look, over, own, index, "" if _leads(page, over, index) else _NO_WAY)

    def _goes_on(self, at: Standing) -> str:
        """Why the trail's head of now does not continue the one that stands in the tree; empty when it does."""
        log = TrailLog(self.target, at.tenant)
        now, old = log.head().head, at.own
        if now is None or old is None:
            return "the trail's own head can't be read"
        if old.size == now.size:
            return "" if old.root == now.root else "the head that stands in the tree is another than the trail's own"
        if not 0 < old.size < now.size:
            return f"the head that stands in the tree is over {old.size} entries, and the trail has {now.size}"
        steps = hashes_of(log.ask("consistency", {"from": old.size, "to": now.size}).page)
        holds = steps is not None and extends(old.size, old.root, now.size, now.root, steps)
        return "" if holds else "the trail does not continue the head that stands in the tree"

    def _sight(self, what: str, at: Standing, why: str) -> Observation:
        outcome: Outcome = UNANSWERED if not at.look.answer.is_whole else DIFFERENT if why else ALIKE
        unit = Unit(at.tenant, at.tenant, "verify", "head over all heads")
        return sight(what, at.look.request, at.look.answer, outcome, unit=unit, notes=[why] if why else [])


_NO_WAY = "the proof does not lead from the trail's own head to the head over all heads"


def _leads(page: Mapping[str, object], over: Checkpoint, index: int) -> bool:
    """Whether the path leads from the leaf, which is made of the blind and the checkpoint, to the root."""
    steps = hashes_of(page)
    try:
        blind = bytes.fromhex(str(page.get("blind")))
    except ValueError:
        return False
    leaf = leaf_hash(blind + str(page.get("checkpoint")).encode())
    return steps is not None and len(blind) == WIDTH and includes(over.root, over.size, index, leaf, steps)


def _disagreement(one: Standing, other: Standing) -> str:
    """What two tenants are shown that can't be the same thing; empty when it can."""
    if one.over is None or other.over is None:
        return one.why or other.why or "there is no head over all heads"
    if one.moment != other.moment:
        return "no moment was met at which both were shown a head over all heads"
    if (one.over.size, one.over.root) != (other.over.size, other.over.root):
        return "for one and the same moment, two heads over all heads were signed"
    return "both stand at one place" if one.index == other.index else ""


def _marks(at: Standing) -> list[str]:
    """Everything by which a tenant's head would be known to whoever can guess it: name, root, and bare hashes."""
    note = str(at.look.page.get("checkpoint", ""))
    if at.own is None:
        return []
    body = note.rpartition("\n\n")[0] + "\n"
    bare = [text.encode() for text in (note, body, body.rstrip("\n"))] + [at.own.root]
    hashes = [make(data).hex() for data in bare for make in (leaf_hash, lambda data: hashlib.sha256(data).digest())]
    return [at.own.origin, at.own.root.hex(), base64.b64encode(at.own.root).decode(), *hashes]
