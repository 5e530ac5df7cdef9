"""Serves an ASGI application on loopback in a thread of its own, and issuers in particular."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import uvicorn
from starlette.types import ASGIApp

from venturi.identity.issuer_app import IssuerApp
from venturi.identity.issuer_server import build
from venturi.identity.keys import KeyCache, TrustedIssuer
from venturi.identity.principal import Verified
from venturi.identity.verifier import TokenVerifier
from venturi.runtime.listener import listen
from venturi.settings import ClientSettings, IssuerSettings

AUDIENCE = "https://api.example"
ADMIN = "admin secret"
KEEPERS = {"birch": "keeper of birch"}
_T = TypeVar("_T")


@contextmanager
def serving(app: ASGIApp, *, ready: Callable[[str], None] | None = None) -> Iterator[str]:
    """Serve `app` for as long as the block lasts; yields its base URL."""
    listening = listen()
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    if ready is not None:
        ready(base)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield base
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def client(name: str, issuer: str, *scopes: str) -> ClientSettings:
    """A client of an issuer; its secret and subject follow from its name."""
    return ClientSettings(
        client_id=f"{issuer}.{name}", client_secret=f"secret/{name}:+", subject=f"sub-{issuer}-{name}", scopes=scopes
    )


CLIENTS: dict[str, tuple[ClientSettings, ...]] = {
    "alder": (client("reader", "alder", "attributions:read", "audit:read"),),
    "birch": (client("reader", "birch", "attributions:read"),),
}


class Issuing:
    """A running issuer process, seen from outside."""

    def __init__(self, base: str) -> None:
        self.base = base

    def url(self, name: str) -> str:
        """Identifier of an issuer."""
        return f"{self.base}/issuers/{name}"

    def ask(self, name: str, **form: str) -> httpx.Response:
        """A token request by client_secret_post, as the issuer's reader unless the form says otherwise."""
        who = CLIENTS[name][0]
        sent = {
            "grant_type": "client_credentials",
            "client_id": who.client_id,
            "client_secret": who.client_secret,
            **form,
        }
        return httpx.post(f"{self.url(name)}/token", data=sent)

    def token(self, name: str, **form: str) -> str:
        """A genuine token."""
        answer = self.ask(name, **form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def rotate(self, name: str, body: object = None, secret: str = ADMIN) -> httpx.Response:
        """Rotate an issuer's key."""
        return httpx.post(f"{self.url(name)}/admin/rotate", json=body, headers={"Authorization": f"Bearer {secret}"})

    def trusted(self, *names: str) -> dict[str, TrustedIssuer]:
        """These issuers as a verifier's allow-list."""
        return {self.url(name): TrustedIssuer(self.url(name), f"{self.url(name)}/jwks") for name in names}


@contextmanager
def issuers() -> Iterator[Issuing]:
    """Run the issuers alder and birch."""
    app: IssuerApp = build(IssuerSettings(audience=AUDIENCE, issuers=CLIENTS, admin_secret=ADMIN, keepers=KEEPERS))
    with serving(app.asgi(), ready=lambda base: setattr(app, "base", base)) as base:
        yield Issuing(base)


class Verifying:
    """A verifier in an event loop of its own, so that its key cache lives from call to call."""

    def __init__(self, trusted: dict[str, TrustedIssuer], **cache: float) -> None:
        self._runner = asyncio.Runner()
        self.now = 0.0
        """Seconds that the verifier's clock is ahead."""

        async def make() -> tuple[httpx.AsyncClient, KeyCache]:
            web = httpx.AsyncClient(timeout=2, trust_env=False)
            return web, KeyCache(web, **cache)  # type: ignore[arg-type]  # the seconds only

        self._web, self.keys = self._runner.run(make())
        self.verifier = TokenVerifier(trusted, AUDIENCE, self.keys, lambda: time.time() + self.now)

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop."""
        return self._runner.run(coroutine)

    def verify(self, token: str) -> Verified:
        """Verify a token. Raises InvalidToken."""
        return self.run(self.verifier.verify(token))

    def close(self) -> None:
        """Close the loop."""
        self.run(self.keys.close())
        self.run(self._web.aclose())
        self._runner.close()
