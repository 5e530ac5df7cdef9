"""A small multi-tenant API with its issuers and trails, on a real socket; tests break it method by method."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.clients.profiles import CANARIES, MISMATCH

AUDIENCE = "https://api.fake.example"
ROUTE = "/v1/tenants/{tenant}/attributions"
SERVER_NAME = ":server-name"
"""Stands among the headers for the name that TLS was told, where the context keeps it."""
CERTIFICATE = ":certificate"
"""Stands among the headers for the client certificate (DER, in hexadecimal) that TLS took, if it took one."""
Json = dict[str, Any]
"""A JSON object on its way over the wire."""


class Refused(Exception):  # it is how the fake says no
    """An answer other than the one that was asked for."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class FakeApi:
    """Keeps tenants apart. Every decision is a method, for a test to override."""

    def __init__(self) -> None:
        self.base = ""
        self.keys = {tenant: ec.generate_private_key(ec.SECP256R1()) for tenant in CANARIES}
        self.records = {
            tenant: {f"att_{index:016x}": canary}
            for index, (tenant, canary) in enumerate(CANARIES.items(), start=0xA1B2)
        }
        self.trails: dict[str, list[Json]] = {tenant: [] for tenant in CANARIES}
        self.lock = threading.Lock()

    # Issuers

    def issue(self, tenant: str, form: dict[str, str]) -> Json:
        now, seconds = int(time.time()), int(form.get("lifetime") or 300)
        claims = {
            "iss": f"{self.base}/issuers/{tenant}",
            "sub": self.subject(tenant),
            "aud": form.get("audience") or AUDIENCE,
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_hex(8),
        }
        token = jwt.encode(claims, self.keys[tenant], "ES256", headers={"kid": f"{tenant}-1", "typ": "at+jwt"})
        return {"access_token": token, "token_type": "Bearer", "expires_in": seconds}

    def jwks(self, tenant: str) -> Json:
        key = jwt.algorithms.ECAlgorithm.to_jwk(self.keys[tenant].public_key(), as_dict=True)
        return {"keys": [{**key, "kid": f"{tenant}-1", "use": "sig", "alg": "ES256"}]}

    def subject(self, tenant: str) -> str:
        return hashlib.sha256(tenant.encode()).hexdigest()[:24]

    # Decisions

    def verify(self, token: str) -> str:
        """The tenant of whoever holds the token."""
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss", "")
            tenant = str(issuer).rpartition("/")[2]
            key = self.keys[tenant].public_key()
            needed = {"require": ["exp", "iss", "sub", "aud"]}
            jwt.decode(token, key, ["ES256"], audience=AUDIENCE, issuer=f"{self.base}/issuers/{tenant}", options=needed)  # type: ignore[arg-type]  # PyJWT's own options
        except (jwt.PyJWTError, KeyError):
            raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"}) from None
        return tenant

    def gate(self, caller: str, tenant: str) -> None:
        if caller != tenant:
            raise Refused(403, MISMATCH)

    def read(self, tenant: str, record: str) -> Json:
        if record not in self.records[tenant]:
            raise Refused(404, {"error": "NOT_FOUND", "message": "No such resource."})
        return {"id": record, "note": self.records[tenant][record]}

    def page(self, tenant: str) -> Json:
        items = [{"id": record, "note": canary} for record, canary in self.records[tenant].items()]
        return {"items": items, "next_cursor": None}

    def record(self, caller: str, tenant: str, event: Json) -> None:
        for trail in {caller, tenant} & self.trails.keys():
            self.write(trail, event)

    def write(self, trail: str, event: Json) -> None:
        self.trails[trail].append(event)

    def event(
        self, caller: str, trace: str, route: str, status: int, code: str, token: str
    ) -> Json:  # a bad one keeps it
        return {
            "trace": {"trace_id": trace},
            "ts_event": datetime.now(UTC).isoformat(),
            "actor": {"type": "tenant", "id": caller},
            "request": {"method": "GET", "route_template": route},
            "decision": {"outcome": "deny" if code else "allow", "rule": code or None},
            "result": {"http_status": status},
        }

    # The way through

    def converse(self, connection: socket.socket, reader: BufferedReader) -> bool:
        """Whether it spoke something else than HTTP/1.1 on the connection."""
        return False

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        parts = urlsplit(url)
        steps = parts.path.strip("/").split("/")
        if steps == ["identity"]:
            return 200, {"product": "fake", "deployment": "one"}
        if steps[0] == "issuers":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            return 200, self.jwks(steps[1]) if steps[2] == "jwks" else self.issue(steps[1], form)
        try:
            return self.tenant_answer(steps, parse_qs(parts.query), headers)
        except Refused as refused:
            return refused.status, refused.body

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        token = headers.get("authorization", "").partition(" ")[2]
        trace = headers.get("traceparent", "00-0-0-0").split("-")[1]
        caller, tenant = self.verify(token), steps[2]
        if steps[3:] == ["audit", "events"]:
            self.gate(caller, tenant)
            found = [e for e in self.trails[tenant] if e["trace"]["trace_id"] == query["trace_id"][0]]
            return 200, {"events": [{"seq": n, "event": e} for n, e in enumerate(found)], "next": None}
        route = ROUTE + ("/{id}" if len(steps) > 4 else "")
        try:
            self.gate(caller, tenant)
            body = self.read(tenant, steps[4]) if len(steps) > 4 else self.page(tenant)
        except Refused as refused:
            with self.lock:
                self.record(
                    caller, tenant, self.event(caller, trace, route, refused.status, refused.body["error"], token)
                )
            raise
        with self.lock:
            self.record(caller, caller, self.event(caller, trace, route, 200, "", token))
        return 200, body


@contextmanager
def serving_api(api: FakeApi, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve the API on 127.0.0.1, over TLS where that is given; gives host:port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for its head to be acknowledged

        def handle(self) -> None:
            if not api.converse(self.connection, cast("BufferedReader", self.rfile)):
                super().handle()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            headers[SERVER_NAME] = getattr(self.connection, "named", "")
            if isinstance(self.connection, ssl.SSLSocket):
                headers[CERTIFICATE] = (self.connection.getpeercert(binary_form=True) or b"").hex()
            status, said = api.answer(self.command, self.path, headers, body)
            octets = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  # the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        # The handshake is the handler's, in a thread of its own.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    host = f"127.0.0.1:{server.server_address[1]}"
    api.base = f"http{'s' if tls else ''}://{host}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
