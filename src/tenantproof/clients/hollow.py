"""Hollow targets: servers that keep nobody apart from anybody, and that no check may be satisfied by."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from tenantproof.clients.quiet_server import QuietHandler, QuietServer
from tenantproof.model.aggregation_profile import Aggregation
from tenantproof.model.profile import Database, Profile

_SECONDS = 1.0
"""How long a hollow server waits for a request."""


class Hollow(StrEnum):
    """The four ways of being hollow."""

    DEAD = "dead"
    """Nothing answers."""
    AGREEABLE = "agreeable"
    """Everything is permitted, and empty."""
    REFUSER = "refuser"
    """Everything is refused, in the words of the contract."""
    ECHO = "echo"
    """Every request is answered with the first good answer that the real target gave."""


@dataclass
class _Reply:
    status: int
    body: bytes
    kind: str = "application/json"


class _Script:
    """What a hollow server says next."""

    def __init__(self, hollow: Hollow, profile: Profile) -> None:
        self._hollow = hollow
        self._real = urlsplit(profile.target.base_url)
        refusal = profile.http.refusals["mismatch"]
        body = refusal.body or {profile.http.code_field: refusal.code}
        self._refusal = _Reply(refusal.status, json.dumps(body).encode())
        self._good: _Reply | None = None
        self._lock = threading.Lock()

    def reply(self, method: str, target: str, headers: dict[str, str], body: bytes) -> _Reply:
        match self._hollow:
            case Hollow.REFUSER:
                return self._refusal
            case Hollow.ECHO:
                return self._echo(method, target, headers, body)
            case _:
                return _Reply(200, b'{"items": [], "events": [], "next": null, "next_cursor": null}')

    def _echo(self, method: str, target: str, headers: dict[str, str], body: bytes) -> _Reply:
        with self._lock:
            if self._good is not None:
                return self._good
            reply = self._ask(method, target, headers, body)
            if reply.status == 200:
                self._good = reply
            return reply

    def _ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> _Reply:
        assert self._real.hostname
        connection = http.client.HTTPConnection(self._real.hostname, self._real.port, timeout=10)
        try:
            connection.request(method, target, body or None, headers)
            answer = connection.getresponse()
            return _Reply(answer.status, answer.read(), answer.getheader("Content-Type", ""))
        finally:
            connection.close()


@contextmanager
def hollow_target(hollow: Hollow, profile: Profile) -> Iterator[Profile]:
    """A profile like the given one whose API, AWS, databases and broker are hollow; its issuers stay real.

    The server ends with the context. Listens on 127.0.0.1 alone.
    """
    script = _Script(hollow, profile)

    class Handler(QuietHandler):
        # Who speaks another protocol says less than a line, and would wait for an answer as long as it can.
        timeout = _SECONDS

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            keep = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection", "content-length"}}
            reply = script.reply(self.command, self.path, keep, body)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _answer  # noqa: N815

    server = QuietServer(Handler)
    host = server.host
    if hollow is Hollow.DEAD:
        server.socket.close()
        yield _pointed_at(profile, host)
        return
    with server.serving():
        yield _pointed_at(profile, host)


def _pointed_at(profile: Profile, host: str) -> Profile:
    replace = msgspec.structs.replace
    changed = replace(
        profile,
        target=replace(profile.target, base_url=f"http://{host}"),
        safety=replace(profile.safety, hosts=(*profile.safety.hosts, host), timeout_seconds=0.5),
    )
    if profile.aws and profile.aws.endpoint:
        changed = replace(changed, aws=replace(profile.aws, endpoint=f"http://{host}"))
    if profile.kafka:
        changed = replace(changed, kafka=replace(profile.kafka, bootstrap=host))
    if profile.aggregation:
        changed = replace(changed, aggregation=_without_stores(profile.aggregation, host))
    tenants = tuple(replace(each, database=_moved(each.database, host)) for each in profile.tenants)
    return replace(changed, tenants=tenants)


def _without_stores(aggregation: Aggregation, host: str) -> Aggregation:
    replace = msgspec.structs.replace
    stores = {
        name: replace(
            store,
            auditor=_moved(store.auditor, host),
            pipeline=_moved(store.pipeline, host),
            egress=_moved(store.egress, host),
        )
        for name, store in aggregation.stores.items()
    }
    return replace(aggregation, stores=stores)


def _moved(login: Database | None, host: str) -> Database | None:
    """A hollow target has no database either: what answers at its address speaks another protocol."""
    if login is None:
        return None
    name, _, port = host.rpartition(":")
    return msgspec.structs.replace(login, host=name, port=int(port))
