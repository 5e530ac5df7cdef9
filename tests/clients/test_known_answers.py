"""What was read before is not read again; what only looks so is."""

from __future__ import annotations

import socket
import time

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.known import Known
from tenantproof.clients.sweep_wire import Volley
from tests.clients.loopback import Served, request_from, serving
from tests.clients.test_sweep_wire import OK, get, swept

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


def test_the_same_octets_are_the_same_answer() -> None:
    known = Known()
    known.learn("GET", OK, Answer(status=200, body=b"hi"))
    assert known.answer("GET", OK) == Answer(status=200, body=b"hi")
    assert known.answer("GET", OK + b"x") is None


def test_an_answer_to_head_is_no_answer_to_get() -> None:
    known = Known()
    known.learn("HEAD", HEAD, Answer(status=200))
    assert known.answer("GET", HEAD) is None


def test_what_is_known_does_not_grow_for_ever() -> None:
    known = Known()
    for number in range(5000):
        known.learn("GET", b"%d" % number, Answer(status=200))
    known.learn("GET", b"x" * 5000, Answer(status=200))
    assert known.answer("GET", b"0") is None
    assert known.answer("GET", b"4999")
    assert known.answer("GET", b"x" * 5000) is None


def _in_pieces(connection: socket.socket, served: Served) -> None:
    """Two answers to pipelined requests, cut in the middle of the second; then its end alone, as if it were one."""
    request_from(connection)
    second = HEAD + b"yo"
    connection.sendall(OK + second[:10])
    time.sleep(0.05)
    connection.sendall(second[10:])
    while request := request_from(connection):
        served.received.append(request)
        connection.sendall(second[10:])


def test_the_end_of_an_answer_is_not_taken_for_an_answer() -> None:
    both = Volley(tag="both", requests=(get("/1"), get("/2")), pipelined=True)
    with serving(_in_pieces) as served:
        found = swept(served, both, Volley(tag="next", requests=(Request(method="GET", target="/3"),)), connections=1)
    assert [answer.body for answer in found["both"]] == [b"hi", b"yo"]
    assert found["next"][0].malformed
