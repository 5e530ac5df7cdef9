"""The endpoints that bring records out of the store and into it."""

from __future__ import annotations

import re
from typing import Annotated

import asyncpg
import msgspec
from msgspec import Meta

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import ApiError, invalid_request, unavailable
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.erasure.routes import event_base
from venturi.exports.bucket import BucketUnavailable
from venturi.exports.exporter import LONGEST_LINK, Exporter, TooMany
from venturi.records.store import NewAttribution, Records
from venturi.vault.errors import Unrecoverable

_ROOT = "/v1/tenants/{tenant_id}"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
_Text = Annotated[str, Meta(min_length=1, max_length=128)]


class ExportRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How long the link is to work, in seconds; JSON knows one kind of number, so 30.0 is a whole one too."""

    link_seconds: Annotated[float, Meta(ge=1, le=LONGEST_LINK, multiple_of=1)] = LONGEST_LINK


class ImportedRecord(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A record of the tenant's own history."""

    id: _Id
    subject_id: _Id
    touchpoint: _Text
    conversion: _Text
    channel: _Text
    weight: Annotated[float, Meta(ge=0, le=1)]
    note: Annotated[str, Meta(max_length=2048)]


class Exports:
    """Serves the tenant that the gate let the caller into."""

    def __init__(self, exporter: Exporter, records: Records) -> None:
        self._exporter = exporter
        self._records = records

    def routes(self) -> list[Route]:
        """The endpoints."""
        return [
            Route("POST", f"{_ROOT}/exports", self.export, frozenset({"exports:write"})),
            Route("POST", f"{_ROOT}/imports", self.take_in, frozenset({"attributions:write"})),
        ]

    async def export(self, exchange: Exchange) -> Answer:
        """Write all records into the tenant's bucket."""
        try:
            asked = msgspec.convert(exchange.json(), ExportRequest)
        except msgspec.ValidationError:
            raise invalid_request(f"link_seconds must be a whole number from 1 to {LONGEST_LINK}.") from None
        try:
            made = await self._exporter.export(
                exchange.tenant, int(asked.link_seconds), exchange.caller.id, event_base(exchange)
            )
        except TooMany:
            raise ApiError(409, "CONFLICT", "There are more records than one export takes.") from None
        except BucketUnavailable:
            raise unavailable() from None
        return json_answer(made, status=201, rows=made.records)

    async def take_in(self, exchange: Exchange) -> Answer:
        """Store one record of the tenant's own history. A subject that was erased is not begun again."""
        try:
            given = msgspec.convert(exchange.json(), ImportedRecord)
        except msgspec.ValidationError:
            raise invalid_request("The body is not one record; see the contract for its members.") from None
        texts = (given.touchpoint, given.conversion, given.channel, given.note)
        if any(_CONTROL.search(text) for text in texts):
            raise invalid_request("A text must not have control characters.")
        try:
            await self._records.add(exchange.tenant, NewAttribution(**msgspec.structs.asdict(given)))
        except asyncpg.UniqueViolationError:
            raise ApiError(409, "CONFLICT", "There is a record of that id already.") from None
        except Unrecoverable:
            raise ApiError(409, "CONFLICT", "That subject was erased.", why="erased subject") from None
        return json_answer({"id": given.id}, status=201, rows=1)
