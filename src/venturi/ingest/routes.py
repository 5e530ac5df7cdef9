"""The endpoint that takes events."""

from __future__ import annotations

import re
from dataclasses import asdict

import msgspec

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import ApiError, invalid_request
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.ingest.events import MOST_EVENTS, Batch
from venturi.ingest.ingest import Ingest, KeyReused
from venturi.vault.errors import Unrecoverable

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,127}", re.ASCII)


class Events:
    """Takes events from the tenant that the gate let the caller into."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def routes(self) -> list[Route]:
        """The endpoint."""
        return [Route("POST", "/v1/tenants/{tenant_id}/events", self.accept, frozenset({"events:write"}))]

    async def accept(self, exchange: Exchange) -> Answer:
        """202 once the batch is durable: it will be resolved, whatever happens to this process."""
        key, batch = _key(exchange), _batch(exchange)
        try:
            accepted = await self._ingest.accept(exchange.tenant, key, batch)
        except KeyReused:
            raise ApiError(409, "CONFLICT", "This Idempotency-Key was used for another batch.") from None
        except Unrecoverable:
            raise erased() from None
        return json_answer(asdict(accepted), status=202, rows=accepted.accepted)


def erased() -> ApiError:
    """Nothing new is taken in about somebody who was erased."""
    return ApiError(409, "CONFLICT", "The batch names a subject that was erased.")


def _key(exchange: Exchange) -> str:
    key = exchange.header("idempotency-key")
    if key is None or not _KEY.fullmatch(key):
        raise invalid_request("Idempotency-Key must be 8 to 128 letters, digits, dots, colons, hyphens or underscores.")
    return key


def _batch(exchange: Exchange) -> Batch:
    try:
        batch = msgspec.convert(exchange.json(), Batch)
    except msgspec.ValidationError:
        raise invalid_request(
            f"The body must have events, 1 to {MOST_EVENTS} touchpoints and conversions as the contract describes them."
        ) from None
    if problem := batch.problem():
        raise invalid_request(problem)
    return batch
