"""A server that refuses every request with the same octets, so that the client is what is measured."""

from __future__ import annotations

import asyncio
import socket

BODY = b'{"error":"INVALID_TOKEN","message":"The access token is not valid."}'
ANSWER = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY


class _Refusing(asyncio.Protocol):
    transport: asyncio.Transport
    waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream, so one that writes

    def data_received(self, data: bytes) -> None:
        requests = (self.waiting + data).split(b"\r\n\r\n")
        self.waiting = requests.pop()
        self.transport.write(ANSWER * len(requests))


def serve(listening: socket.socket) -> None:
    """Serve on a listening socket until the process ends."""

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(_Refusing, sock=listening)
        await server.serve_forever()

    try:
        import uvloop  # only here: not every machine has it
    except ImportError:
        asyncio.run(forever())
    else:
        uvloop.run(forever())
