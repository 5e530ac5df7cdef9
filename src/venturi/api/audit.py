"""The tenant's audit trail over HTTP: its events, its signed checkpoint and the proofs that tie them together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import invalid_request
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.api.refusals import VENDOR
from venturi.trail.heads import HeadTree

if TYPE_CHECKING:
    from venturi.trail.trail import Trail

_ROOT = "/v1/tenants/{tenant_id}/audit"
_TRACE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PAGE, _LARGEST_PAGE = 100, 500
_FURTHEST = 10**15 - 1


class Audit:
    """`trails` maps each tenant to its trail; the gate decides who gets here."""

    heads_kind: type[HeadTree] = HeadTree

    def __init__(self, trails: Mapping[str, Trail]) -> None:
        self._trails = trails
        self._heads = self.heads_kind(trails, VENDOR)

    def routes(self) -> list[Route]:
        """The endpoints."""
        scope = frozenset({"audit:read"})
        return [
            Route("GET", f"{_ROOT}/events", self.events, scope, frozenset({"after", "limit", "trace_id"})),
            Route("GET", f"{_ROOT}/checkpoint", self.checkpoint, scope),
            Route("GET", f"{_ROOT}/heads", self.heads, scope),
            Route("GET", f"{_ROOT}/proofs/inclusion", self.inclusion, scope, frozenset({"seq", "size"})),
            Route("GET", f"{_ROOT}/proofs/consistency", self.consistency, scope, frozenset({"from", "to"})),
        ]

    async def events(self, exchange: Exchange) -> Answer:
        """Events behind sequence number `after`, in order."""
        after = exchange.integer("after", -1, least=0, most=_FURTHEST)
        limit = exchange.integer("limit", _PAGE, least=1, most=_LARGEST_PAGE)
        trace_id = exchange.query.get("trace_id")
        if trace_id is not None and not _TRACE_ID.fullmatch(trace_id):
            raise invalid_request("trace_id must be 32 lower-case hexadecimal digits.")
        page = await self._trails[exchange.tenant].read(after, limit, trace_id)
        return json_answer(page, rows=len(page.events))

    async def checkpoint(self, exchange: Exchange) -> Answer:
        """The signed head of the tree, a C2SP signed note."""
        note = await self._trails[exchange.tenant].checkpoint()
        return Answer(200, note.encode(), "text/plain; charset=utf-8")

    async def heads(self, exchange: Exchange) -> Answer:
        """How the trail stands under the one head over all trails, without a word about the others."""
        return json_answer(await self._heads.standing(exchange.tenant))

    async def inclusion(self, exchange: Exchange) -> Answer:
        """Proof that an event is in the tree of a size (RFC 9162 section 2.1.3)."""
        seq = exchange.integer("seq", None, least=0, most=_FURTHEST)
        size = exchange.integer("size", None, least=1, most=_FURTHEST)
        try:
            return json_answer(await self._trails[exchange.tenant].inclusion(seq, size))
        except ValueError:
            raise invalid_request("seq and size do not lie within the trail.") from None

    async def consistency(self, exchange: Exchange) -> Answer:
        """Proof that a tree only grew (RFC 9162 section 2.1.4)."""
        old = exchange.integer("from", None, least=1, most=_FURTHEST)
        new = exchange.integer("to", None, least=1, most=_FURTHEST)
        try:
            return json_answer(await self._trails[exchange.tenant].consistency(old, new))
        except ValueError:
            raise invalid_request("from and to do not lie within the trail.") from None
