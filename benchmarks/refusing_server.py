"""A server that refuses every request with the same octets, so that the client is what is measured."""

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
