"""The endpoints of aggregation: a tenant's consent and contributions, the releases, and the operator's runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from venturi.aggregation.consent.consents import BENCHMARKS, PURPOSES, Author, Consent, Consents, NoConsent
from venturi.aggregation.egress import Egress
from venturi.aggregation.pipeline import AggregationPipeline
from venturi.aggregation.release import NoRelease, public
from venturi.api.answer import Answer, json_answer
from venturi.api.errors import ApiError, invalid_request, not_found
from venturi.api.exchange import Exchange
from venturi.api.paths import Route

if TYPE_CHECKING:
    import asyncpg

_CONSENT = "/v1/tenants/{tenant_id}/aggregation/consent"
_RELEASES = "/v1/aggregation/{jurisdiction}/releases"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_MOST_RELEASES = 100
_RISKS = frozenset({"prosecutor", "marketer", "dominance"})


@dataclass(frozen=True)
class Readers:
    """Who may read which releases. `homes`: tenant to jurisdiction; `stores`: the API's view of each store."""

    homes: Mapping[str, str]
    stores: Mapping[str, asyncpg.Pool]


class ConsentEndpoints:
    """A tenant changes its consent and contributes under it, for the tenant that the gate let the caller into."""

    def __init__(self, consents: Consents, egress: Egress) -> None:
        self._consents, self._egress = consents, egress

    def routes(self) -> list[Route]:
        """The endpoints."""
        change, look = frozenset({"aggregation:consent"}), frozenset({"aggregation:consent", "audit:read"})
        purpose = frozenset({"purpose"})
        return [
            Route("GET", _CONSENT, self.state, look, purpose),
            Route("PUT", _CONSENT, self.give, change),
            Route("DELETE", _CONSENT, self.revoke, change, purpose),
            Route("POST", "/v1/tenants/{tenant_id}/aggregation/contribute", self.contribute, change),
        ]

    async def state(self, exchange: Exchange) -> Answer:
        """Whether consent stands, and what was given; it does not stand unless it was given."""
        purpose = _purpose(exchange.query)
        return json_answer(self._shown(purpose, await self._consents.last(exchange.tenant, purpose)), rows=1)

    async def give(self, exchange: Exchange) -> Answer:
        """Give consent: {"purpose", "scope"}, both of which have to be said."""
        body = exchange.json()
        scope = body.get("scope")
        if set(body) != {"purpose", "scope"} or not isinstance(scope, list) or not all(map(_is_text, scope)):
            raise invalid_request("Say the purpose and the scope, a list of attributes, and nothing else.")
        purpose = _purpose(body)
        try:
            given = await self._consents.give(exchange.tenant, purpose, scope, _author(exchange))
        except ValueError:
            raise invalid_request("The scope must name at least one attribute, of channel and month.") from None
        return json_answer(self._shown(purpose, given), rows=1)

    async def revoke(self, exchange: Exchange) -> Answer:
        """Revoke consent and tell the store; may be repeated, and is repeated before every run."""
        purpose = _purpose(exchange.query)
        if await self._consents.last(exchange.tenant, purpose) is not None:
            await self._consents.revoke(exchange.tenant, purpose, _author(exchange))
            await self._egress.withdraw(exchange.tenant, purpose)
        return await self.state(exchange)

    async def contribute(self, exchange: Exchange) -> Answer:
        """Push the tenant's contributions out, for a purpose that it has consented to."""
        purpose = _purpose(exchange.json())
        try:
            persons = await self._egress.contribute(exchange.tenant, purpose)
        except NoConsent:
            raise no_consent() from None
        return json_answer({"purpose": purpose, "persons": persons}, status=202)

    def _shown(self, purpose: str, last: Consent | None) -> dict[str, Any]:
        stands = last is not None and last.revoked_at is None
        return {"purpose": purpose, "given": stands, "consent": None if last is None else msgspec.to_builtins(last)}


