"""Bodies that are not what they should be, at every operation that takes one: refused as promised, never a fault."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.served import Service
from tests.api.test_contract import OPERATIONS, Asking, check
from venturi.api import exchange

WRITING = [key for key, operation in OPERATIONS.items() if "requestBody" in operation]
DEEP = 30_000
MALFORMED: dict[str, bytes] = {
    "cut off": b'{"a": ',
    "no JSON": b"a=b&c=d",
    "two values": b"{} {}",
    "a trailing comma": b'{"a": 1,}',
    "a comment": b"{} // done",
    "single quotes": b"{'a': 1}",
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a leading zero": b'{"a": 01}',
    "a very long number": b'{"a": ' + b"9" * 50_000 + b"}",
    "a zero byte": b'{"a": "\x00"}',
    "nothing but white space": b" \r\n\t",
    "an array": b"[]",
    "an array of it": b"[{}]",
    "a string": b'"{}"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "a member twice": b'{"a": 1, "a": 1}',
    "a member twice inside": b'{"a": {"b": 1, "b": 2}}',
    "a member twice by escapes": b'{"a": 1, "\\u0061": 1}',
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep in a member": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32-le"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "Latin-1": '{"ä": 1}'.encode("latin-1"),
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "half a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "compressed": gzip.compress(b'{"a": 1}'),
    "an unknown member": b'{"no_such_member": 1}',
    "a member of the prototype": b'{"__proto__": {"tenant_id": "birch"}}',
}
HALF = "\ud800"
WRONG: tuple[Any, ...] = ({}, [[[]]], True, -1e308, HALF, {"a": HALF}, [HALF])


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_what_is_no_request_is_refused_at_every_operation(api: Service, method: str, path: str) -> None:
    asking = Asking(api, method, path)
    for what, body in MALFORMED.items():
        answer = asking.ask(content=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST"), f"{what}: {answer.text}"
        check(answer, method, path)


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_good_body_of_another_type_is_refused(api: Service, method: str, path: str) -> None:
    asking = Asking(api, method, path)
    body = json.dumps(asking.body()).encode()
    for media in (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "json",
        "",
    ):
        answer = asking.ask(content=body, media=media)
        assert answer.status_code == 400, f"{media}: {answer.text}"
        check(answer, method, path)


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_member_of_another_type_is_refused(api: Service, method: str, path: str) -> None:
    asking = Asking(api, method, path)
    good = asking.body()
    for name in good:
        # Half a surrogate is text to a parser of JSON, and to nobody behind it.
        for wrong in WRONG:
            answer = asking.ask(content=json.dumps({**good, name: wrong}).encode())
            assert 400 <= answer.status_code < 500, f"{name} {wrong!r}: {answer.text}"
            check(answer, method, path)


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_body_that_is_too_large_is_not_read_to_its_end(api: Service, method: str, path: str) -> None:
    answer = Asking(api, method, path).ask(content=b'{"a": "' + b"x" * 65_536 + b'"}')
    assert (answer.status_code, answer.json()["error"]) == (413, "TOO_LARGE")
    check(answer, method, path)


def test_a_client_that_sends_nothing_more_is_told_so_and_let_go(api: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_SECONDS", 0.2)
    place = urlsplit(api.base)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/tenants/birch/attribution-lookups HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {api.token('birch')}\r\nContent-Length: 20\r\n\r\n".encode()
            + b'{"ids"'
        )
        told = b""
        while part := connection.recv(4096):
            told += part
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b'"TOO_SLOW"' in told
    assert b"audit-receipt" in told.lower()


def test_many_slow_clients_keep_nobody_else_waiting(api: Service) -> None:
    place = urlsplit(api.base)
    head = (
        "POST /v1/tenants/birch/attribution-lookups HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {api.token('birch')}\r\nContent-Length: 20\r\n\r\n"
    ).encode()
    slow = [socket.create_connection((place.hostname, place.port), timeout=30) for _ in range(50)]
    try:
        for each in slow:
            each.sendall(head)
        for _ in range(5):
            assert api.get("/v1/tenants/birch/attributions/att_birch_0", "birch").status_code == 200
    finally:
        for each in slow:
            each.close()
    assert api.get("/healthz").status_code == 200
