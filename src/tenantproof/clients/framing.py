"""Cuts HTTP/1.1 responses out of what a connection gives, within limits of size and time, and trusts none of it."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Generator
from dataclasses import dataclass, field

from tenantproof.clients.exchange import Answer, Headers

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


Steps = Generator[None, bytes, None]
"""Reading, step by step: whoever runs it sends it more octets whenever it stops, and b"" when there are none left."""


class Framing:
    """The responses of one connection, one after the other, whoever fetches the octets and however.

    What follows the response that was read last stays in `buffer`, where the next one begins.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()

    def read(self, method: str, reading: Reading) -> Steps:
        """Read the response to a request of that method into `reading`.

        Raises BrokenAnswerError or SilentError; `reading` then keeps what came.
        """
        is_keep_alive = yield from self._head(reading)
        delimited = True
        if method != "HEAD" and reading.status not in {204, 304}:
            delimited = yield from self._body(reading)
        reading.reusable = is_keep_alive and delimited

    def _head(self, reading: Reading) -> Generator[None, bytes, bool]:
        """Read heads until one is final. Returns whether the connection outlives the response."""
        for _ in range(_INTERIM_LIMIT):
            version = yield from self._one_head(reading)
            if reading.status == 101:
                raise BrokenAnswerError("101 Switching Protocols was answered, and nobody asked for it")
            if reading.status >= 200:
                connection = {token for value in _values(reading, "connection") for token in _tokens(value)}
                return "close" not in connection and (version == b"1" or "keep-alive" in connection)
        raise BrokenAnswerError(f"more than {_INTERIM_LIMIT} interim responses came before a final one")

    def _one_head(self, reading: Reading) -> Generator[None, bytes, bytes]:
        budget = HEAD_LIMIT
        line = yield from self._line(budget)
        status = _STATUS_LINE.fullmatch(line)
        if not status:
            raise BrokenAnswerError(f"the status line is not HTTP/1: {line[:60]!r}")
        reading.status = int(status[2])
        reading.reason = (status[3] or b"").decode("latin-1")
        headers: list[tuple[str, str]] = []
        try:
            while line:
                budget -= len(line) + 2
                line = yield from self._line(budget)
                if line:
                    headers.append(_field(line))
        finally:
            reading.headers = tuple(headers)
        return status[1]

    def _line(self, budget: int) -> Generator[None, bytes, bytes]:
        """One line without its CRLF, of at most `budget` octets."""
        buffer = self.buffer
        while (end := buffer.find(b"\n")) < 0:
            if len(buffer) > budget:
                raise BrokenAnswerError(f"the head is longer than {HEAD_LIMIT} octets")
            yield from self._fill()
        if end > budget:
            raise BrokenAnswerError(f"the head is longer than {HEAD_LIMIT} octets")
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        if not line.endswith(b"\r"):
            raise BrokenAnswerError(f"a line of the head ends in LF without CR: {line[:60]!r}")
        return line[:-1]

    def _body(self, reading: Reading) -> Generator[None, bytes, bool]:
        """Read the body. Returns whether its end was marked by anything but the end of the connection."""
        coding = _values(reading, "transfer-encoding")
        lengths = {length.strip() for value in _values(reading, "content-length") for length in value.split(",")}
        if coding and lengths:
            raise BrokenAnswerError("both Transfer-Encoding and Content-Length say how long the body is")
        if coding:
            if [token for value in coding for token in _tokens(value)] != ["chunked"]:
                raise BrokenAnswerError(f"the transfer coding is not chunked: {', '.join(coding)[:60]!r}")
            yield from self._chunks(reading)
        elif lengths:
            yield from self._exactly(_length(lengths), reading)
        else:
            yield from self._rest(reading)
            return False
        return True

    def _chunks(self, reading: Reading) -> Steps:
        while size := (yield from self._chunk_size()):
            yield from self._exactly(size, reading)
            if (yield from self._line(2)):
                raise BrokenAnswerError("a chunk is longer than its size says")
        budget = HEAD_LIMIT
        while line := (yield from self._line(budget)):
            budget -= len(line) + 2
            _field(line)

    def _chunk_size(self) -> Generator[None, bytes, int]:
        line = yield from self._line(1024)
        size = _CHUNK_SIZE.fullmatch(line)
        if not size:
            raise BrokenAnswerError(f"a chunk has no readable size: {line[:60]!r}")
        return int(size[1], 16)

    def _exactly(self, length: int, reading: Reading) -> Steps:
        """Move `length` octets from the connection to the body."""
        if len(reading.body) + length > BODY_LIMIT:
            # What fits is still read: a leak may stand in the first octets.
            yield from self._take(BODY_LIMIT - len(reading.body), reading)
            raise BrokenAnswerError(f"the body is longer than {BODY_LIMIT} octets")
        yield from self._take(length, reading)

    def _take(self, length: int, reading: Reading) -> Steps:
        while length:
            if not self.buffer:
                yield from self._fill()
            piece = self.buffer[:length]
            reading.body += piece
            del self.buffer[: len(piece)]
            length -= len(piece)

    def _rest(self, reading: Reading) -> Steps:
        """Everything until the connection ends."""
        while True:
            reading.body += self.buffer
            self.buffer.clear()
            if len(reading.body) > BODY_LIMIT:
                raise BrokenAnswerError(f"the body is longer than {BODY_LIMIT} octets")
            try:
                yield from self._fill()
            except SilentError as silent:
                if silent.closed:
                    return
                raise

    def _fill(self) -> Steps:
        octets = yield
        if not octets:
            raise SilentError("the target closed the connection", closed=True)
        self.buffer += octets


class Reader:
    """Reads from a socket until a deadline (in the monotonic clock's seconds)."""

    def __init__(self, connection: socket.socket, deadline: float, allowed: float) -> None:
        self._connection, self._deadline, self._allowed = connection, deadline, allowed
        self.reading = Reading()

    def read(self, method: str) -> Reading:
        """The response to a request of that method.

        Raises BrokenAnswerError or SilentError; `reading` then keeps what came.
        """
        framing = Framing()
        steps = framing.read(method, self.reading)
        try:
            next(steps)
            while True:
                steps.send(self._receive())
        except StopIteration:
            # Nobody asked for what stands behind the answer; the connection can't be trusted any more.
            self.reading.reusable = self.reading.reusable and not framing.buffer
            return self.reading

    def _receive(self) -> bytes:
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
        if octets:
            self.reading.started = True
        return octets


def answer_of(reading: Reading, failure: str, malformed: str) -> Answer:
    """The answer that a reading comes to: one that broke off half way is malformed, one that never came a failure."""
    if failure and reading.status >= 200:
        failure, malformed = "", f"the answer broke off after {len(reading.body)} octets of body: {failure}"
    return Answer(
        status=0 if failure else reading.status,
        reason=reading.reason,
        headers=reading.headers,
        body=bytes(reading.body),
        failure=failure,
        malformed=malformed,
    )


def _values(reading: Reading, name: str) -> list[str]:
    return [value for key, value in reading.headers if key.lower() == name]


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
