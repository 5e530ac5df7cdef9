"""What every probe is: something that acts on one target and needs certain capabilities to do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tenantproof.clients.target import Target


class Probe:
    """The base of all probes.

    `needs` names capabilities of the target: http, tokens, kms, trail, support. `uses` names those that a probe looks
    further with where they are there.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = frozenset()
    is_divided: ClassVar[bool] = False
    """Whether the shards of a run each try a part of what it tries; all other checks are made by one shard alone."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def close(self) -> None:
        """Let go of what the probe holds; called once, after the last check."""
