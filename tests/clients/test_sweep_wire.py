"""The wire for sweeps loses no trial, whatever the target does, and sends nothing that it was not told to."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

import pytest

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.sweep_wire import SweepWire, Volley
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Safety
from tests.clients.loopback import Served, request_from, saying, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n"


def safety(host: str, *, seconds: float = 5.0, connections: int = 2, rate: float = 0) -> Safety:
    return Safety(hosts=(host,), requests_per_second=rate, connections=connections, timeout_seconds=seconds)


def swept(served: Served, *volleys: Volley[str], **options: float) -> dict[str, Sequence[Answer]]:
    found: dict[str, Sequence[Answer]] = {}
    limits = safety(served.host, **options)  # type: ignore[arg-type]  # the options above
    SweepWire(served.url, limits).run(volleys, lambda volley, answers: found.update({volley.tag: answers}))
    return found


def get(target: str = "/", method: str = "GET") -> Request:
    return Request(method=method, target=target)


def one(tag: str, request: Request, **options: bool) -> Volley[str]:
    return Volley(tag=tag, requests=(request,), **options)  # type: ignore[arg-type]  # its flags


def test_every_volley_gets_its_own_answer_and_connections_are_used_again() -> None:
    with serving(saying(*[OK] * 50)) as served:
        found = swept(served, *(one(str(number), get(f"/{number}")) for number in range(40)))
    assert len(found) == 40
    assert all(answers[0].body == b"hi" for answers in found.values())
    assert served.connections <= 2


def test_the_octets_are_those_of_the_other_wire() -> None:
    request = Request(method="gEt", target="/a/../b%2e", headers=(("X-A", "1"), ("x-a", "b\xff")), probe="a" * 32)
    with serving(saying(OK)) as served:
        swept(served, one("a", request))
    head, *lines = served.received[0].split(b"\r\n")
    assert head == b"gEt /a/../b%2e HTTP/1.1"
    assert lines[:3] == [b"Host: " + served.host.encode(), b"X-A: 1", b"x-a: b\xff"]


def test_a_target_that_says_it_is_busy_is_asked_again_and_the_trial_is_not_lost() -> None:
    with serving(saying(BUSY, BUSY, OK)) as served:
        found = swept(served, one("a", get()), connections=1)
    assert (found["a"][0].status, found["a"][0].tries) == (200, 3)


def test_what_may_not_be_repeated_is_not_repeated() -> None:
    with serving(saying(BUSY, OK)) as served:
        found = swept(served, one("a", get(method="POST")), connections=1)
    assert (found["a"][0].status, found["a"][0].tries, len(served.received)) == (503, 1, 1)


def test_a_target_that_stays_busy_is_left_alone_after_some_tries() -> None:
    with serving(saying(*[BUSY] * 9)) as served:
        found = swept(served, one("a", get()), connections=1)
    assert (found["a"][0].status, len(served.received)) == (503, 4)


@pytest.mark.parametrize("octets", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: x\r\n\r\n"])
def test_a_malformed_answer_is_an_observation(octets: bytes) -> None:
    with serving(saying(octets), saying(OK)) as served:
        found = swept(served, one("a", get()), one("b", get()), connections=1)
    assert found["a"][0].malformed
    assert found["b"][0].status == 200


def test_a_connection_that_ends_unasked_is_replaced_and_the_request_sent_again() -> None:
    with serving(saying(OK), saying(OK)) as served:
        found = swept(served, one("a", get()), one("b", get()), connections=1)
    assert [found[tag][0].status for tag in "ab"] == [200, 200]


def test_a_target_that_goes_silent_is_waited_for_no_longer_than_it_may() -> None:
    def silent(connection: socket.socket, served: Served) -> None:
        request_from(connection)
        connection.recv(1)

    started = time.monotonic()
    with serving(silent) as served:
        found = swept(served, one("a", get()), seconds=0.2, connections=1)
    assert "within 0.2 s" in found["a"][0].failure
    assert time.monotonic() - started < 10


def test_a_dead_target_is_an_observation() -> None:
    with serving(saying()) as served:
        pass
    assert "can't be reached" in swept(served, one("a", get()))["a"][0].failure


def pipelined(connection: socket.socket, served: Served) -> None:
    """Answers only when three requests have come, and all at once."""
    octets = b""
    while octets.count(b"\r\n\r\n") < 3:
        octets += connection.recv(65536)
    served.received.append(octets)
    connection.sendall(b"".join(OK.replace(b"hi", body) for body in (b"h1", b"h2", b"h3")))


def test_pipelined_requests_leave_together_and_their_answers_are_told_apart() -> None:
    volley = Volley(tag="a", requests=(get("/1"), get("/2"), get("/3")), pipelined=True)
    with serving(pipelined) as served:
        found = swept(served, volley, connections=1)
    assert [answer.body for answer in found["a"]] == [b"h1", b"h2", b"h3"]


def test_requests_of_a_volley_follow_each_other_on_one_connection() -> None:
    volley = Volley(tag="a", requests=(get("/1"), get("/2"), get("/3")))
    with serving(saying(OK, OK, OK)) as served:
        found = swept(served, volley, connections=1)
    assert [answer.status for answer in found["a"]] == [200] * 3
    assert served.connections == 1


def test_a_connection_that_the_target_closes_in_a_volley_does_not_lose_the_rest() -> None:
    volley = Volley(tag="a", requests=(get("/1"), get("/2")))
    with serving(saying(LAST), saying(OK)) as served:
        found = swept(served, volley, connections=1)
    assert [answer.status for answer in found["a"]] == [200, 200]


def test_a_fresh_volley_shares_no_connection() -> None:
    with serving(saying(OK, OK, OK)) as served:
        swept(served, one("a", get()), one("b", get(), fresh=True), one("c", get()), connections=1)
    assert served.connections == 3


def test_a_request_can_be_held_between_its_head_and_its_body() -> None:
    request = Request(method="POST", target="/", body=b"late")
    with serving(saying(OK)) as served:
        found = swept(served, Volley(tag="a", requests=(request,), hold=0.05), connections=1)
    assert found["a"][0].status == 200
    assert found["a"][0].seconds >= 0.05


def test_the_rate_of_the_profile_holds_for_all_connections_together() -> None:
    started = time.monotonic()
    with serving(saying(*[OK] * 9)) as served:
        swept(served, *(one(str(number), get()) for number in range(8)), rate=40.0)
    assert time.monotonic() - started >= 7 / 40


def test_an_error_of_the_sink_ends_the_run_and_is_raised() -> None:
    def broken(volley: Volley[str], answers: Sequence[Answer]) -> None:
        raise ZeroDivisionError(volley.tag)

    with serving(saying(*[OK] * 9)) as served, pytest.raises(ZeroDivisionError):
        SweepWire(served.url, safety(served.host)).run([one("a", get())] * 5, broken)


def test_nobody_is_contacted_whom_the_profile_does_not_name() -> None:
    with pytest.raises(UsageError, match=r"safety\.hosts"):
        SweepWire("http://127.0.0.1:9", safety("127.0.0.1:10"))
