"""A client that hangs up leaves no traceback behind; whatever else goes wrong does."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler

import pytest

from tenantproof.clients.quiet_server import QuietServer


@pytest.mark.parametrize(
    ("fault", "said"),
    [(BrokenPipeError(), ""), (ConnectionResetError(), ""), (ValueError("wrong"), "ValueError: wrong")],
)
def test_only_what_is_no_hanging_up_is_told(fault: Exception, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            raise fault

    server = QuietServer(Handler)
    host, _, port = server.host.partition(":")
    with server.serving(), socket.create_connection((host, int(port)), timeout=10) as line:
        assert line.recv(1) == b""
    told = capfd.readouterr().err
    assert (said in told) if said else not told
