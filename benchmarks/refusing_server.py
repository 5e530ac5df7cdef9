"""Servers that refuse every request, and do nothing else: three floors of the same house.

The bare framework is what a service is written in; uvicorn is what carries the framework; a bare protocol is what
carries uvicorn, and as fast as a server in Python gets. See decision 0041 for what is measured against which.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class _Refusing(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, answer: bytes) -> None:
        self._answer, self._waiting = answer, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream, so one that writes

    def data_received(self, data: bytes) -> None:
        requests = (self._waiting + data).split(b"\r\n\r\n")
        self._waiting = requests.pop()
        self.transport.write(self._answer * len(requests))


def serve_framework(listening: socket.socket, status: str, body: bytes, core: int) -> None:
    """Serve by Starlette on uvicorn: one route, and a handler that refuses."""
    from starlette.applications import Starlette  # only here: a harness alone does not have it
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def refuse(request: Request) -> Response:
        del request
        return Response(body, int(status[:3]), media_type="application/json")

    _by_uvicorn(Starlette(routes=[Route("/{path:path}", refuse)]), listening, core)


def serve_uvicorn(listening: socket.socket, status: str, body: bytes, core: int) -> None:
    """Serve by uvicorn, with no framework."""
    from starlette.types import Receive, Scope, Send  # only here: as above

    code, headers = int(status[:3]), [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    _by_uvicorn(refuse, listening, core)


def _by_uvicorn(application: ASGIApp, listening: socket.socket, core: int) -> None:
    import uvicorn  # only here: part of the reference deployment

    os.sched_setaffinity(0, {core})
    config = uvicorn.Config(application, log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


def serve_protocol(listening: socket.socket, status: str, body: bytes, core: int) -> None:
    """Serve the same octets to whatever ends in an empty line: on a listening socket and one core, until it ends."""
    os.sched_setaffinity(0, {core})
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = head.encode() + body

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Refusing(answer), sock=listening)
        await server.serve_forever()

    try:
        import uvloop  # only here: not every machine has it
    except ImportError:
        asyncio.run(forever())
    else:
        uvloop.run(forever())
