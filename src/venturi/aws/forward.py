"""Hands an authorized call to the application behind the front, in the account that the front decided on."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias
from wsgiref.types import WSGIApplication, WSGIEnvironment

from venturi.aws.call import Call
from venturi.aws.faults import Reply

_Trouble: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None"
_CONTENT = {"json": "application/x-amz-json-1.1", "query": "application/x-www-form-urlencoded; charset=utf-8"}


def forward(
    inner: WSGIApplication, environ: WSGIEnvironment, call: Call, *, account: str, body: bytes | None = None
) -> Reply:
    """Call `inner` with the request's body, or another one, and collect its answer."""
    sent = call.message.body if body is None else body
    request = dict(environ)
    # The account is ours to say: a header of that name from outside is overwritten.
    request["HTTP_X_MOTO_ACCOUNT_ID"] = account
    request["wsgi.input"] = io.BytesIO(sent)
    request["CONTENT_LENGTH"] = str(len(sent))
    request.pop("HTTP_TRANSFER_ENCODING", None)
    if call.protocol in _CONTENT:
        request["CONTENT_TYPE"] = _CONTENT[call.protocol]
    answered: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _: _Trouble = None, /) -> Callable[[bytes], object]:
        answered.append((status, headers))
        return lambda _: None

    chunks = inner(request, start)
    content = b"".join(chunks)
    status, headers = answered[-1]
    return Reply(status, list(headers), content)
