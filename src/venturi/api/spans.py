"""OpenTelemetry traces of requests, where somebody collects them: a span for each, with nothing of anybody's in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from venturi.api.exchange import EXCHANGE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from venturi.api.exchange import Exchange

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FAULT = 500


def provider(version: str, exporter: SpanExporter) -> TracerProvider:
    """A provider of tracers whose spans go to `exporter`, in batches. `shutdown()` sends what is left."""
    # What the environment says of a host, a user or a command line is nobody's business who collects spans.
    made = TracerProvider(resource=Resource({"service.name": "venturi-api", "service.version": version}))
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


def collector(url: str) -> SpanExporter:
    """An exporter to a collector, by OTLP over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=url)


class Traced:
    """An application with a span around every request.

    A span says which operation was asked for, by its template, and how it ended. It holds no tenant, path, query,
    header, body or token; whom it was about stands in the trail, under the same trace id.
    """

    def __init__(self, application: ASGIApp, tracers: TracerProvider) -> None:
        self._application = application
        self._tracer = tracers.get_tracer("venturi.api")
        self._context = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        # The trace that the client names, but neither its state nor its baggage: they are the client's own words.
        named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
        parent = self._context.extract({"traceparent": named[0]} if len(named) == 1 else {})
        span = self._tracer.start_span("request", parent, SpanKind.SERVER)
        status = _FAULT
        scope[EXCHANGE] = None

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._application(scope, receive, watched)
        finally:
            exchange: Exchange | None = scope.pop(EXCHANGE)
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            route = exchange.route.template if exchange and exchange.route else None
            span.update_name(f"{method} {route}" if route else method)
            span.set_attribute("http.request.method", method)
            span.set_attribute("http.response.status_code", status)
            if route:
                span.set_attribute("http.route", route)
            if exchange and exchange.refused:
                span.set_attribute("error.type", exchange.refused.code)
            if status >= _FAULT:
                span.set_status(Status(StatusCode.ERROR))
            span.end()
