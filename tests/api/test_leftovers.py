"""A request that is over leaves nothing behind that only a collector would find, and no two of them share an id."""

from __future__ import annotations

import asyncio
import gc
import uuid
import weakref
from typing import Any, cast

import pytest
from starlette.requests import Request

from venturi.api.answer import Answer
from venturi.api.app import Api
from venturi.api.errors import ApiError, invalid_token
from venturi.api.exchange import Exchange
from venturi.api.gate import TenantGate
from venturi.api.paths import Route
from venturi.api.pipeline import Pipeline
from venturi.identity.principal import Principal

_PATH = "/v1/tenants/birch/attributions/att_1"
_SCOPE = {"type": "http", "method": "GET", "raw_path": _PATH.encode(), "query_string": b"", "headers": []}


class _Authenticator:
    """Knows everybody for somebody of alder, or nobody."""

    def __init__(self, problem: ApiError | None) -> None:
        self.problem = problem

    async def principal(self, exchange: Exchange) -> Principal:
        if self.problem is not None:
            raise self.problem
        assert exchange.path == _PATH
        return Principal("reader", "alder", "tenant", "person", frozenset())


class _Recorder:
    """Keeps a weak reference to every exchange, and nothing else."""

    def __init__(self) -> None:
        self.seen: list[weakref.ref[Exchange]] = []

    async def recorded(self, exchange: Exchange, answer: Answer) -> Answer:
        assert exchange.refused is not None
        self.seen.append(weakref.ref(exchange))
        return answer


async def _never(exchange: Any) -> Any:
    raise AssertionError(exchange)


@pytest.mark.parametrize("problem", [None, invalid_token("no")], ids=["another tenant", "no token"])
def test_a_refused_request_is_gone_when_it_is_answered(problem: ApiError | None) -> None:
    recorder = _Recorder()
    routes = [Route("GET", "/v1/tenants/{tenant_id}/attributions/{id}", _never)]
    parts: Any = (_Authenticator(problem), TenantGate(), None, recorder)
    api = Api(Pipeline(routes, *parts))
    told: list[int] = []

    async def send(message: Any) -> None:
        told.append(message.get("status", 0))

    gc.collect()
    gc.disable()
    try:
        asyncio.run(api(dict(_SCOPE), cast("Any", None), send))
        assert told == [403 if problem is None else 401, 0]
        assert [reference() for reference in recorder.seen] == [None]
    finally:
        gc.enable()


def test_the_id_of_a_request_is_a_random_uuid() -> None:
    made = [uuid.UUID(Exchange(Request(dict(_SCOPE))).id) for _ in range(200)]
    assert {(each.version, each.variant) for each in made} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == len(made)
