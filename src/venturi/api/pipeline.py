"""The one way through the API: authenticate, gate, scope, handle, record, answer, in that order."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

import asyncpg

from venturi.api.answer import Answer, refusal
from venturi.api.authenticate import Authenticator, check_scope
from venturi.api.errors import (
    ApiError,
    internal,
    invalid_request,
    key_unavailable,
    method_not_allowed,
    not_found,
    tenant_mismatch,
    trail_unavailable,
    unavailable,
)
from venturi.api.exchange import Exchange
from venturi.api.gate import TenantGate, TenantMismatch
from venturi.api.paths import Found, Route, RouteTable, is_ambiguous, tenant_in
from venturi.api.recorder import Recorder
from venturi.trail.errors import TrailUnavailable
from venturi.vault.errors import KeyUnavailable
from venturi.vault.freshness import one_request

if TYPE_CHECKING:
    from venturi.api.support import Support

_log = logging.getLogger("venturi.api")
_DOWN = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class Pipeline:
    """Answers requests. What can't be recorded isn't answered."""

    def __init__(
        self,
        routes: Sequence[Route],
        authenticator: Authenticator,
        gate: TenantGate,
        support: Support,
        recorder: Recorder,
    ) -> None:
        self.routes = routes
        self._authenticator = authenticator
        self._gate = gate
        self._support = support
        self._recorder = recorder

    @property
    def routes(self) -> Sequence[Route]:
        """Every operation."""
        return self._routes

    @routes.setter
    def routes(self, routes: Sequence[Route]) -> None:
        self._routes, self._table = routes, RouteTable(routes)

    async def answer(self, exchange: Exchange) -> Answer:
        """The answer to a request, its event durable unless the route is public."""
        found = self._table.find(exchange.path)
        if any(route.public for route, _ in found.values()):
            return await self._guarded(exchange, self._open_to_all(exchange, found))
        answer = await self._guarded(exchange, self._decided(exchange, found))
        try:
            return await self._recorder.recorded(exchange, answer)
        except Exception as fault:  # whatever it is, there is no record
            _log.error("trail unavailable: %s", type(fault).__name__)
            return refusal(trail_unavailable())

    async def _decided(self, exchange: Exchange, found: Found) -> Answer:
        exchange.check_headers()
        exchange.principal = await self._authenticator.principal(exchange)
        exchange.target = tenant_in(exchange.path)
        route = self._aim(exchange, found)
        if exchange.target is not None:
            await self._enter(exchange, route)
        if is_ambiguous(exchange.path):
            raise invalid_request("The path can be read in more than one way.")
        if route is None:
            raise method_not_allowed(_allowed(found)) if found else not_found()
        if exchange.grant is None:
            check_scope(exchange.caller, route.scopes)
        return await self._handled(exchange, route)

    def _aim(self, exchange: Exchange, found: Found) -> Route | None:
        if exchange.method not in found:
            return None
        exchange.route, exchange.params = found[exchange.method]
        return exchange.route

    async def _enter(self, exchange: Exchange, route: Route | None) -> None:
        """The gate, or for the vendor's people a grant."""
        caller, target = exchange.caller, exchange.tenant
        if caller.kind == "support" and route is not None and route.grantable:
            exchange.grant = await self._support.granted(exchange, route.scopes)
            return
        try:
            self._gate.check(caller, target)
        except TenantMismatch:
            raise tenant_mismatch() from None

    async def _handled(self, exchange: Exchange, route: Route) -> Answer:
        exchange.read_query(route.query)
        await exchange.read_body()
        with one_request():
            return await route.handler(exchange)

    async def _open_to_all(self, exchange: Exchange, found: Found) -> Answer:
        route = self._aim(exchange, found)
        if route is None:
            raise method_not_allowed(_allowed(found))
        return await self._handled(exchange, route)

    async def _guarded(self, exchange: Exchange, deciding: Awaitable[Answer]) -> Answer:
        """The answer, or the refusal that stands for whatever went wrong."""
        try:
            return await deciding
        except ApiError as refused:
            exchange.refused = refused.kept()
        except TrailUnavailable:
            exchange.refused = trail_unavailable()
        except KeyUnavailable:
            exchange.refused = key_unavailable()
        except _DOWN as fault:
            # Only the kind of fault: a message may quote what the client sent.
            _log.error("unavailable: %s", type(fault).__name__)
            exchange.refused = unavailable()
        except Exception as fault:  # a fault of ours is recorded and answered like any request
            _log.error("internal fault: %s", type(fault).__name__)
            exchange.refused = internal()
        return refusal(exchange.refused)


def _allowed(found: Found) -> str:
    return ", ".join(sorted(found))
