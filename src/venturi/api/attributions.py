"""The attribution endpoints."""

from __future__ import annotations

import re

import msgspec

from venturi.api.answer import Answer, json_answer
from venturi.api.cursors import Cursors
from venturi.api.errors import not_found
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.records.store import Attribution, Records

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PAGE, _LARGEST_PAGE = 50, 100
_LIST = "/v1/tenants/{tenant_id}/attributions"


class AttributionPage(msgspec.Struct):
    """One page of a listing."""

    items: list[Attribution]
    next_cursor: str | None


class Attributions:
    """Serves the records of the tenant that the gate let the caller into."""

    def __init__(self, records: Records, cursors: Cursors) -> None:
        self._records = records
        self._cursors = cursors

    def routes(self) -> list[Route]:
        """The endpoints."""
        scope = frozenset({"attributions:read"})
        page = frozenset({"limit", "cursor"})
        return [
            Route("GET", _LIST, self.page, scope, page, grantable=True),
            Route("GET", f"{_LIST}/{{id}}", self.read, scope, grantable=True),
        ]

    async def read(self, exchange: Exchange) -> Answer:
        """One record."""
        record_id = exchange.params["id"]
        found = await self._records.get(exchange.tenant, record_id) if _ID.fullmatch(record_id) else None
        if found is None:
            raise not_found()
        return json_answer(found, rows=1)

    async def page(self, exchange: Exchange) -> Answer:
        """A page of records, in the order of their ids."""
        tenant = exchange.tenant
        limit = exchange.integer("limit", _PAGE, least=1, most=_LARGEST_PAGE)
        cursor = exchange.query.get("cursor")
        after = "" if cursor is None else self._cursors.read(tenant, _LIST, cursor)
        # One more than asked for tells whether there is a next page.
        found = list(await self._records.page(tenant, after, limit + 1))
        items, more = found[:limit], len(found) > limit
        following = self._cursors.write(tenant, _LIST, items[-1].id) if more else None
        return json_answer(AttributionPage(items, following), rows=len(items))
