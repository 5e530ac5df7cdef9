"""The socket that a process serves on."""

from __future__ import annotations

import os
import socket

import pytest

from venturi.runtime.listener import LISTENER, listen


def accepted_at_once(listening: socket.socket) -> bool:
    """Whether what is sent in pieces to whoever connects here goes out piece by piece."""
    with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
        return accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_no_piece_of_an_answer_waits_for_the_one_before_to_be_acknowledged() -> None:
    with listen() as listening:
        assert accepted_at_once(listening)


def test_nor_on_a_socket_that_was_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    handed = socket.create_server(("127.0.0.1", 0))
    assert not accepted_at_once(handed), "somebody else sees to it already, and the rest of this test shows nothing"
    monkeypatch.setenv(LISTENER, str(os.dup(handed.fileno())))
    with handed, listen() as listening:
        assert listening.getsockname() == handed.getsockname()
        assert accepted_at_once(listening)
