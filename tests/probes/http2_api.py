"""The fake API over HTTP/2 as well: strict about header lists, and open to be broken decision by decision."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

from tests.probes.fake_api import Json, Refused
from tests.probes.sweeping import NOT_FOUND, PlainApi

Fields = tuple[tuple[str, str], ...]
_NAME = re.compile(r":?[!#$%&'*+.^_`|~0-9a-z-]+")
_PSEUDO = {":method", ":scheme", ":authority", ":path"}


class MalformedError(Exception):
    """A request that is against the protocol."""


@dataclass
class Ask:
    """One request, and those that came on the same connection before it and are not answered."""

    ident: int
    fields: Fields
    beside: Mapping[int, Ask]
    body: bytes = b""
    ended: bool = False
    queue: list[tuple[int, Json]] = field(default_factory=list)
    """Answers of what stands behind the front that nobody has asked for yet; one for the connection."""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")


class Http2Api(PlainApi):
    """Keeps tenants apart over HTTP/1.1 and over HTTP/2 without TLS, or with it, on one port."""

    def reply(self, ask: Ask) -> tuple[int, Json]:
        """The answer to a request, or MalformedError, which resets its stream."""
        try:
            self.inspect(ask)
            self.admit(ask)
            return 200, self.serve(self.served(ask))
        except Refused as refused:
            return refused.status, refused.body

    def inspect(self, ask: Ask) -> None:
        """RFC 9113 sections 8.2 and 8.3, and one authorization."""
        names = [name for name, _ in ask.fields]
        pseudo = [name for name in names if name.startswith(":")]
        hosts = {*ask.all("host"), ask.first(":authority")}
        if (
            not all(_NAME.fullmatch(name) for name in names)
            or any(set("\r\n\0") & set(value) for _, value in ask.fields)
            or sorted(pseudo) != sorted(_PSEUDO)
            or names[: len(pseudo)] != pseudo
            or not ask.first(":path").startswith("/")
            or len(hosts) > 1
            or "transfer-encoding" in names
            or names.count("authorization") > 1
        ):
            raise MalformedError

    def admit(self, ask: Ask) -> None:
        """Whether the caller may go where it wants to."""
        self.gate(self.caller(ask), self.tenant_of(self.gated(ask)))

    def caller(self, ask: Ask) -> str:
        return self.verify(ask.first("authorization").partition(" ")[2])

    def gated(self, ask: Ask) -> str:
        """The path by which it is decided."""
        return ask.first(":path")

    def served(self, ask: Ask) -> str:
        """The path that is served."""
        return ask.first(":path")

    def tenant_of(self, path: str) -> str:
        steps = path.strip("/").split("/")
        return steps[2] if len(steps) > 2 else ""

    def serve(self, path: str) -> Json:
        """What is there, whoever asks."""
        steps = urlsplit(path).path.strip("/").split("/")
        if steps[:2] != ["v1", "tenants"] or len(steps) not in {4, 5} or steps[2] not in self.records:
            raise Refused(404, NOT_FOUND)
        return self.read(steps[2], steps[4]) if len(steps) == 5 else self.page(steps[2])

    def replies(self, asks: list[Ask]) -> dict[int, tuple[int, Json] | None]:
        """The answers to requests that were complete at once; None resets a stream."""
        told: dict[int, tuple[int, Json] | None] = {}
        for ask in asks:
            try:
                told[ask.ident] = self.reply(ask)
            except MalformedError:
                told[ask.ident] = None
        return told

    def converse(self, connection: socket.socket, reader: BufferedReader) -> bool:
        if reader.peek(3)[:3] != b"PRI":
            return False
        self.talk(connection, reader)
        return True

    def talk(self, connection: socket.socket, reader: BufferedReader) -> None:
        """Serve one connection to its end."""
        config = H2Configuration(client_side=False, validate_inbound_headers=False, normalize_inbound_headers=False)
        peer, asks, queue = H2Connection(config), dict[int, Ask](), list[tuple[int, Json]]()
        peer.initiate_connection()
        connection.sendall(peer.data_to_send())
        while octets := reader.read1(65536):
            ended: list[Ask] = []
            try:
                for event in peer.receive_data(octets):
                    if isinstance(event, RequestReceived):
                        ident = event.stream_id
                        fields = tuple(
                            (bytes(n).decode("latin-1"), bytes(v).decode("latin-1")) for n, v in event.headers
                        )
                        asks[ident] = Ask(ident, fields, asks, queue=queue)
                    elif isinstance(event, DataReceived):
                        asks[event.stream_id].body += event.data
                    elif isinstance(event, StreamEnded):
                        asks[event.stream_id].ended = True
                        ended.append(asks[event.stream_id])
            except ProtocolError:
                connection.sendall(peer.data_to_send())
                return
            for ident, reply in self.replies(ended).items():
                self.say(peer, asks.pop(ident), reply)
            connection.sendall(peer.data_to_send())

    def say(self, peer: H2Connection, ask: Ask, reply: tuple[int, Json] | None) -> None:
        """Send an answer, or reset the stream."""
        if reply is None:
            peer.reset_stream(ask.ident, ErrorCodes.PROTOCOL_ERROR)
            return
        status, said = reply
        peer.send_headers(ask.ident, [(":status", str(status)), ("content-type", "application/json")])
        peer.send_data(ask.ident, json.dumps(said).encode(), end_stream=True)
