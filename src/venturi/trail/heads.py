"""One head over the heads of all trails: each tenant sees that its trail stands under the head that all are shown.

Who can show one tenant a trail and keep another for everybody else has to sign two such heads for the same moment. A
tenant's leaf is its own signed head behind a blind that nobody else learns, at a place that tells nothing, in a tree
that is filled up to a fixed size; every moment has blinds of its own, so no hash says whether a neighbour was busy.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from venturi.trail.checkpoint import Checkpoint
from venturi.trail.merkle import Tree, leaf_hash

if TYPE_CHECKING:
    from venturi.trail.trail import Trail

ORIGIN = "venturi.example/heads"
SECONDS = 5.0
"""For how long one head over all heads is shown; it is the same for everybody meanwhile."""
_PLACES = 256


class Standing(msgspec.Struct, frozen=True):
    """How a tenant's head stands under the head over all heads.

    Its leaf is the leaf hash (RFC 6962) of `blind`, 32 bytes, followed by `checkpoint`; `hashes` is the audit path.
    """

    heads: str
    checkpoint: str
    blind: str
    index: int
    hashes: list[str]


@dataclass(frozen=True)
class Moment:
    """What is shown for a while. `at` counts milliseconds since 1970 and is never used twice by one process."""

    at: int
    note: str
    tree: Tree
    checkpoints: Mapping[str, str]


class HeadTree:
    """`trails` maps every tenant to its trail; that of `vendor` lends its key and is in the tree like any other."""

    def __init__(self, trails: Mapping[str, Trail], vendor: str) -> None:
        self._trails, self._vendor = trails, vendor
        self._turn = asyncio.Lock()
        self._shown: Moment | None = None

    async def standing(self, tenant: str) -> Standing:
        """How the tenant's trail stands now. Raises KeyError for a tenant without one."""
        async with self._turn:
            now = int(time.time() * 1000)
            if self._shown is None or now - self._shown.at >= SECONDS * 1000:
                self._shown = await self.moment(max(now, self._shown.at + 1 if self._shown else 0))
            shown = self._shown
        index = self.places()[tenant]
        path = shown.tree.inclusion(index, len(shown.tree))
        blind = self.blind(shown.at, tenant)
        return Standing(shown.note, shown.checkpoints[tenant], blind.hex(), index, [step.hex() for step in path])

    async def moment(self, at: int) -> Moment:
        """A head over what all trails come to at this moment."""
        checkpoints = {name: await trail.checkpoint() for name, trail in self._trails.items()}
        named = {place: name for name, place in self.places().items()}
        tree = Tree()
        for place in range(self.size()):
            name = named.get(place)
            tree.append(self.filler(at, place) if name is None else self.leaf(at, name, checkpoints[name]))
        head = Checkpoint(ORIGIN, len(tree), tree.root(), (f"at {at}",))
        return Moment(at, self._trails[self._vendor].vouch(head), tree, checkpoints)

    def size(self) -> int:
        """How many places there are, which says nothing of how many are taken."""
        size = _PLACES
        while size < 2 * len(self._trails):
            size *= 2
        return size

    def places(self) -> dict[str, int]:
        """Everybody's place."""
        found: dict[str, int] = {}
        taken: set[int] = set()
        for name in sorted(self._trails):
            place = int.from_bytes(self._drawn("place", name)[:8]) % self.size()
            while place in taken:
                place = (place + 1) % self.size()
            taken.add(place)
            found[name] = place
        return found

    def leaf(self, at: int, name: str, checkpoint: str) -> bytes:
        """A tenant's leaf."""
        return leaf_hash(self.blind(at, name) + checkpoint.encode())

    def filler(self, at: int, place: int) -> bytes:
        """What stands where nobody does, and looks the same."""
        return leaf_hash(self._drawn("filler", f"{at}\n{place}"))

    def blind(self, at: int, name: str) -> bytes:
        """What keeps a leaf from being guessed: 32 bytes that only its tenant is told."""
        return self._drawn("blind", f"{at}\n{name}")

    @cached_property
    def _secret(self) -> bytes:
        return self._trails[self._vendor].secret("heads")

    def _drawn(self, purpose: str, about: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}\n{about}".encode(), hashlib.sha256)
