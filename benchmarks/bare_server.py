"""What a refusal costs with nothing of ours but the verification: Starlette on uvicorn, both as they come, answers 403.

`python -m benchmarks.bare_server ISSUER JWKS AUDIENCE` prints its URL and serves until the end of standard input. The
first line there is empty, or the login (JSON) to a database that has to do the least it can before each answer leaves.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import asyncpg
import httpx
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from venturi.identity.keys import KeyCache, TrustedIssuer
from venturi.identity.verifier import TokenVerifier
from venturi.runtime.listener import listen

_Login: TypeAlias = dict[str, Any]  # JSON
_BODY = {"error": "TENANT_MISMATCH", "message": "Token tenant does not match the requested tenant."}


async def serve(issuer: str, keys: str, audience: str, login: _Login | None) -> None:
    """Serve until the end of standard input."""
    statement = await _statement(login) if login else _nothing
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(stop.set)), daemon=True).start()
    async with httpx.AsyncClient(trust_env=False) as web:
        verifier = TokenVerifier({issuer: TrustedIssuer(issuer, keys)}, audience, KeyCache(web))

        async def refuse(request: Request) -> JSONResponse:
            await verifier.verify(request.headers["authorization"].removeprefix("Bearer "))
            await statement()
            return JSONResponse(_BODY, 403)

        application = Starlette(routes=[Route("/v1/tenants/{tenant}/attributions/{id}", refuse)])
        listener = listen()
        config = uvicorn.Config(application, loop="none", http="httptools", access_log=False, log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await stop.wait()
        server.should_exit = True
        await serving


async def _nothing() -> None:
    """What has to be done where there is no database."""


async def _statement(login: _Login) -> Callable[[], Awaitable[None]]:
    """One statement, the shortest there is, over one connection that is kept."""
    trusting = ssl.create_default_context(cafile=login.pop("ca"))
    connection = await asyncpg.connect(**login, ssl=trusting)
    turn = asyncio.Lock()

    async def statement() -> None:
        async with turn:
            await connection.execute("SELECT 1")

    return statement


if __name__ == "__main__":
    issuer, keys, audience = sys.argv[1:]
    uvloop.run(serve(issuer, keys, audience, json.loads(sys.stdin.readline().strip() or "null")))
