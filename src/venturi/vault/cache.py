"""Plaintext data keys for a few seconds, so that a page of records does not cost a KMS call per field."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class DataKeyCache:
    """At most `size` keys, each for at most `seconds`, whether or not it is used meanwhile."""

    def __init__(self, seconds: float = 5.0, size: int = 512, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._clock = clock
        self._held: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()

    def find(self, tenant: str, subject: str) -> bytes | None:
        """The subject's key, unless it is older than it may be."""
        until, key = self._held.get((tenant, subject), (0.0, None))
        if key is None or self._clock() >= until:
            self._held.pop((tenant, subject), None)
            return None
        return key

    def keep(self, tenant: str, subject: str, key: bytes) -> None:
        """Hold a key; the oldest gives way when there are too many."""
        self._held[tenant, subject] = (self._clock() + self._seconds, key)
        self._held.move_to_end((tenant, subject))
        while len(self._held) > self._size:
            self._held.popitem(last=False)

    def forget(self, tenant: str, subject: str | None = None) -> None:
        """Drop one subject's key, or all of a tenant's."""
        gone = [held for held in self._held if held[0] == tenant and subject in (None, held[1])]
        for held in gone:
            del self._held[held]
