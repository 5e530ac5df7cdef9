"""A trail that can break and a desk that says what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from venturi.support.errors import SupportError, refusal
from venturi.support.model import Grant
from venturi.trail.event import Event
from venturi.trail.trail import Receipt, Trail, TrailUnavailable


class BreakableTrail(Trail):
    """A trail whose database can be taken away."""

    broken = False

    async def append(self, event: Event) -> Receipt:
        """Write an event, unless the trail is broken."""
        self._assert_whole()
        return await super().append(event)

    def keep(self, event: Event) -> Awaitable[object]:
        """The same without a receipt; whoever waits for it hears of it, as of a database that is gone."""
        if not self.broken:
            return super().keep(event)
        gone: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        gone.set_exception(TrailUnavailable("the trail's database is gone"))
        gone.exception()  # told already: nobody has to wait for it
        return gone

    def _assert_whole(self) -> None:
        if self.broken:
            raise TrailUnavailable("the trail's database is gone")


@dataclass
class ScriptedDesk:
    """Answers every step with `answer`, or refuses it with `refuses`; grants what stands in `grants`."""

    answer: dict[str, Any] = field(default_factory=lambda: {"id": "req_1", "state": "requested"})
    refuses: SupportError | None = None
    grants: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def __getattr__(self, step: str) -> Any:
        async def take(*arguments: Any) -> Any:
            self.asked.append((step, arguments))
            if self.refuses is not None:
                raise self.refuses
            return [self.answer] if step == "list" else self.answer

        return take

    async def authorize(self, principal: Any, tenant: str, request_id: str, scope: str, context: Any) -> Grant:
        """The grant of this id, if it is for this person and tenant."""
        if self.grants.get(request_id) != (principal.id, tenant):
            raise refusal("NO_GRANT", "no such grant")
        assert scope == "attributions:read"
        return Grant(
            request_id=request_id,
            tenant=tenant,
            digest="sha256:00",
            ticket="T-1",
            scope=(scope,),
            approver="somebody",
            ends_at=0.0,
        )
