"""Spans say what was asked and how it ended, and nothing of whom it was about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Receive, Scope, Send

from tests.api.test_isolation import traced
from venturi.api.answer import json_answer
from venturi.api.app import Api
from venturi.api.errors import ApiError, tenant_mismatch
from venturi.api.exchange import EXCHANGE, Exchange
from venturi.api.paths import Route, RouteTable
from venturi.api.spans import Traced, provider

SECRET = "cnry-not-for-anybody"


class Pipeline:
    """Finds the route, and answers as it is told to."""

    def __init__(self) -> None:
        self.routes = [Route("GET", "/v1/tenants/{tenant_id}/attributions/{id}", self._never)]
        self.refuses: ApiError | None = None
        self.breaks = False

    async def _never(self, exchange: Exchange) -> Any:
        raise AssertionError(exchange.path)

    async def answer(self, exchange: Exchange) -> Any:
        if exchange.method in (found := RouteTable(self.routes).find(exchange.path)):
            exchange.route, exchange.params = found[exchange.method]
        if self.breaks:
            raise RuntimeError(SECRET)
        exchange.refused = self.refuses
        return json_answer({"note": SECRET}, status=self.refuses.status if self.refuses else 200)


class Watched:
    """An API with spans that stay here."""

    def __init__(self) -> None:
        self.pipeline = Pipeline()
        self.exporter = InMemorySpanExporter()
        self.tracers = provider("1", self.exporter)
        api = Api(self.pipeline)  # type: ignore[arg-type]  # all that it asks of one
        self.application = Traced(api.asgi(), self.tracers)

    def send(self, method: str, path: str, **headers: str) -> None:
        async def body() -> None:
            inside = httpx.ASGITransport(self.application, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=inside, base_url="http://testclient") as web:
                await web.request(method, path, headers=headers)

        asyncio.run(body())

    def spans(self) -> list[Any]:
        self.tracers.force_flush()
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.tracers.shutdown()


def ask(watched: Watched, path: str = "/v1/tenants/acme/attributions/att_1?cursor=x", **headers: str) -> Any:
    watched.send("GET", path, Authorization="Bearer eyJ.secret.token", **headers)
    (span,) = watched.spans()
    return span


def test_a_span_names_the_operation_and_its_end(watched: Watched) -> None:
    span = ask(watched)
    assert span.name == "GET /v1/tenants/{tenant_id}/attributions/{id}"
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/v1/tenants/{tenant_id}/attributions/{id}",
    }
    assert dict(span.resource.attributes) == {"service.name": "venturi-api", "service.version": "1"}


def test_a_refusal_is_named_by_its_code_and_is_no_fault(watched: Watched) -> None:
    watched.pipeline.refuses = tenant_mismatch()
    span = ask(watched)
    assert span.attributes["error.type"] == "TENANT_MISMATCH"
    assert span.status.is_ok or span.status.is_unset


def test_a_fault_ends_its_span_without_its_words(watched: Watched) -> None:
    watched.pipeline.breaks = True
    span = ask(watched)
    assert (span.attributes["http.response.status_code"], span.events) == (500, ())
    assert not span.status.is_ok


def test_nothing_of_anybodys_stands_in_a_span(watched: Watched) -> None:
    trace, parent = traced(64)
    span = ask(
        watched, traceparent=parent, tracestate="tenant=acme", baggage=f"tenant=acme,key={SECRET}", Cookie="s=acme"
    )
    told = span.to_json()
    assert trace in told
    for word in ("acme", "att_1", "cursor", "Bearer", "eyJ", SECRET, "127.0.0.1", "testclient"):
        assert word not in told, word


def test_the_clients_trace_is_taken_up_when_it_names_one(watched: Watched) -> None:
    trace, parent = traced(65)
    assert f"{ask(watched, traceparent=parent).context.trace_id:032x}" == trace


@pytest.mark.parametrize("parent", ["", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01", "00-xyz"])
def test_a_trace_that_is_none_begins_a_new_one(watched: Watched, parent: str) -> None:
    span = ask(watched, traceparent=parent)
    assert span.parent is None
    assert span.context.trace_id


def test_an_unknown_path_or_method_is_told_without_its_words(watched: Watched) -> None:
    watched.send("ACME", "/v1/tenants/acme")
    watched.send("GET", "/acme")
    told = [span.to_json() for span in watched.spans()]
    assert len(told) == 2
    assert not [each for each in told if "acme" in each.lower()]


def test_what_is_no_request_has_no_span(watched: Watched) -> None:
    seen: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        seen.append(scope["type"])

    asyncio.run(Traced(application, watched.tracers)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
    assert not watched.spans()


def test_the_member_of_the_scope_is_the_one_that_the_api_fills() -> None:
    assert EXCHANGE == "venturi.exchange"
