"""The erasure endpoints."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import ApiError, invalid_request, not_found
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.erasure.eraser import Eraser
from venturi.erasure.errors import NothingToErase, StillReadable

_ROOT = "/v1/tenants/{tenant_id}"
_WRITE, _READ = frozenset({"erasure:write"}), frozenset({"audit:read"})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Erasures:
    """Erases for the tenant that the gate let the caller into."""

    def __init__(self, eraser: Eraser) -> None:
        self._eraser = eraser

    def routes(self) -> list[Route]:
        """The endpoints."""
        certificates = f"{_ROOT}/erasure/certificates"
        return [
            Route("DELETE", f"{_ROOT}/subjects/{{id}}", self.shred, _WRITE),
            Route("POST", f"{_ROOT}/erasure", self.begin, _WRITE),
            Route("GET", certificates, self.certificates, _READ),
            Route("GET", f"{certificates}/{{id}}", self.certificate, _READ),
        ]

    async def shred(self, exchange: Exchange) -> Answer:
        """Crypto-shred one subject; the answer is the certificate."""
        subject = exchange.params["id"]
        if not _ID.fullmatch(subject):
            raise not_found()
        try:
            made = await self._eraser.shred(exchange.tenant, subject, exchange.caller.id, event_base(exchange))
        except NothingToErase:
            raise not_found() from None
        except StillReadable as reading:
            raise still_readable(reading) from None
        return json_answer(made, rows=1)

    async def begin(self, exchange: Exchange) -> Answer:
        """Record that the tenant is to be erased, and say what its key looks like now."""
        if exchange.json():
            raise invalid_request("The body must be empty or {}.")
        begun = await self._eraser.begin(exchange.tenant, exchange.caller.id, event_base(exchange))
        state = await self._settled(exchange)
        said = {"id": begun.id, "requested_at": _stamp(begun.requested_at), "key_state": state}
        return json_answer(said, status=202, rows=1)

    async def certificates(self, exchange: Exchange) -> Answer:
        """Every certificate of the tenant, the latest first."""
        state = await self._settled(exchange)
        found = await self._eraser.certificates(exchange.tenant)
        return json_answer({"key_state": state, "items": found}, rows=len(found))

    async def certificate(self, exchange: Exchange) -> Answer:
        """One certificate."""
        ident = exchange.params["id"]
        found = await self._eraser.certificates(exchange.tenant, ident) if _ID.fullmatch(ident) else []
        if not found:
            raise not_found()
        return json_answer(found[0], rows=1)

    async def _settled(self, exchange: Exchange) -> str:
        try:
            return (await self._eraser.settle(exchange.tenant, event_base(exchange))).value
        except StillReadable as reading:
            raise still_readable(reading) from None


def still_readable(reading: StillReadable) -> ApiError:
    """Nothing is certified while somebody can read."""
    return ApiError(409, "CONFLICT", str(reading), why="still readable")


def event_base(exchange: Exchange) -> dict[str, Any]:  # JSON
    """What an event of a step says of the request that it is part of."""
    who = exchange.caller
    return {
        "schema": "venturi.event/1",
        "ts_event": datetime.now(UTC).isoformat(timespec="microseconds"),
        "tenant_actor": who.tenant,
        "tenant_target": exchange.tenant,
        "actor": {
            "type": who.kind,
            "id": who.id,
            "person": who.person,
            "auth_method": "bearer",
            "scopes": sorted(who.scopes),
        },
        "trace": {
            "trace_id": exchange.trace.trace_id,
            "parent_id": exchange.trace.parent_id,
            "request_id": exchange.id,
        },
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
