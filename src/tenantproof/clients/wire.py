"""The wire: sends requests octet for octet over HTTP/1.1, and survives whatever answers."""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from msgspec.structs import replace

from tenantproof.clients.client_certificates import ClientCertificates
from tenantproof.clients.exchange import Answer, Headers, Request, new_probe
from tenantproof.clients.framing import BrokenAnswerError, Reader, Reading, SilentError, answer_of
from tenantproof.clients.octets import octets_of
from tenantproof.clients.pace import Pace
from tenantproof.clients.redaction import digest, is_secret, one_line, scrub
from tenantproof.clients.remembered import remembered
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Safety

__all__ = [
    "Answer",
    "Headers",
    "Place",
    "Request",
    "Wire",
    "allowed",
    "authority",
    "new_probe",
    "origin_and_target",
    "replay",
    "request_line",
    "require",
    "response_line",
]


@dataclass(frozen=True)
class Place:
    """Where a request goes: a host, a port, whether TLS is spoken there, and a path that every target starts with."""

    host: str
    port: int
    tls: bool
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> Place:
        """The place that an http or https URL names. Raises UsageError for any other."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{url!r} is no URL: {error}; write it as https://host[:port]") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"{url!r} is no http(s) URL; write it as https://host[:port]")
        tls = parts.scheme == "https"
        return cls(parts.hostname.lower(), port or (443 if tls else 80), tls, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The host and the port, as a Host header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


_Way = tuple[Place, str]
"""Where a request goes, and the name of the certificate that is shown there."""


class Wire:
    """Sends requests to the hosts that the profile allows, and to no other. Safe to use from several threads."""

    def __init__(self, base_url: str, safety: Safety, certificates: ClientCertificates | None = None) -> None:
        self._base = Place.of(base_url)
        self._allowed = {authority(host) for host in safety.hosts}
        self._seconds = safety.timeout_seconds
        self.pace = Pace(safety.requests_per_second)
        self._slots = threading.BoundedSemaphore(safety.connections)
        self._lock = threading.Lock()
        self._idle: dict[_Way, list[socket.socket]] = {}
        self._certificates = certificates or ClientCertificates()
        self._tls: dict[str, ssl.SSLContext] = {}

    def send(self, request: Request, *, to: str = "", certificate: str | None = None) -> Answer:
        """Send the request to the base URL, or to the place that the URL `to` names, and read the answer.

        `certificate` names what is shown to whoever asks for one; left out, it is the own one of who sends it.
        Redirects are not followed. Whatever the target does is in the answer. Raises UsageError for a place that
        safety.hosts does not name, before anything is sent.
        """
        place = Place.of(to) if to else self._base
        self.allow(place)
        shown = self._certificates.name_for(request.principal) if certificate is None else certificate
        self.pace.wait()
        with self._slots:
            return self._exchange((place, shown), request)

    def allow(self, place: Place) -> None:
        """Raise UsageError unless the profile lets the harness contact the place."""
        require(place, self._allowed)

    def close(self) -> None:
        """Close every idle connection. The wire may be used again afterwards."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _exchange(self, way: _Way, request: Request) -> Answer:
        at, begun = time.time(), time.monotonic()
        idle = self._take_idle(way)
        answer, was_stale = self._attempt(way, request, idle, begun)
        # An idle connection may be closed just as it is used; only then, and only once, is a request sent again.
        if idle and was_stale and (request.repeatable or request.method == "GET"):
            answer, _ = self._attempt(way, request, None, begun)
        return replace(answer, at=at, seconds=time.monotonic() - begun)

    def _attempt(
        self, way: _Way, request: Request, connection: socket.socket | None, begun: float
    ) -> tuple[Answer, bool]:
        """One try, and whether the connection ended before any octet of an answer came."""
        place, _ = way
        try:
            connection = connection or self._connect(way, begun)
        except OSError as error:
            return Answer(failure=unreachable(place, error)), False
        deadline = begun + self._seconds
        reader = Reader(connection, deadline, self._seconds)
        failure, malformed, was_stale = "", "", False
        try:
            _push(connection, octets_of(request, place.authority, place.prefix), deadline, self._seconds)
            reader.read(request.method)
        except SilentError as silent:
            was_stale = not reader.reading.started and not silent.late
            failure = str(silent)
        except BrokenAnswerError as broken:
            malformed = str(broken)
        self._release(way, connection, reader.reading)
        return answer_of(reader.reading, failure, malformed), was_stale

    def _take_idle(self, way: _Way) -> socket.socket | None:
        with self._lock:
            idle = self._idle.get(way, [])
            while idle:
                connection = idle.pop()
                if not _has_ended(connection):
                    return connection
                connection.close()
        return None

    def _connect(self, way: _Way, begun: float) -> socket.socket:
        place, certificate = way
        context = self._tls_context(certificate) if place.tls else None
        remaining = max(begun + self._seconds - time.monotonic(), 0.001)
        connection = socket.create_connection((place.host, place.port), timeout=remaining)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            return connection
        try:
            return context.wrap_socket(connection, server_hostname=place.host)
        except (OSError, ValueError):
            connection.close()
            raise

    def _tls_context(self, certificate: str) -> ssl.SSLContext:
        with self._lock:
            if certificate not in self._tls:
                self._tls[certificate] = self._certificates.context(certificate)
            return self._tls[certificate]

    def _release(self, way: _Way, connection: socket.socket, reading: Reading) -> None:
        if not reading.reusable:
            connection.close()
            return
        with self._lock:
            self._idle.setdefault(way, []).append(connection)


