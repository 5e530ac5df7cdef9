"""Who does not end its header section is hung up on; who does, and whom the application keeps waiting, is not."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from venturi.runtime.asgi import serve_asgi
from venturi.runtime.patience import HEAD_BYTES, InOnePiece, PatientProtocol

_SECONDS = 0.4
_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """An application that takes twice as long as a header section may, to answer `done`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (said := (await receive())["type"]) and said != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await asyncio.sleep(2 * _SECONDS)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})

    base, stop = Future[str](), asyncio.Event()
    loop = asyncio.new_event_loop()
    patch = pytest.MonkeyPatch()
    patch.setattr(PatientProtocol, "head_seconds", _SECONDS)
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve_asgi(app, base.set_result, stop)))
    thread.start()
    yield int(base.result(10).rpartition(":")[2])
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()
    patch.undo()


@pytest.fixture
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened:
        yield opened


def _until_closed(line: socket.socket) -> bytes:
    said = b""
    while more := line.recv(65536):
        said += more
    return said


def test_a_header_section_that_does_not_end_is_timed_out(line: socket.socket) -> None:
    started = time.monotonic()
    line.sendall(_HEAD)
    assert _until_closed(line).startswith(b"HTTP/1.1 408 ")
    # The server began to count when the line was opened.
    assert time.monotonic() - started >= _SECONDS / 2


def test_a_trickle_of_headers_does_not_buy_time(line: socket.socket) -> None:
    started = time.monotonic()
    line.sendall(_HEAD)
    line.settimeout(_SECONDS / 8)
    said = b""
    while not said and time.monotonic() - started < 20 * _SECONDS:
        line.sendall(b"X-More: y\r\n")
        try:
            said = line.recv(65536)
        except TimeoutError:
            continue
    assert said.startswith(b"HTTP/1.1 408 ")


def test_who_says_nothing_is_hung_up_on_without_a_word(line: socket.socket) -> None:
    assert _until_closed(line) == b""


def test_a_header_section_without_end_is_too_large(line: socket.socket) -> None:
    line.sendall(_HEAD)
    with pytest.raises((ConnectionError, AssertionError)):  # noqa: PT012  # whichever of the two is met first
        for _ in range(HEAD_BYTES // 1024 * 4):
            line.sendall(b"X-More: " + b"y" * 1014 + b"\r\n")
        assert not _until_closed(line).startswith(b"HTTP/1.1 431 ")


def test_a_slow_answer_is_waited_for_and_the_next_header_section_timed_again(line: socket.socket) -> None:
    line.sendall(_HEAD + b"\r\n")
    said = b""
    while b"done" not in said:
        more = line.recv(65536)
        assert more
        said += more
    assert said.startswith(b"HTTP/1.1 200 ")
    line.sendall(_HEAD)
    assert _until_closed(line).startswith(b"HTTP/1.1 408 ")


def test_the_answer_to_head_is_not_held_back_for_a_body_that_never_comes(line: socket.socket) -> None:
    line.sendall(_HEAD.replace(b"GET", b"HEAD") + b"\r\n")
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        more = line.recv(65536)
        assert more
        said += more
    assert said.startswith(b"HTTP/1.1 200 ")


class _Transport:
    """Remembers what was written, and whether it was closed."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def _whole() -> tuple[InOnePiece, _Transport, Any]:
    transport = _Transport()
    cycle: Any = SimpleNamespace(transport=transport, response_started=False)
    return InOnePiece(cycle), transport, cycle


def test_a_header_section_goes_out_with_the_first_of_its_body_and_what_follows_by_itself() -> None:
    whole, transport, cycle = _whole()
    whole.write(b"100 ")
    assert transport.written == [b"100 "]
    cycle.response_started = True
    whole.write(b"head ")
    assert transport.written == [b"100 "]
    for chunk in (b"one", b"two", b""):
        whole.write(chunk)
    assert transport.written == [b"100 ", b"head one", b"two"]


def test_an_empty_body_and_a_connection_that_is_closed_let_the_header_section_go() -> None:
    for end in (lambda whole: whole.write(b""), InOnePiece.close):
        whole, transport, cycle = _whole()
        cycle.response_started = True
        whole.write(b"head")
        end(whole)
        assert transport.written == [b"head"]
        assert whole.is_closing() == (end is InOnePiece.close)
