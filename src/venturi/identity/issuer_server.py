"""The issuer process: one OpenID provider per tenant and the vendor's, on a loopback port of the system's choice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from venturi.identity.issuer import Issuer
from venturi.identity.issuer_app import IssuerApp
from venturi.runtime.asgi import serve_asgi
from venturi.settings import IssuerSettings

if TYPE_CHECKING:
    from venturi.parts import Parts


def build(settings: IssuerSettings) -> IssuerApp:
    """The issuers of these settings, with fresh signing keys."""
    issuers = {
        name: Issuer(
            clients, settings.audience, key=settings.keys.get(name, ""), published=settings.published.get(name, ())
        )
        for name, clients in settings.issuers.items()
    }
    return IssuerApp(issuers, settings.admin_secret, settings.keepers)


async def serve(
    settings: IssuerSettings,
    parts: Parts,  # noqa: ARG001  # every process is given the parts; this one is outside of what they decide
    announce: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Serve until `stop` is set; `announce` gets the base URL once requests are answered."""
    app = build(settings)

    def listening(base: str) -> None:
        app.base = base
        announce(base)

    await serve_asgi(app.asgi(), listening, stop)