def _has_ended(connection: socket.socket) -> bool:
    """Whether the target closed an idle connection, or said something on it that nobody had asked for."""
    try:
        return bool(select.select([connection], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def allowed(url: str, safety: Safety) -> Place:
    """The place that a URL names. Raises UsageError unless the profile lets the harness contact it."""
    place = Place.of(url)
    require(place, {authority(host) for host in safety.hosts})
    return place


def require(place: Place, known: Container[str]) -> None:
    """Raise UsageError unless the place is among those known, each as host:port."""
    if f"{place.host}:{place.port}" not in known:
        raise UsageError(
            f"{place.host}:{place.port} is not in safety.hosts; add it to the profile if the harness may contact it"
        )


def authority(host: str) -> str:
    """An entry of safety.hosts as host:port, in lower case and without brackets; the port is 443 unless it is said."""
    bare = host.lower()
    found = re.fullmatch(r"(.*):(\d+)", bare)
    name, port = (found[1], found[2]) if found else (bare, "443")
    return f"{name.strip('[]')}:{port}"


def request_line(request: Request) -> str:
    """The request in one redacted line, fit to print."""
    return _first_line(request.method, request.target)


# A sweep sends the same few targets and headers over and over.
@remembered(most=2048, longest=300)
def _first_line(method: str, target: str) -> str:
    return one_line(f"{method} {scrub(target)}")


def response_line(answer: Answer) -> str:
    """The answer in one line, fit to print; never any of its body."""
    if not answer.status:
        return one_line(answer.failure or answer.malformed or "no answer")
    return _answered(answer.status, answer.reason, len(answer.body), answer.malformed or answer.failure)


@lru_cache(maxsize=1024)
def _answered(status: int, reason: str, length: int, trouble: str) -> str:
    said = f"{status} {scrub(reason)}".strip()
    return one_line(f"{said}, {length} octets" + (f"; {trouble}" if trouble else ""))


def replay(request: Request) -> str:
    """The whole request with secrets replaced by digests: a line, headers, an empty line and the digest of a body."""
    head = [one_line(f"{request.method} {scrub(request.target)} {request.protocol}", 2000)]
    head += [_header_line(name, value) for name, value in request.headers]
    body = f"[{len(request.body)} octets, {digest(request.body)}]" if request.body else ""
    return "\n".join([*head, "", body]).rstrip()


@remembered(most=2048, longest=2000)
def _header_line(name: str, value: str) -> str:
    shown = digest(value) if is_secret(name) else scrub(value)
    return one_line(f"{name}: {shown}", 2000)


def _push(connection: socket.socket, octets: bytes, deadline: float, allowed: float) -> None:
    """Send everything, or raise SilentError. A target may answer before it has read all, so a reset is read first."""
    try:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        connection.sendall(octets)
    except TimeoutError:
        raise SilentError(f"the target did not take the request within {allowed:g} s", late=True) from None
    except (BrokenPipeError, ConnectionResetError):
        # The answer (431, 413) may already be here; the reader finds it or says that the connection broke.
        return
    except OSError as error:
        raise SilentError(f"the connection broke: {error.strerror or error}") from None


def unreachable(place: Place, error: OSError) -> str:
    """Why no connection came about, in one line."""
    if isinstance(error, ssl.SSLError):
        return one_line(f"{place.authority} can't be reached over TLS: {error.reason or error}")
    if isinstance(error, TimeoutError):
        return f"{place.authority} accepted no connection in time"
    return one_line(f"{place.authority} can't be reached: {error.strerror or error}")


def origin_and_target(url: str) -> tuple[str, str]:
    """A URL cut into what `Wire.send` takes as `to` and what it takes as the request's target."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
