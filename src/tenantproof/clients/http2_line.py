"""One connection of HTTP/2 (RFC 9113) for attacks: header lists go out as they are, and what comes back is kept."""

from __future__ import annotations

import socket
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from tenantproof.clients.exchange import Answer, Headers
from tenantproof.clients.framing import BODY_LIMIT, HEAD_LIMIT

Ending: TypeAlias = Literal["whole", "refused", "broken", "silent"]
"""How a stream ended: answered to its end; by an error, or by the connection's end; against the protocol; not."""

FIELDS_LIMIT = 256
"""How many header fields and interim responses an answer may have, all in all."""
_FRAME_HEAD = 9
_DATA, _GOAWAY = 0, 7
_CHUNK = 64 * 1024


@dataclass
class Stream:
    """One stream: what came on it, and how it ended (not at all, while `ending` is empty)."""

    begun: float
    at: float
    headers: Headers = ()
    body: bytearray = field(default_factory=bytearray)
    ending: Ending | Literal[""] = ""
    why: str = ""
    seconds: float = 0.0
    interims: int = 0

    def end(self, ending: Ending, why: str = "") -> None:
        """Note the end, once."""
        if not self.ending:
            self.ending, self.why, self.seconds = ending, why, time.monotonic() - self.begun

    def answer(self) -> Answer:
        """What came, as of HTTP/1.1: pseudo-headers but the status, which are no answer's, stay among the headers."""
        said = next((value for name, value in self.headers if name == ":status"), "")
        status = int(said) if said.isascii() and said.isdecimal() and len(said) == 3 else 0
        trouble = "" if self.ending == "whole" and status else self.why or "the answer has no status"
        return Answer(
            status=status,
            headers=tuple(pair for pair in self.headers if pair[0] != ":status"),
            body=bytes(self.body),
            seconds=self.seconds,
            failure="" if status or self.headers or self.body else trouble,
            malformed=trouble if status or self.headers or self.body else "",
            at=self.at,
        )


