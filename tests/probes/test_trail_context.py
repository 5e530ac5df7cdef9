"""The context of a request is told in full, or what is left out is named."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tenantproof.clients.exchange import Answer, Request
from tenantproof.probes.trail_context import chosen_source, untold_context

REQUEST = Request(method="GET", target="/v1/tenants/globex/attributions/att_1?a=b")
ANSWER = Answer(status=403, body=b"x" * 77)
PATH = "/v1/tenants/globex/attributions/att_1"


def _event(**changes: Any) -> dict[str, Any]:
    event = {
        "log_id": "1",
        "tenant_target": "globex",
        "actor": {"auth_method": "bearer"},
        "source": {"ip_hash": "sha256:00", "user_agent_hash": "sha256:11"},
        "request": {"path_hash": "sha256:" + hashlib.sha256(PATH.encode()).hexdigest()},
        "result": {"bytes": 77, "latency_us": 5},
        "code": {"service": "api"},
    }
    return {**event, **changes}


def test_a_full_context_leaves_nothing_out_whether_values_are_hashed_or_not() -> None:
    assert untold_context(_event(), REQUEST, ANSWER, "globex") == []
    assert untold_context(_event(request={"path": PATH}), REQUEST, ANSWER, "globex") == []


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"log_id": None}, ["an id to follow it by"]),
        ({"tenant_target": "acme"}, ["whose data it was after"]),
        ({"actor": {}}, ["how the caller was known"]),
        ({"source": {"user_agent": ""}}, ["where it came from", "the program that asked"]),
        ({"request": {"path": "/v1/tenants/{tenant}/attributions/{id}"}}, ["the path"]),
        ({"result": {"bytes": 78, "latency_us": 5}}, ["how much was answered"]),
        ({"result": {"bytes": 77}}, ["how long it took"]),
        ({"code": []}, ["the program that answered"]),
    ],
)
def test_what_is_left_out_is_named(changes: dict[str, Any], missing: list[str]) -> None:
    assert untold_context(_event(**changes), REQUEST, ANSWER, "globex") == missing


def test_an_event_of_nothing_tells_nothing() -> None:
    assert len(untold_context({}, REQUEST, ANSWER, "globex")) == len(untold_context(None, REQUEST, ANSWER, "x")) == 9


@pytest.mark.parametrize(
    ("source", "believed"),
    [
        ({"ip": "192.0.2.77"}, ["source.ip"]),
        ({"ip_hash": "SHA256:" + hashlib.sha256(b"192.0.2.77").hexdigest().upper()}, ["source.ip_hash"]),
        ({"peer": "192.0.2.77, 127.0.0.1", "port": 1}, ["source.peer"]),
        ({"ip": "127.0.0.1", "forwarded_for": "192.0.2.77", "xff_chain": ["192.0.2.77"], "hops": 7}, []),
        ({"ip_hash": "sha256:" + hashlib.sha256(b"127.0.0.1").hexdigest()}, []),
    ],
)
def test_a_chosen_address_is_found_where_an_event_believes_it_and_not_where_it_was_only_heard(
    source: dict[str, Any], believed: list[str]
) -> None:
    assert chosen_source(_event(source=source), "192.0.2.77") == believed
