"""The least that a refusal can cost: Starlette on uvicorn, which verifies the bearer token and answers 403.

`python -m benchmarks.bare_server ISSUER JWKS AUDIENCE` prints its URL and serves until the end of standard input.
"""

from __future__ import annotations

import asyncio
import sys
import threading

import httpx
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from venturi.identity.keys import KeyCache, TrustedIssuer
from venturi.identity.verifier import TokenVerifier
from venturi.runtime.asgi import serve_asgi

_BODY = {"error": "TENANT_MISMATCH", "message": "Token tenant does not match the requested tenant."}


async def serve(issuer: str, keys: str, audience: str) -> None:
    """Serve until the end of standard input."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(stop.set)), daemon=True).start()
    async with httpx.AsyncClient(trust_env=False) as web:
        verifier = TokenVerifier({issuer: TrustedIssuer(issuer, keys)}, audience, KeyCache(web))

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            await verifier.verify(Request(scope).headers["authorization"].removeprefix("Bearer "))
            await JSONResponse(_BODY, 403)(scope, receive, send)

        application = Starlette()
        application.router.default = refuse
        await serve_asgi(application, lambda url: print(url, flush=True), stop)


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))
