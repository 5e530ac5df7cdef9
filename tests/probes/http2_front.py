"""An application for other people's HTTP/2 servers: it hands every request on to the API at BACKEND, over HTTP/1.1.

`x-came-by` tells the API what the request came by.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

Message = MutableMapping[str, Any]
"""An ASGI event. Any: its members are of many kinds."""
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Knows no authority, and is never asked: reading those that there are would take longer than the request."""
_HOP = {b"connection", b"content-length", b"host", b"keep-alive", b"te", b"transfer-encoding"}


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """ASGI 3."""
    if scope["type"] != "http":
        return
    body = b""
    while (event := await receive())["type"] == "http.request":
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    path = scope.get("raw_path") or scope["path"].encode()
    status, said = await _handed_on(scope, path, body) if path.startswith(b"/") else (400, b'{"error":"BAD_PATH"}')
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said})


async def _handed_on(scope: Message, path: bytes, body: bytes) -> tuple[int, bytes]:
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _HOP]
    headers.append((b"x-came-by", scope["http_version"].encode()))
    target = b"?".join(filter(None, (path, scope["query_string"]))).decode("latin-1")
    async with httpx.AsyncClient(trust_env=False, verify=_NO_TLS) as web:
        url = f"http://{os.environ['BACKEND']}{target}"
        answer = await web.request(scope["method"], url, headers=headers, content=body)
    return answer.status_code, answer.content
