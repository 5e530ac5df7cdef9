"""Writes a refused attempt to enter a tenant into two trails: the actor's and the target's."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

from venturi.api.event import Event

if TYPE_CHECKING:
    from venturi.trail.trail import Receipt, Trail

VENDOR = "venturi"
"""Whose trail keeps what belongs to no tenant."""
_TOLD = ("schema", "kind", "log_id", "ts_event", "tenant_target", "trace", "decision", "result", "code")


class Refusals:
    """`trails` maps each tenant, and the vendor, to its trail."""

    def __init__(self, trails: Mapping[str, Trail]) -> None:
        self._trails = trails

    async def write(self, event: Event, actor: str, target: str) -> Receipt:
        """Make both records durable and return the receipt of the actor's.

        A target that doesn't exist costs the same: the vendor's trail takes its record, so that time tells nothing.
        """
        told = self.to_target(event, target)
        receipt = await self.to_actor(event, actor)
        await told
        return receipt

    async def to_actor(self, event: Event, actor: str) -> Receipt:
        """The actor's own copy, whole."""
        return await self._trails[actor].append(event)

    def to_target(self, event: Event, target: str) -> Awaitable[object]:
        """The target's copy, which is under way while the actor's is written."""
        trail = self._trails.get(target) or self._trails[VENDOR]
        return trail.keep(self.told(event))

    def told(self, event: Event) -> Event:
        """What the target may know: that it was tried, when, how it ended, and the ids that join the two records.

        Who tried is the other tenant's secret; the vendor can join the records when the target asks.
        """
        request = event["request"]
        return {
            **{name: event[name] for name in _TOLD},
            "tenant_actor": None,
            "actor": {"type": "support" if event["actor"]["type"] == "support" else "another tenant"},
            "request": {"method": request["method"], "route_template": request["route_template"]},
            "object": event["object"],
        }
