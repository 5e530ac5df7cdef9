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
        return socket.socket(fileno=int(handed))
    return socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