class Line:
    """A connection that was opened, and its streams. Nothing that the other side says raises anything.

    `connection` speaks TLS already where it should. Every wait ends after `seconds`, and all of them after as many
    octets as two answers may have.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._socket, self._seconds = connection, seconds
        self._peer = H2Connection(
            H2Configuration(
                client_side=True,
                # What is sent is malformed on purpose, and what comes is looked into whether it is or not.
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
            )
        )
        wanted = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_LIMIT}
        self._peer.local_settings = Settings(client=True, initial_values=wanted)
        self._buffer = bytearray()
        self._budget = 2 * BODY_LIMIT
        self._streams: dict[int, Stream] = {}
        self._peer.initiate_connection()

    def open(self, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, held: bool = False) -> int:
        """Open a stream with this header list, in this order and spelling; `held` leaves it open. Returns its id."""
        ident = self._peer.get_next_available_stream_id()
        stream = self._streams[ident] = Stream(time.monotonic(), time.time())
        try:
            self._peer.send_headers(ident, list(headers), end_stream=not (body or held))
            if body:
                self._peer.send_data(ident, body, end_stream=not held)
        except H2Error as error:
            stream.end("silent", f"the target takes no such stream: {error}")
        return ident

    def finish(self, ident: int) -> None:
        """End our side of a stream that was held."""
        if not self._streams[ident].ending:
            try:
                self._peer.end_stream(ident)
            except H2Error as error:
                self._streams[ident].end("refused", f"the stream was closed: {error}")

    def hear(self, idents: Collection[int]) -> None:
        """Send what is to be sent, and read until these streams have ended or have had their time."""
        deadline = time.monotonic() + self._seconds
        self._push(deadline)
        while any(not self._streams[each].ending for each in idents):
            if not self._fill(deadline, idents):
                break
            self._push(deadline)

    def answer(self, ident: int) -> tuple[Answer, Ending]:
        """What came on a stream, and how it ended."""
        stream = self._streams[ident]
        return stream.answer(), stream.ending or "silent"

    def _push(self, deadline: float) -> None:
        octets = self._peer.data_to_send()
        try:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._socket.sendall(octets)
        except OSError:
            # What was said before the connection broke may still be here to read.
            return

    def _fill(self, deadline: float, idents: Collection[int]) -> bool:
        """Read some. False when there is nothing more to come for these streams."""
        try:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            octets = self._socket.recv(_CHUNK)
        except TimeoutError:
            for each in idents:
                self._streams[each].end("silent", f"no answer within {self._seconds:g} s")
            return False
        except OSError as error:
            self._over("refused", f"the connection broke: {error.strerror or error}")
            return False
        if not octets:
            self._over("refused", "the target closed the connection")
            return False
        self._budget -= len(octets)
        self._buffer += octets
        if not self._frames():
            return False
        return self._budget >= 0 or self._over("broken", f"more than {2 * BODY_LIMIT} octets came on one connection")

    def _frames(self) -> bool:
        """Take what has come frame by frame: what precedes a frame that is broken must not be lost with it."""
        buffer = self._buffer
        while len(buffer) >= _FRAME_HEAD:
            size = _FRAME_HEAD + int.from_bytes(buffer[:3], "big")
            if size > self._peer.max_inbound_frame_size + _FRAME_HEAD:
                return self._over("broken", "a frame is longer than it may be")
            if len(buffer) < size:
                return True
            frame = bytes(buffer[:size])
            del buffer[:size]
            if not self._take(frame):
                return False
        return True

    def _take(self, frame: bytes) -> bool:
        kind, ident, payload = frame[3], int.from_bytes(frame[5:9], "big") & 0x7FFFFFFF, frame[_FRAME_HEAD:]
        if kind == _GOAWAY:
            # The library reads nothing more after it; streams up to the last that it names may still be answered.
            return self._farewell(payload)
        try:
            for event in self._peer.receive_data(frame):
                self._note(event)
        except Exception as error:  # a library that stumbles over hostile octets is an observation too
            if ident in self._streams and kind == _DATA:
                self._streams[ident].body += payload
            return self._over("broken", f"against the protocol: {type(error).__name__}: {error}")
        return True

    def _farewell(self, payload: bytes) -> bool:
        if len(payload) < 8:
            return self._over("broken", "a GOAWAY is shorter than it must be")
        last, code = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF, int.from_bytes(payload[4:8], "big")
        for ident, stream in self._streams.items():
            if ident > last or code:
                # What it says for people to read may tell as much as an answer.
                stream.body += b"" if stream.ending else payload[8:]
                stream.end("refused", f"the target ended the connection: {_named(code)}")
        return not all(stream.ending for stream in self._streams.values())

    def _note(self, event: Event) -> None:
        stream = self._streams.get(getattr(event, "stream_id", 0) or 0)
        if stream is None:
            return
        if isinstance(event, ResponseReceived | TrailersReceived | InformationalResponseReceived):
            self._head(stream, event)
        elif isinstance(event, DataReceived):
            stream.body += event.data[: BODY_LIMIT - len(stream.body)]
            if len(stream.body) >= BODY_LIMIT:
                stream.end("broken", f"the body is longer than {BODY_LIMIT} octets")
            self._peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamReset):
            stream.end("refused", f"the target reset the stream: {_named(int(event.error_code))}")
        elif isinstance(event, StreamEnded):
            stream.end("whole")

    def _head(self, stream: Stream, event: ResponseReceived | TrailersReceived | InformationalResponseReceived) -> None:
        fields = tuple((bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in event.headers)
        if isinstance(event, InformationalResponseReceived):
            # An interim status is not the answer's.
            fields = tuple(pair for pair in fields if pair[0] != ":status")
            stream.interims += 1
        stream.headers = (*stream.headers, *fields)[:FIELDS_LIMIT]
        if len(stream.headers) + stream.interims >= FIELDS_LIMIT:
            stream.end("broken", f"the answer has {FIELDS_LIMIT} header fields or more")

    def _over(self, ending: Ending, why: str) -> Literal[False]:
        for stream in self._streams.values():
            stream.end(ending, why)
        return False


def _named(code: int) -> str:
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code}"
