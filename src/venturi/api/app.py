"""The ASGI application: hands every request to the pipeline, whatever its path or method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from venturi.api.deployment import Deployment
from venturi.api.exchange import EXCHANGE, Exchange
from venturi.api.paths import Route
from venturi.api.pipeline import Pipeline
from venturi.scoring.routes import Scoring

if TYPE_CHECKING:
    import asyncpg

    from venturi.identity.binding import Binding
    from venturi.identity.verifier import TokenVerifier
    from venturi.parts import Parts
    from venturi.records.store import Records
    from venturi.scoring.scorer import Scorer
    from venturi.settings import ApiSettings
    from venturi.support.desk import SupportDesk
    from venturi.trail.trail import Trail

# Nothing that we say may be kept by a cache: what one tenant was told must never answer another.
_HEADERS = {"Cache-Control": "no-store", "Vary": "Authorization", "X-Content-Type-Options": "nosniff"}


class Api:
    """Runs the pipeline for every HTTP request and writes its answer."""

    headers: ClassVar[Mapping[str, str]] = _HEADERS
    """What every answer carries."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._always = _encoded(self.headers)

    @property
    def routes(self) -> Sequence[Route]:
        """Every operation."""
        return self.pipeline.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        exchange = Exchange.of(Request(scope, receive))
        if EXCHANGE in scope:  # somebody watches
            scope[EXCHANGE] = exchange
        answer = await self.pipeline.answer(exchange)
        headers = {**self._always, **_encoded(answer.headers), b"content-type": answer.content_type.encode()}
        headers[b"content-length"] = b"%d" % len(answer.body)
        await send({"type": "http.response.start", "status": answer.status, "headers": list(headers.items())})
        await send({"type": "http.response.body", "body": answer.body})

    def asgi(self) -> ASGIApp:
        """The application, with no routing but our own: a framework's decodes paths before it matches them."""
        return self


def _encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}


async def _live(receive: Receive, send: Send) -> None:
    """Say that we are ready, and later that we are done: what there is to open and close is not the application's."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def build(
    settings: ApiSettings,
    parts: Parts,
    *,
    verifier: TokenVerifier,
    binding: Binding,
    records: Records,
    trails: Mapping[str, Trail],
    desk: SupportDesk,
    scorer: Scorer,
    pools: Sequence[asyncpg.Pool],
    areas: Sequence[Route] = (),
) -> Api:
    """The API over parts that are built already. `trails` holds the vendor's too, under its name.

    `areas` are the routes of areas that are put together elsewhere.
    """
    tenants = frozenset(tenant.id for tenant in settings.tenants)
    support = parts.support(desk, tenants)
    routes = [
        *Deployment(settings.deployment, settings.version, pools).routes(),
        *parts.attributions(records, parts.cursors(settings.cursor_key.encode())).routes(),
        *parts.audit(trails).routes(),
        *support.routes(),
        *Scoring(scorer).routes(),
        *areas,
    ]
    recorder = parts.recorder(trails, parts.refusals(trails), settings.version)
    pipeline = parts.pipeline(routes, parts.authenticator(verifier, binding), parts.gate(), support, recorder)
    return parts.api(pipeline)
