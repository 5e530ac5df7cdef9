"""The socket that a process serves on: the one that the supervisor holds for it, or one of its own."""

from __future__ import annotations

import os
import socket

LISTENER = "VENTURI_LISTENER"
"""Names, in the environment, the descriptor of the socket that the supervisor handed over."""
_BACKLOG = 512


def listen() -> socket.socket:
    """Listens on 127.0.0.1 already."""
    if handed := os.environ.get(LISTENER):
        listening = socket.socket(fileno=int(handed))
    else:
        listening = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    # asyncio would do it for connections that name their protocol, and those that are accepted don't: an answer in two
    # pieces waits 40 ms for whoever acknowledges the first one late (RFC 9293, 3.7.4).
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