class ReleaseEndpoints:
    """Releases of a jurisdiction for the tenants that live in it, and runs of its pipeline for the operator."""

    def __init__(self, readers: Readers, egress: Egress, pipelines: Mapping[str, AggregationPipeline]) -> None:
        self._readers, self._egress, self._pipelines = readers, egress, pipelines

    def routes(self) -> list[Route]:
        """The endpoints."""
        run = frozenset({"aggregation:run"})
        return [
            Route("GET", _RELEASES, self.list, query=frozenset({"after"})),
            Route("GET", f"{_RELEASES}/{{number}}", self.read),
            Route("POST", "/v1/aggregation/{jurisdiction}/runs", self.run, run),
        ]

    async def list(self, exchange: Exchange) -> Answer:
        """The numbers of the releases, oldest first, from behind the number `after`."""
        store = self._store(exchange)
        after = exchange.integer("after", 0, least=0, most=999_999_999)
        rows = await store.fetch(
            "SELECT number FROM releases WHERE number > $1 ORDER BY number LIMIT $2", after, _MOST_RELEASES
        )
        return json_answer({"releases": [row["number"] for row in rows]}, rows=len(rows))

    async def read(self, exchange: Exchange) -> Answer:
        """One release with its signature; the name `latest` is the last one."""
        store, asked = self._store(exchange), exchange.params["number"]
        if asked == "latest":
            row = await store.fetchrow("SELECT document, signature FROM releases ORDER BY number DESC LIMIT 1")
        elif _NUMBER.fullmatch(asked):
            row = await store.fetchrow("SELECT document, signature FROM releases WHERE number = $1", int(asked))
        else:
            row = None
        if row is None:
            raise not_found()
        return json_answer(public(row["document"], row["signature"]), rows=1)

    async def run(self, exchange: Exchange) -> Answer:
        """Make a release, or say why there is none. The operator may lower thresholds for a run, never raise one."""
        jurisdiction = exchange.params["jurisdiction"]
        pipeline = self._pipelines.get(jurisdiction)
        if pipeline is None or exchange.caller.kind != "support":
            raise not_found()
        test = pipeline.test.tightened(**_limits(exchange.json()))
        await self._egress.settle(jurisdiction, BENCHMARKS)
        try:
            made = await pipeline.run(test)
        except NoRelease as reason:
            raise no_release(str(reason)) from None
        return json_answer({"number": made.number}, status=201)

    def _store(self, exchange: Exchange) -> asyncpg.Pool:
        """The store of the path's jurisdiction, if the caller lives there or is the operator."""
        jurisdiction, caller = exchange.params["jurisdiction"], exchange.caller
        lives_there = caller.tenant is not None and self._readers.homes.get(caller.tenant) == jurisdiction
        if not lives_there and "aggregation:run" not in caller.scopes:
            raise not_found()
        if jurisdiction not in self._readers.stores:
            raise not_found()
        return self._readers.stores[jurisdiction]


def no_consent() -> ApiError:
    """The tenant has not consented, or no longer does."""
    return ApiError(403, "NO_CONSENT", "The tenant has not consented to contributing for this purpose.")


def no_release(reason: str) -> ApiError:
    """The run made no release; the reason names rules and thresholds, never a cell."""
    return ApiError(409, "NO_RELEASE", f"No release was made: {reason}.")


def _purpose(said: Mapping[str, object]) -> str:
    purpose = said.get("purpose")
    if not isinstance(purpose, str) or purpose not in PURPOSES:
        raise invalid_request(f"The purpose must be one of {', '.join(PURPOSES)}.")
    return purpose


def _limits(body: Mapping[str, object]) -> dict[str, float]:
    limits = body.get("thresholds", {})
    if not set(body) <= {"thresholds"} or not isinstance(limits, dict) or not set(limits) <= _RISKS:
        raise invalid_request(f"A run knows thresholds for {', '.join(sorted(_RISKS))}, and nothing else.")
    if not all(_is_share(value) for value in limits.values()):
        raise invalid_request("A threshold is a number from 0 to 1.")
    return {name: float(value) for name, value in limits.items()}


def _author(exchange: Exchange) -> Author:
    return Author(exchange.caller.id, exchange.caller.person, exchange.trace.trace_id)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str)
