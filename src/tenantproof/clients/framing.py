"""Reads one HTTP/1.1 response from a socket, within limits of size and time, and trusts nothing that it reads."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field

from tenantproof.clients.exchange import Headers

HEAD_LIMIT = 64 * 1024
"""Octets of status line and headers, together."""
BODY_LIMIT = 8 * 1024 * 1024
_INTERIM_LIMIT = 8
_READ = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([^\r\n\0]*))?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n\0]*)?")


class BrokenAnswerError(Exception):
    """The response can't be read; the message says what is wrong with it, as a sentence."""


class SilentError(Exception):
    """The connection gave no (more) octets: closed in good order, out of time, or (neither) broken."""

    def __init__(self, why: str, *, closed: bool = False, late: bool = False) -> None:
        super().__init__(why)
        self.closed, self.late = closed, late


@dataclass
class Reading:
    """What has been read so far; it is kept when the rest never comes."""

    status: int = 0
    reason: str = ""
    headers: Headers = ()
    body: bytearray = field(default_factory=bytearray)
    started: bool = False
    """Whether any octet of an answer came."""
    reusable: bool = False
    """Whether the connection may carry another request."""


class Reader:
    """Reads from a socket until a deadline (in the monotonic clock's seconds)."""

    def __init__(self, connection: socket.socket, deadline: float, allowed: float) -> None:
        self._connection, self._deadline, self._allowed = connection, deadline, allowed
        self._buffer = bytearray()
        self.reading = Reading()

    def read(self, method: str) -> Reading:
        """The response to a request of that method.

        Raises BrokenAnswerError or SilentError; `reading` then keeps what came.
        """
        reading = self.reading
        is_keep_alive = self._head()
        if method == "HEAD" or reading.status in {204, 304}:
            reading.reusable = is_keep_alive and not self._buffer
            return reading
        delimited = self._body()
        reading.reusable = is_keep_alive and delimited and not self._buffer
        return reading

    def _head(self) -> bool:
        """Read heads until one is final. Returns whether the connection outlives the response."""
        for _ in range(_INTERIM_LIMIT):
            version = self._one_head()
            if self.reading.status == 101:
                raise BrokenAnswerError("101 Switching Protocols was answered, and nobody asked for it")
            if self.reading.status >= 200:
                connection = {token for value in self._values("connection") for token in _tokens(value)}
                return "close" not in connection and (version == b"1" or "keep-alive" in connection)
        raise BrokenAnswerError(f"more than {_INTERIM_LIMIT} interim responses came before a final one")

    def _one_head(self) -> bytes:
        budget = HEAD_LIMIT
        line = self._line(budget)
        status = _STATUS_LINE.fullmatch(line)
        if not status:
            raise BrokenAnswerError(f"the status line is not HTTP/1: {line[:60]!r}")
        self.reading.status = int(status[2])
        self.reading.reason = (status[3] or b"").decode("latin-1")
        headers: list[tuple[str, str]] = []
        try:
            while line:
                budget -= len(line) + 2
                line = self._line(budget)
                if line:
                    headers.append(_field(line))
        finally:
            self.reading.headers = tuple(headers)
        return status[1]

    def _line(self, budget: int) -> bytes:
        """One line without its CRLF, of at most `budget` octets."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > budget:
                raise BrokenAnswerError(f"the head is longer than {HEAD_LIMIT} octets")
            self._fill()
        if end > budget:
            raise BrokenAnswerError(f"the head is longer than {HEAD_LIMIT} octets")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r"):
            raise BrokenAnswerError(f"a line of the head ends in LF without CR: {line[:60]!r}")
        return line[:-1]

    def _body(self) -> bool:
        """Read the body. Returns whether its end was marked by anything but the end of the connection."""
        coding = self._values("transfer-encoding")
        lengths = {length.strip() for value in self._values("content-length") for length in value.split(",")}
        if coding and lengths:
            raise BrokenAnswerError("both Transfer-Encoding and Content-Length say how long the body is")
        if coding:
            if [token for value in coding for token in _tokens(value)] != ["chunked"]:
                raise BrokenAnswerError(f"the transfer coding is not chunked: {', '.join(coding)[:60]!r}")
            self._chunks()
        elif lengths:
            self._exactly(_length(lengths))
        else:
            self._rest()
            return False
        return True

    def _chunks(self) -> None:
        while size := self._chunk_size():
            self._exactly(size)
            if self._line(2):
                raise BrokenAnswerError("a chunk is longer than its size says")
        budget = HEAD_LIMIT
        while line := self._line(budget):
            budget -= len(line) + 2
            _field(line)

    def _chunk_size(self) -> int:
        line = self._line(1024)
        size = _CHUNK_SIZE.fullmatch(line)
        if not size:
            raise BrokenAnswerError(f"a chunk has no readable size: {line[:60]!r}")
        return int(size[1], 16)

    def _exactly(self, length: int) -> None:
        """Move `length` octets from the connection to the body."""
        if len(self.reading.body) + length > BODY_LIMIT:
            # What fits is still read: a leak may stand in the first octets.
            self._take(BODY_LIMIT - len(self.reading.body))
            raise BrokenAnswerError(f"the body is longer than {BODY_LIMIT} octets")
        self._take(length)

    def _take(self, length: int) -> None:
        while length:
            if not self._buffer:
                self._fill()
            piece = self._buffer[:length]
            self.reading.body += piece
            del self._buffer[: len(piece)]
            length -= len(piece)

    def _rest(self) -> None:
        """Everything until the connection ends."""
        while True:
            self.reading.body += self._buffer
            self._buffer.clear()
            if len(self.reading.body) > BODY_LIMIT:
                raise BrokenAnswerError(f"the body is longer than {BODY_LIMIT} octets")
            try:
                self._fill()
            except SilentError as silent:
                if silent.closed:
                    return
                raise

    def _fill(self) -> None:
        remaining = self._deadline - time.monotonic()
        out_of_time = SilentError(f"no complete answer within {self._allowed:g} s", late=True)
        if remaining <= 0:
            raise out_of_time
        self._connection.settimeout(remaining)
        try:
            octets = self._connection.recv(_READ)
        except TimeoutError:
            raise out_of_time from None
        except OSError as error:
            raise SilentError(f"the connection broke: {error.strerror or error}") from None
        if not octets:
            raise SilentError("the target closed the connection", closed=True)
        self.reading.started = True
        self._buffer += octets

    def _values(self, name: str) -> list[str]:
        return [value for key, value in self.reading.headers if key.lower() == name]


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if not found:
        raise BrokenAnswerError(f"a header can't be read: {line[:60]!r}")
    return found[1].decode("latin-1"), found[2].decode("latin-1")


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",") if token.strip()]


def _length(lengths: set[str]) -> int:
    if len(lengths) > 1:
        raise BrokenAnswerError(f"Content-Length contradicts itself: {', '.join(sorted(lengths))[:60]!r}")
    text = lengths.pop()
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise BrokenAnswerError(f"Content-Length is not a number: {text[:60]!r}")
    return int(text)
