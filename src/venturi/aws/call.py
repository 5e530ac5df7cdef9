"""One call as the front understands it, read from the wire so that moto can't read it another way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

from venturi.aws.caller import Caller
from venturi.aws.faults import AwsFault
from venturi.aws.s3_calls import read_s3
from venturi.aws.sigv4 import Credential, Message

MAX_BODY = 8 * 1024 * 1024
"""Bytes; more than any call of ours needs."""
_PRIVATE_PATHS = ("/moto-api", "/latest/", "/favicon")


@dataclass(frozen=True)
class Call:
    """Who asks which service for what. `params` are the members of the JSON body or the fields of the form."""

    caller: Caller
    service: str
    region: str
    action: str
    protocol: str
    """json, query or rest."""
    params: Mapping[str, Any]
    message: Message
    request_id: str
    context: Mapping[str, str] = field(default_factory=dict)


def read_message(environ: WSGIEnvironment) -> Message:
    """The signed request inside a WSGI environment. Raises AwsFault for a body that is too long."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MAX_BODY:
        raise AwsFault("RequestEntityTooLarge", f"A body may have {MAX_BODY} bytes.", 413)
    body = environ["wsgi.input"].read(length) if length else b""
    return Message(environ["REQUEST_METHOD"], _target(environ), headers, body)


def protocol_of(headers: Mapping[str, str], service: str) -> str:
    """Which of AWS's wire protocols a request speaks."""
    if "x-amz-target" in headers:
        return "json"
    return "rest" if service == "s3" else "query"


def read_call(message: Message, credential: Credential, caller: Caller, request_id: str) -> Call:
    """Read the action and its parameters.

    Raises AwsFault for what two readers could read differently: a second query, a repeated field, a stray path.
    """
    protocol = protocol_of(message.headers, credential.service)
    read = {"json": _json, "query": _query, "rest": read_s3}[protocol]
    if message.target.startswith(_PRIVATE_PATHS):
        raise AwsFault("AccessDeniedException", "There is no such AWS path.", 403)
    action, params = read(message)
    return Call(caller, credential.service, credential.region, action, protocol, params, message, request_id)


def _target(environ: WSGIEnvironment) -> str:
    uri = environ.get("REQUEST_URI") or environ["PATH_INFO"] + (
        f"?{query}" if (query := environ["QUERY_STRING"]) else ""
    )
    return str(uri)


def _json(message: Message) -> tuple[str, dict[str, Any]]:
    if "?" in message.target or message.method != "POST":
        raise AwsFault("ValidationException", "A JSON call is a POST without a query.")
    try:
        params = json.loads(message.body or b"{}")
    except ValueError:
        params = None
    if not isinstance(params, dict):
        raise AwsFault("SerializationException", "The body is no JSON object.")
    return message.headers["x-amz-target"].rpartition(".")[2], params


def _query(message: Message) -> tuple[str, dict[str, Any]]:
    _, _, query = message.target.partition("?")
    if query and message.body:
        raise AwsFault("ValidationError", "Parameters stand in the query or in the body, not in both.")
    pairs = parse_qsl(query or message.body.decode("utf-8", "replace"), keep_blank_values=True)
    params: dict[str, Any] = dict(pairs)
    if len(params) != len(pairs):
        raise AwsFault("ValidationError", "A parameter is given twice.")
    if not params.get("Action"):
        raise AwsFault("MissingAction", "The request names no Action.")
    return str(params["Action"]), params
