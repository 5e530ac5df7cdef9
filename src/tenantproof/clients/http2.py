"""HTTP/2 at the target: whether it is spoken there, and several streams on one connection.

    wire = Http2Wire(profile, pace)
    if wire.speaks:
        own, other = wire.send((request, request), Manner.TURNS)

A request's headers are its whole header list, pseudo-headers among them; nothing of it is normalised.
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from tenantproof.clients.client_certificates import ClientCertificates
from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.octets import AGENT
from tenantproof.clients.pace import Pace
from tenantproof.clients.wire import allowed, unreachable
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Profile

if TYPE_CHECKING:
    from tenantproof.clients.http2_line import Ending, Line

_MISSING = (
    "the target speaks HTTP/2, and h2 is not installed; run: pip install 'tenantproof[http2]' "
    "(or set http.http2 = false in the profile, to leave HTTP/2 out)"
)


class Manner(StrEnum):
    """How streams share their connection."""

    TURNS = "turns"
    """Each is opened when the one before has ended."""
    AT_ONCE = "at once"
    """All are opened before any answer is read."""
    HELD = "held"
    """The first is opened, the others are answered, and then the first is ended."""


class Heard(msgspec.Struct, frozen=True):
    """What came on one stream, and how it ended."""

    answer: Answer
    ending: Ending


class Http2Wire:
    """Opens a connection of its own for every exchange. Raises UsageError if safety.hosts does not name the target."""

    def __init__(self, profile: Profile, pace: Pace) -> None:
        self._certificates = ClientCertificates(profile.certificates)
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.place = allowed(profile.target.base_url, profile.safety)
        self._said, self._seconds, self._pace = profile.http.http2, profile.safety.timeout_seconds, pace

    @cached_property
    def speaks(self) -> bool:
        """Whether the target speaks HTTP/2: by ALPN (RFC 7301), or without TLS if the profile says so."""
        return self._agrees() if self.place.tls else bool(self._said)

    def send(self, requests: tuple[Request, ...], manner: Manner) -> tuple[Heard, ...]:
        """Send the requests as streams of one new connection. One answer for each, whatever the target does.

        Raises UsageError when the library is not installed.
        """
        for _ in requests:
            self._pace.wait()
        begun = time.time()
        try:
            connection = self._connect(self._certificates.name_for(requests[-1].principal))
        except OSError as error:
            failed = Answer(failure=unreachable(self.place, error), at=begun)
            return tuple(Heard(failed, "silent") for _ in requests)
        with connection:
            line = _line_class()(connection, self._seconds)
            idents = _exchange(line, [(_fields(each), each.body) for each in requests], manner)
            return tuple(Heard(*line.answer(each)) for each in idents)

    def _agrees(self) -> bool:
        try:
            with self._connect(self._certificates.somebodys) as connection:
                return isinstance(connection, ssl.SSLSocket) and connection.selected_alpn_protocol() == "h2"
        except OSError:
            # Whoever can't be reached is found out by the calibrations of HTTP/1.1.
            return False

    def _connect(self, certificate: str) -> socket.socket:
        context = self._context(certificate) if self.place.tls else None
        connection = socket.create_connection((self.place.host, self.place.port), timeout=self._seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            return connection
        try:
            return context.wrap_socket(connection, server_hostname=self.place.host)
        except (OSError, ValueError):
            connection.close()
            raise

    def _context(self, certificate: str) -> ssl.SSLContext:
        if certificate not in self._contexts:
            self._contexts[certificate] = self._certificates.context(certificate, ("h2", "http/1.1"))
        return self._contexts[certificate]


def _exchange(line: Line, sent: list[tuple[list[tuple[bytes, bytes]], bytes]], manner: Manner) -> list[int]:
    """Send them in this manner and read what there is to read. Returns their streams."""
    idents: list[int] = []
    for number, (fields, body) in enumerate(sent):
        idents.append(line.open(fields, body, held=manner is Manner.HELD and not number))
        if manner is Manner.TURNS or (manner is Manner.HELD and number):
            line.hear(idents[-1:])
    if manner is Manner.HELD:
        line.finish(idents[0])
    line.hear(idents)
    return idents


def _fields(request: Request) -> list[tuple[bytes, bytes]]:
    """The request's own list, and behind it who asks and under which trace."""
    trace: Headers = (("traceparent", f"00-{request.probe}-{random.getrandbits(63) + 1:016x}-01"),)
    return [(_raw(name), _raw(value)) for name, value in (*request.headers, ("user-agent", AGENT), *trace)]


def _raw(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _line_class() -> type[Line]:
    try:
        from tenantproof.clients.http2_line import Line  # only here: h2 is an extra
    except ImportError:
        raise UsageError(_MISSING) from None
    return Line
