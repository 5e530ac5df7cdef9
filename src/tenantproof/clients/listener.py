"""A small server of the harness's own on the loopback, that remembers who asked it for what, and told it what."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tenantproof.clients.quiet_server import QuietHandler, QuietServer

_LARGEST = 1_000_000
"""Octets of a body that are kept; whoever sends may be the target at its worst."""
_MOST_TOLD = 1_000


@dataclass(frozen=True)
class Said:
    """An answer of the listener: a body of a type, or with `location` a redirect."""

    body: bytes = b""
    kind: str = "application/json"
    location: str = ""


@dataclass
class Listener:
    """Where it listens, and the targets of the requests that came, in their order."""

    url: str
    asked: list[str] = field(default_factory=list)
    told: list[tuple[str, bytes]] = field(default_factory=list)
    """The targets and bodies of those that had a body, as far as they are kept."""

    def hears(self) -> bool:
        """Whether a request of our own arrives and is remembered."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
        try:
            connection.request("GET", "/ourselves")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return bool(self.calls("ourselves"))

    def calls(self, step: str) -> tuple[str, ...]:
        """The targets that have `step` for one of the steps of their path."""
        return tuple(target for target in self.asked if step in target.partition("?")[0].split("/"))


@contextmanager
def listening(answering: Callable[[str, str], Said]) -> Iterator[Listener]:
    """Listen for as long as the block lasts; `answering` gets the listener's own URL and the target of a request."""

    class Handler(QuietHandler):
        timeout = 5

        def do_GET(self) -> None:  # noqa: N802  # the base class's name
            heard.asked.append(self.path)
            self._hear()
            said = answering(heard.url, self.path)
            self.send_response(302 if said.location else 200)
            if said.location:
                self.send_header("Location", said.location)
            self.send_header("Content-Type", said.kind)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def _hear(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal():
                return
            body = self.rfile.read(min(int(length), _LARGEST))
            if len(body) < int(length):
                self.close_connection = True
            if body and len(heard.told) < _MOST_TOLD:
                heard.told.append((self.path, body))

        do_HEAD = do_POST = do_GET  # noqa: N815  # the base class's names

    server = QuietServer(Handler)
    heard = Listener(f"http://{server.host}")
    with server.serving():
        yield heard
