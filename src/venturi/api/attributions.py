"""The attribution endpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from venturi.api.answer import Answer, json_answer
from venturi.api.cursors import Cursors
from venturi.api.errors import invalid_request, not_found
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.records.store import Attribution, Records
from venturi.records.wanted import EVERYTHING, Wanted

MOST_IDS = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PAGE, _LARGEST_PAGE = 50, 100
_LIST = "/v1/tenants/{tenant_id}/attributions"
_LOOKUPS = "/v1/tenants/{tenant_id}/attribution-lookups"
_TEXTS = ("channel", "touchpoint", "conversion", "subject_id")
_FILTERS = frozenset({*_TEXTS, "min_weight", "max_weight", "created_from", "created_before"})
_LONGEST_TEXT = 128
# No record was stored before or after these; the first and the last instants of the calendar have no spelling in UTC.
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)


class AttributionPage(msgspec.Struct):
    """One page of a listing."""

    items: list[Attribution]
    next_cursor: str | None


class Lookup(msgspec.Struct, forbid_unknown_fields=True):
    """The ids of the records that are wanted."""

    ids: Annotated[
        list[Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]], Meta(min_length=1, max_length=MOST_IDS)
    ]


class LookupAnswer(msgspec.Struct):
    """An answer for every id, in their order. No id is repeated: what is not there leaves no name behind."""

    items: list[Attribution | None]


class Attributions:
    """Serves the records of the tenant that the gate let the caller into."""

    def __init__(self, records: Records, cursors: Cursors) -> None:
        self._records = records
        self._cursors = cursors

    def routes(self) -> list[Route]:
        """The endpoints."""
        scope = frozenset({"attributions:read"})
        page = frozenset({"limit", "cursor"}) | _FILTERS
        return [
            Route("GET", _LIST, self.page, scope, page, grantable=True),
            Route("GET", f"{_LIST}/{{id}}", self.read, scope, grantable=True),
            Route("POST", _LOOKUPS, self.look_up, scope),
        ]

    async def read(self, exchange: Exchange) -> Answer:
        """One record."""
        record_id = exchange.params["id"]
        found = await self._records.get(exchange.tenant, record_id) if _ID.fullmatch(record_id) else None
        if found is None:
            raise not_found()
        return json_answer(found, rows=1)

    async def look_up(self, exchange: Exchange) -> Answer:
        """Several records; one that another tenant has is as absent as one that nobody has."""
        try:
            asked = msgspec.convert(exchange.json(), Lookup)
        except msgspec.ValidationError:
            raise invalid_request(f"ids must be 1 to {MOST_IDS} ids of records.") from None
        if len(set(asked.ids)) < len(asked.ids):
            raise invalid_request("An id is asked for more than once.")
        found = list(await self._records.many(exchange.tenant, asked.ids))
        return json_answer(LookupAnswer(found), rows=sum(each is not None for each in found))

    async def page(self, exchange: Exchange) -> Answer:
        """A page of records, in the order of their ids."""
        tenant = exchange.tenant
        limit = exchange.integer("limit", _PAGE, least=1, most=_LARGEST_PAGE)
        wanted = _wanted(exchange)
        # A cursor goes with its filters; with others it would skip what its reader never saw.
        listing = (
            f"{_LIST}?{urlencode(sorted((name, exchange.query[name]) for name in exchange.query.keys() & _FILTERS))}"
        )
        cursor = exchange.query.get("cursor")
        after = "" if cursor is None else self._cursors.read(tenant, listing, cursor)
        # One more than asked for tells whether there is a next page.
        found = list(await self._found(tenant, wanted, after, limit + 1))
        items, more = found[:limit], len(found) > limit
        following = self._cursors.write(tenant, listing, items[-1].id) if more else None
        return json_answer(AttributionPage(items, following), rows=len(items))

    async def _found(self, tenant: str, wanted: Wanted, after: str, limit: int) -> Sequence[Attribution]:
        if wanted == EVERYTHING:
            return await self._records.page(tenant, after, limit)
        return await self._records.select(tenant, wanted, after, limit)


def _wanted(exchange: Exchange) -> Wanted:
    """The filters of a request. Raises ApiError."""
    texts = {name: exchange.text(name, most=_LONGEST_TEXT) for name in _TEXTS}
    return Wanted(
        channel=texts["channel"],
        touchpoint=texts["touchpoint"],
        conversion=texts["conversion"],
        subject_id=texts["subject_id"],
        min_weight=exchange.number("min_weight", least=0, most=1),
        max_weight=exchange.number("max_weight", least=0, most=1),
        created_from=_clamped(exchange.instant("created_from")),
        created_before=_clamped(exchange.instant("created_before")),
    )


def _clamped(moment: datetime | None) -> datetime | None:
    return None if moment is None else min(max(moment, _FIRST), _LAST)
