"""Raw servers on the loopback that say exactly what a test tells them to, octet for octet."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Served:
    """Where a server listens, what it was sent (one entry per request), and how many connections it had."""

    host: str
    received: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}"


def request_from(connection: socket.socket) -> bytes:
    """One request without a body, or what came of it before the peer closed."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        if not (piece := connection.recv(65536)):
            return octets
        octets += piece
    return octets


@contextmanager
def serving(*scripts: Callable[[socket.socket, Served], None]) -> Iterator[Served]:
    """Run the n-th script on the n-th connection, the last one on all further ones."""
    listener = socket.create_server(("127.0.0.1", 0))
    served = Served(f"127.0.0.1:{listener.getsockname()[1]}")
    ended = threading.Event()
    open_ones: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket, script: Callable[[socket.socket, Served], None]) -> None:
        with connection, contextlib.suppress(OSError):
            script(connection, served)

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            script = scripts[min(served.connections, len(scripts) - 1)]
            served.connections += 1
            thread = threading.Thread(target=serve, args=(connection, script), daemon=True)
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield served
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        accepting.join(5)
        for thread in threads:
            thread.join(5)


def saying(*answers: bytes) -> Callable[[socket.socket, Served], None]:
    """A script that answers each request with the next of the answers, and then closes."""

    def script(connection: socket.socket, served: Served) -> None:
        for answer in answers:
            request = request_from(connection)
            if not request:
                return
            served.received.append(request)
            connection.sendall(answer)

    return script
