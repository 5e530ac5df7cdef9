"""Servers that refuse every request with the same octets: a bare protocol, which is as fast as Python has them, so that
the client is what is measured; and the stack that a real service stands on (uvicorn), with nothing behind it.
"""

from __future__ import annotations

import asyncio
import os
import socket


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


def serve_on_the_stack(listening: socket.socket, status: str, body: bytes, core: int) -> None:
    """The same answer by uvicorn."""
    import uvicorn  # only here: part of the reference deployment, which a harness alone does not have
    from starlette.types import Receive, Scope, Send

    os.sched_setaffinity(0, {core})
    code, headers = int(status[:3]), [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(refuse, log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


def serve(listening: socket.socket, status: str, body: bytes, core: int) -> None:
    """Serve on a listening socket and one core until the process ends."""
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
