"""What anybody may know of the deployment: that it lives, whether it is ready, and which one it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import unavailable
from venturi.api.exchange import Exchange
from venturi.api.paths import Route

if TYPE_CHECKING:
    import asyncpg

_SECONDS = 2.0


class Deployment:
    """Identity and health. `pools` are all the databases that a ready deployment reaches."""

    def __init__(self, deployment: str, version: str, pools: Sequence[asyncpg.Pool]) -> None:
        self._identity = {
            "product": "venturi",
            "deployment": deployment,
            "environment": "embedded",
            "version": version,
        }
        self._pools = pools

    def routes(self) -> list[Route]:
        """The endpoints, open to all."""
        return [
            Route("GET", "/healthz", self.healthy, public=True),
            Route("GET", "/readyz", self.ready, public=True),
            Route("GET", "/.well-known/venturi-deployment", self.identity, public=True),
        ]

    async def healthy(self, exchange: Exchange) -> Answer:  # noqa: ARG002  # a handler takes it
        """The process answers."""
        return json_answer({"status": "ok"})

    async def ready(self, exchange: Exchange) -> Answer:  # noqa: ARG002  # a handler takes it
        """Every database answers."""
        try:
            async with asyncio.timeout(_SECONDS):
                await asyncio.gather(*(pool.fetchval("SELECT 1") for pool in self._pools))
        except Exception:  # whatever it is, we are not ready
            raise unavailable() from None
        return json_answer({"status": "ready"})

    async def identity(self, exchange: Exchange) -> Answer:  # noqa: ARG002  # a handler takes it
        """Which deployment this is, so that nobody examines the wrong one."""
        return json_answer(self._identity)
