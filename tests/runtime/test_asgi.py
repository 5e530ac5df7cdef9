"""Where a request comes from is what the socket says, or a proxy that was named."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from venturi.runtime.asgi import serve_asgi

_ELSEWHERE = "192.0.2.1"


async def _who_asks(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the address that the request is said to come from."""
    if scope["type"] == "lifespan":
        while (said := (await receive())["type"]) != "lifespan.shutdown":
            await send({"type": f"{said}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})


async def _asked(proxies: Collection[str]) -> str:
    base, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
    serving = asyncio.create_task(serve_asgi(_who_asks, base.set_result, stop, proxies=proxies))
    async with httpx.AsyncClient(trust_env=False) as web:
        answer = await web.get(await base, headers={"X-Forwarded-For": _ELSEWHERE})
    stop.set()
    await serving
    return answer.text


@pytest.mark.parametrize(
    ("proxies", "seen"),
    [((), "127.0.0.1"), (("192.0.2.7",), "127.0.0.1"), (("127.0.0.1",), _ELSEWHERE)],
    ids=["no proxy", "another proxy", "this proxy"],
)
def test_only_a_proxy_that_was_named_says_whom_it_asks_for(proxies: Collection[str], seen: str) -> None:
    assert asyncio.run(_asked(proxies)) == seen
