"""One request on its way through the API: what was sent, who sent it, and what was decided."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from venturi.api.errors import ApiError, invalid_request, too_large, too_slow
from venturi.api.paths import Route
from venturi.api.trace import Trace, new_trace, read_trace
from venturi.identity.principal import Principal
from venturi.identity.strict import read_json_object
from venturi.support.model import Grant

LARGEST_BODY = 64 * 1024
BODY_SECONDS = 10.0
"""How long the whole body may take: somebody who sends an octet now and then must not keep a place for ever."""
EXCHANGE = "venturi.exchange"
"""The member of a request's scope in which its exchange is left for whoever watches from outside of the pipeline.

Who watches puts it there, empty, and takes it out again: the two would keep each other alive.
"""
_SINGLE = ("authorization", "support-grant", "content-type", "host")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?", re.ASCII)  # JSON's, more or less
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_TRACE = Trace("", "")
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


def _uuid4() -> str:
    """A random UUID (RFC 9562 section 5.4); the library's takes several times as long."""
    drawn = os.urandom(16).hex()
    return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{_VARIANTS[drawn[16]]}{drawn[17:20]}-{drawn[20:]}"


class Exchange(msgspec.Struct, dict=True, weakref=True):
    """Mutable, and owned by the one task that answers the request."""

    request: Request
    id: str = msgspec.field(default_factory=_uuid4)
    began: float = msgspec.field(default_factory=time.perf_counter)
    method: str = ""
    path: str = ""
    trace: Trace = msgspec.field(default_factory=new_trace)
    route: Route | None = None
    params: dict[str, str] = msgspec.field(default_factory=dict)
    query: dict[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    target: str | None = None
    principal: Principal | None = None
    grant: Grant | None = None
    refused: ApiError | None = None

    @classmethod
    def of(cls, request: Request) -> Exchange:
        """The exchange that a request starts."""
        # latin-1 keeps every byte of the path one character, whatever was sent.
        path = request.scope["raw_path"].decode("latin-1")
        made = cls(request, method=request.scope["method"], path=path, trace=_NO_TRACE)
        made.trace = read_trace(made.given("traceparent"))
        return made

    @cached_property
    def _given(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.request.scope["headers"]:
            found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        return found

    def given(self, name: str) -> Sequence[str]:
        """The values of a header, by its name in lower case, in their order."""
        return self._given.get(name, ())

    @property
    def caller(self) -> Principal:
        """Who is asking. Only handlers behind authentication may use it."""
        assert self.principal is not None
        return self.principal

    @property
    def tenant(self) -> str:
        """The tenant that the path names, let through by the gate."""
        assert self.target is not None
        return self.target

    def header(self, name: str) -> str | None:
        """A header that may stand at most once. Raises ApiError when it stands twice."""
        values = self.given(name)
        if len(values) > 1:
            raise invalid_request(f"The header {name} is given more than once.")
        return values[0] if values else None

    def check_headers(self) -> None:
        """Raise ApiError when a header that decides something is given twice."""
        given = self._given
        for name in _SINGLE:
            if name in given:
                self.header(name)

    def raw_query(self) -> str:
        """The query string as sent."""
        return self.request.scope["query_string"].decode("latin-1")  # type: ignore[no-any-return]  # ASGI: bytes

    def query_names(self) -> list[str]:
        """The names of the query's parameters, readable or not."""
        if not self.raw_query():
            return []
        return [name for name, _ in parse_qsl(self.raw_query(), keep_blank_values=True, errors="replace")]

    def read_query(self, known: frozenset[str]) -> None:
        """Fill `query`. Raises ApiError for parameters that are unknown, given twice, or not readable."""
        if not self.raw_query():
            return
        try:
            pairs = parse_qsl(self.raw_query(), keep_blank_values=True, strict_parsing=True, errors="strict")
        except ValueError:
            raise invalid_request("The query string is malformed.") from None
        self.query = dict(pairs)
        if len(self.query) != len(pairs):
            raise invalid_request("A query parameter is given more than once.")
        if not self.query.keys() <= known:
            raise invalid_request("The query has a parameter that this resource does not know.")

    def integer(self, name: str, default: int | None, *, least: int, most: int) -> int:
        """A whole number from the query. Raises ApiError when it is none, out of range, or needed and absent."""
        given = self.query.get(name)
        if given is None and default is not None:
            return default
        if given is None or not _INTEGER.fullmatch(given) or not least <= int(given) <= most:
            raise invalid_request(f"{name} must be a whole number from {least} to {most}.")
        return int(given)

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """A number from the query, None without it. Raises ApiError when it is none or out of range."""
        given = self.query.get(name)
        if given is None:
            return None
        if not _NUMBER.fullmatch(given) or not least <= float(given) <= most:
            raise invalid_request(f"{name} must be a number from {least:g} to {most:g}.")
        return float(given)

    def text(self, name: str, *, most: int) -> str | None:
        """A text from the query, None without it. Raises ApiError when it is empty, too long or has controls."""
        given = self.query.get(name)
        if given is not None and (not 1 <= len(given) <= most or _CONTROL.search(given)):
            raise invalid_request(f"{name} must have 1 to {most} characters, none of them a control character.")
        return given

    def instant(self, name: str) -> datetime | None:
        """An instant from the query, None without it. Raises ApiError unless it is RFC 3339 with an offset."""
        given = self.query.get(name)
        if given is None:
            return None
        try:
            return msgspec.convert(given, _Instant)
        except msgspec.ValidationError:
            raise invalid_request(f"{name} must be an RFC 3339 date-time with an offset from UTC.") from None

    async def read_body(self) -> None:
        """Fill `body`. Raises ApiError when it is too large, too slow, or stands where none belongs."""
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in self.request.stream():
                    body += chunk
                    if body and self.method not in {"POST", "PUT"}:
                        raise invalid_request("This method takes no body.")
                    if len(body) > LARGEST_BODY:
                        raise too_large()
        except TimeoutError:
            raise too_slow() from None
        self.body = bytes(body)

    def json(self) -> dict[str, object]:
        """The body as a JSON object, {} when there is none. Raises ApiError."""
        if not self.body:
            return {}
        if (self.header("content-type") or "").partition(";")[0].strip().lower() != "application/json":
            raise invalid_request("The body must be application/json.")
        try:
            return read_json_object(self.body)
        except ValueError:
            raise invalid_request("The body is not a JSON object with every member named once.") from None


def hashed(value: str | bytes) -> str:
    """A value as the trail keeps it: its SHA-256, never itself."""
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
