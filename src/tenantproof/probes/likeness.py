"""Compares two answers as somebody would who wants to tell them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tenantproof.clients.exchange import Answer
from tenantproof.model.outcome import ALIKE, DIFFERENT, UNANSWERED, Outcome
from tenantproof.probes.sighting import json_value

# Values that differ from answer to answer whatever was asked; that they are there at all is still compared.
_PASSING_HEADERS = {
    "age",
    "audit-receipt",
    "content-length",
    "date",
    "request-id",
    "server-timing",
    "traceparent",
    "tracestate",
    "x-amz-cf-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-correlation-id",
    "x-request-id",
    "x-trace-id",
}
_PASSING_MEMBERS = {"correlation_id", "instance", "request_id", "requestid", "time", "timestamp", "trace_id", "traceid"}
_SHOWN = 80


def compare(
    first: Answer, second: Answer, first_names: Iterable[str] = (), second_names: Iterable[str] = ()
) -> tuple[Outcome, tuple[str, ...]]:
    """Whether the answers can be told apart, and by what.

    `first_names` and `second_names` are what each request named (ids, probe); an answer may repeat its own.
    Time is not compared.
    """
    for answer in (first, second):
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed or "no answer",)
    told = tuple(_differences(first, second, list(first_names), list(second_names)))
    return (DIFFERENT, told) if told else (ALIKE, ())


def _differences(first: Answer, second: Answer, ours: list[str], theirs: list[str]) -> Iterable[str]:
    if (first.status, first.reason) != (second.status, second.reason):
        yield f"status {first.status} {first.reason} and {second.status} {second.reason}"
    one, other = _headers(first, ours), _headers(second, theirs)
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield f"header {name}: {_show(one.get(name))} and {_show(other.get(name))}"
    left, right = _body(first, ours), _body(second, theirs)
    if left != right:
        yield f"body: {_show(left)} and {_show(right)}"


def _headers(answer: Answer, names: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in answer.headers:
        key = name.lower()
        found.setdefault(key, []).append("*" if key in _PASSING_HEADERS else _masked(value, names))
    return found


def _body(answer: Answer, names: list[str]) -> object:
    """The JSON value with what passes masked, or the masked text."""
    text = _masked(answer.body.decode("latin-1"), names)
    value = json_value(text.encode("latin-1"))
    return text if value is None else _settled(value)


def _settled(value: Any) -> object:  # noqa: ANN401  # the JSON is the target's
    if isinstance(value, dict):
        return {key: "*" if key.lower() in _PASSING_MEMBERS else _settled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_settled(each) for each in value]
    return value


def _masked(text: str, names: list[str]) -> str:
    for name in sorted(filter(None, names), key=len, reverse=True):
        # A whole word only: an id of two letters stands inside of many a word.
        text = re.sub(rf"(?<![0-9A-Za-z_-]){re.escape(name)}(?![0-9A-Za-z_-])", "*", text)
    return text


def _show(value: object) -> str:
    text = "none" if value is None else str(value)
    return repr(text[:_SHOWN])
