"""A connection whose header sections have to end: in time, and within a size. uvicorn waits for ever and takes any.

And it answers in one piece, where uvicorn writes twice.
"""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 64 * 1024
"""Of what has come while a header section is incomplete."""


class InOnePiece:
    """Holds the header section of a response back until its body comes: two writes cost twice what one does."""

    __slots__ = ("_cycle", "_head", "_transport")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._transport = cycle.transport
        self._cycle: RequestResponseCycle | None = cycle
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write, or hold what is the first of the response; a 100 (Continue) goes out before there is one."""
        if self._cycle is not None and self._cycle.response_started:
            # Let go of it, or the two keep each other alive.
            self._cycle, self._head = None, data
        else:
            self._flush(data)

    def close(self) -> None:
        """Write what is held, and close."""
        self._flush(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()

    def _flush(self, data: bytes) -> None:
        if whole := self._head + data:
            self._head = b""
            self._transport.write(whole)


class PatientProtocol(HttpToolsProtocol):
    """Hangs up on who does not end its header section: 408 if it is slow (RFC 9110), 431 if it is long (RFC 6585)."""

    head_seconds = 10.0
    _until: float | None = None
    """When the header section that has begun has to be complete, by the loop's clock."""
    _timer: asyncio.TimerHandle | None = None
    _size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._until = None
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, while what is not complete yet is short enough."""
        before = self._until
        super().data_received(data)
        # Of the data in which a header section began, all but its end may have been of the request before.
        self._size += len(data) if self._until is before else 1
        if self._until is not None and self._size > HEAD_BYTES:
            self._hang_up("431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Begin to wait for the end of a header section, if it has not begun with the connection."""
        super().on_message_begin()
        if self._until is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Wait no more: what comes of the body is the application's."""
        self._until = None
        super().on_headers_complete()
        # A response to HEAD has no body that its header section could wait for.
        if self.cycle is not None and self.scope["method"] != "HEAD":
            self.cycle.transport = cast("asyncio.Transport", InOnePiece(self.cycle))

    def _wait(self) -> None:
        self._size, self._until = 0, self.loop.time() + self.head_seconds
        if self._timer is None:
            self._timer = self.loop.call_at(self._until, self._rung)

    def _rung(self) -> None:
        # One timer outlives many header sections, which nearly all end at once: it is not set for each.
        self._timer = None
        if self._until is None:
            return
        if self.loop.time() < self._until:
            self._timer = self.loop.call_at(self._until, self._rung)
        else:
            self._hang_up("408 Request Timeout")

    def _hang_up(self, status: str) -> None:
        self._until = None
        if self._size and not self.transport.is_closing():
            # To who said nothing there is nothing to answer.
            self.transport.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        self.transport.close()
