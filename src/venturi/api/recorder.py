"""Puts the event of every answered request into the trails that it belongs to, before the answer leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from venturi.api.answer import Answer
from venturi.api.deadline import Deadline
from venturi.api.event import Event, event_of
from venturi.api.exchange import Exchange
from venturi.api.refusals import VENDOR, Refusals

if TYPE_CHECKING:
    from venturi.trail.trail import Receipt, Trail

_SECONDS = 5.0


class Recorder:
    """Waits at most five seconds for a record to be durable; then it is not one."""

    def __init__(self, trails: Mapping[str, Trail], refusals: Refusals, version: str) -> None:
        self._deadline = Deadline(_SECONDS)
        self._trails = trails
        self._refusals = refusals
        self._version = version

    async def recorded(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with its receipt. Raises whatever the trail raises, TimeoutError when it takes too long."""
        with self._deadline():
            receipt = await self._write(exchange, self.event(exchange, answer))
        if receipt is None:
            return answer
        headers = {**answer.headers, "Audit-Receipt": receipt.header()}
        return Answer(answer.status, answer.body, answer.content_type, headers, answer.rows)

    def event(self, exchange: Exchange, answer: Answer) -> Event:
        """What is recorded of a request and its answer."""
        return event_of(exchange, answer, self._version)

    def is_told(self, exchange: Exchange) -> bool:
        """Whether the tenant's own trail gets the event of somebody who came in with a grant."""
        return exchange.grant is not None

    async def _write(self, exchange: Exchange, event: Event) -> Receipt | None:
        who, target = exchange.principal, exchange.target
        if who is None:
            # Somebody unknown gets no receipt: it would tell how long the vendor's trail is.
            await self._trails[VENDOR].keep(event)
            return None
        home = who.tenant or VENDOR
        if exchange.refused is not None and exchange.refused.crossing and target is not None:
            return await self._refusals.write(event, home, target)
        if self.is_told(exchange) and target is not None:
            told = self._trails[target].keep(event)
            receipt = await self._trails[home].append(event)
            await told
            return receipt
        return await self._trails[home].append(event)
