"""The wire survives whatever a target does, and contacts nobody it may not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tenantproof.clients.framing import BODY_LIMIT
from tenantproof.clients.pace import Pace
from tenantproof.clients.wire import Answer, Request, Wire, replay, request_line, response_line
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Safety
from tests.clients.loopback import Served, request_from, saying, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
GET = Request(method="GET", target="/x")
_open: list[Wire] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Every wire that a test made is closed after it."""
    yield
    while _open:
        _open.pop().close()


def wire(served: Served, seconds: float = 5.0, connections: int = 4) -> Wire:
    safety = Safety(hosts=(served.host,), requests_per_second=0, connections=connections, timeout_seconds=seconds)
    _open.append(Wire(served.url, safety))
    return _open[-1]


def ask(answer: bytes, request: Request = GET) -> Answer:
    with serving(saying(answer)) as served:
        return wire(served).send(request)


def test_a_request_goes_out_octet_for_octet_with_what_it_does_not_name_added() -> None:
    probe = "0123456789abcdef0123456789abcdef"
    headers = (("x-TENANT", "a"), ("X-Tenant", "b\xff"))
    with serving(saying(OK)) as served:
        wire(served).send(Request(method="gEt", target="/a/../b%2e?q=%00", headers=headers, probe=probe))
    head, *lines = served.received[0].split(b"\r\n")
    assert head == b"gEt /a/../b%2e?q=%00 HTTP/1.1"
    assert lines[:3] == [b"Host: " + served.host.encode(), b"x-TENANT: a", b"X-Tenant: b\xff"]
    assert any(line.startswith(b"traceparent: 00-" + probe.encode() + b"-") for line in lines)
    assert any(line.startswith(b"User-Agent: tenantproof/") for line in lines)


def test_a_request_that_names_a_header_keeps_its_own() -> None:
    own = (("host", "elsewhere"), ("TraceParent", "mine"), ("user-agent", "me"), ("content-length", "0"))
    with serving(saying(OK)) as served:
        wire(served).send(Request(method="POST", target="/", headers=own, probe="f" * 32))
    names = [line.split(b":")[0].lower() for line in served.received[0].split(b"\r\n")[1:] if line]
    assert sorted(names) == [b"content-length", b"host", b"traceparent", b"user-agent"]


def test_connections_are_kept_and_used_again() -> None:
    with serving(saying(OK, OK, OK)) as served:
        sender = wire(served)
        assert [sender.send(GET).body for _ in range(3)] == [b"hi"] * 3
        sender.close()
    assert served.connections == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n", b"hi!"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 1, 1\r\n\r\nx", b"x"),
    ],
    ids=["chunked", "close-delimited", "interim", "no content", "the same length twice"],
)
def test_an_answer_is_read_to_its_end(answer: bytes, body: bytes) -> None:
    seen = ask(answer)
    assert (seen.is_whole, seen.body, seen.malformed, seen.failure) == (True, body, "", "")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "status line"),
        (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "LF without CR"),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "header can't be read"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "header can't be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", "broke off after 2"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "contradicts itself"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "not a number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "not chunked"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no readable size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", "longer than its size"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "nobody asked"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, "interim"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "longer than 65536"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 14_000 + b"\r\n", "longer than 65536"),
    ],
)
def test_an_answer_that_can_not_be_trusted_is_malformed_and_says_why(answer: bytes, complaint: str) -> None:
    seen = ask(answer)
    assert complaint in seen.malformed
    assert not seen.is_whole


def test_what_was_read_of_half_an_answer_is_kept() -> None:
    assert ask(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nleak").body == b"leak"


def test_a_body_without_end_is_cut_at_the_limit() -> None:
    def flood(connection: socket.socket, served: Served) -> None:
        request_from(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with serving(flood) as served:
        seen = wire(served, seconds=30).send(GET)
    assert "longer than" in seen.malformed
    assert BODY_LIMIT < len(seen.body) <= BODY_LIMIT + 2 * 65536


def test_a_body_announced_as_too_large_is_not_waited_for() -> None:
    seen = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nx")
    assert not seen.is_whole


def _hang(connection: socket.socket, served: Served) -> None:
    request_from(connection)
    connection.recv(1)


def _drip(connection: socket.socket, served: Served) -> None:
    request_from(connection)
    for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + b"x" * 50:
        connection.sendall(bytes([octet]))
        time.sleep(0.03)


@pytest.mark.parametrize("script", [_hang, _drip], ids=["hang", "drip"])
def test_no_answer_takes_longer_than_the_profile_allows(script: Callable[[socket.socket, Served], None]) -> None:
    with serving(script) as served:
        begun = time.monotonic()
        seen = wire(served, seconds=0.4).send(GET)
        took = time.monotonic() - begun
    assert not seen.is_whole
    assert seen.status == 0
    assert "within 0.4 s" in seen.failure
    assert took < 1.5


def test_nobody_there_is_a_failure_and_no_exception() -> None:
    with serving(saying(OK)) as served:
        pass
    seen = wire(served).send(GET)
    assert seen.status == 0
    assert "can't be reached" in seen.failure


def test_a_connection_closed_without_a_word_is_a_failure() -> None:
    def close(connection: socket.socket, served: Served) -> None:
        request_from(connection)

    with serving(close) as served:
        seen = wire(served).send(GET)
    assert seen.failure == "the target closed the connection"
    assert served.connections == 1


def closing_at_the_second(connection: socket.socket, served: Served) -> None:
    """Answer one request, take a second one, and close without a word."""
    served.received.append(request_from(connection))
    connection.sendall(OK)
    served.received.append(request_from(connection))


def test_a_connection_that_was_closed_while_idle_is_not_used_again() -> None:
    with serving(saying(OK)) as served:
        sender = wire(served)
        assert sender.send(GET).is_whole
        time.sleep(0.05)
        assert sender.send(Request(method="POST", target="/")).is_whole
    assert served.connections == 2


@pytest.mark.parametrize("request_", [GET, Request(method="POST", target="/", repeatable=True)], ids=["get", "post"])
def test_what_may_be_repeated_is_sent_once_more_when_a_kept_connection_closes_over_it(request_: Request) -> None:
    with serving(closing_at_the_second, saying(OK)) as served:
        sender = wire(served)
        assert sender.send(GET).is_whole
        assert sender.send(request_).is_whole
    assert (served.connections, len(served.received)) == (2, 3)


def test_a_post_is_not_sent_again_when_a_kept_connection_closes_over_it() -> None:
    with serving(closing_at_the_second, saying(OK)) as served:
        sender = wire(served)
        assert sender.send(GET).is_whole
        assert sender.send(Request(method="POST", target="/")).status == 0
    assert served.connections == 1


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    seen = ask(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    assert (seen.status, seen.header("location")) == (302, "http://127.0.0.1:1/")


def test_a_host_that_the_profile_does_not_name_is_refused_before_anything_is_sent() -> None:
    with serving(saying(OK)) as served, serving(saying(OK)) as other:
        with pytest.raises(UsageError, match=r"not in safety\.hosts"):
            wire(served).send(GET, to=other.url)
        assert other.connections == 0


@pytest.mark.parametrize("url", ["ftp://x", "http://", "nonsense", "http://x:99999"])
def test_a_place_that_is_no_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError):
        Wire(url, Safety(hosts=("x",)))


def test_a_host_without_a_port_means_443() -> None:
    with pytest.raises(UsageError, match=r"example\.invalid:80"):
        Wire("http://example.invalid", Safety(hosts=("example.invalid",))).send(GET)


def test_octets_after_an_answer_are_never_taken_for_the_next_one() -> None:
    smuggled = OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    with serving(saying(smuggled), saying(OK)) as served:
        sender = wire(served)
        sender.send(GET)
        assert sender.send(GET).body == b"hi"
    assert served.connections == 2


def test_no_more_connections_are_open_than_the_profile_allows() -> None:
    together, most, lock = 0, 0, threading.Lock()

    def count(connection: socket.socket, served: Served) -> None:
        nonlocal together, most
        request_from(connection)
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.05)
        with lock:
            together -= 1
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with serving(count) as served:
        sender = wire(served, connections=2)
        threads = [threading.Thread(target=sender.send, args=(GET,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 2


def test_requests_are_spaced_as_the_profile_says() -> None:
    now, slept = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    pace = Pace(10, clock=lambda: now, sleep=sleep)
    for _ in range(4):
        pace.wait()
    assert slept == pytest.approx([0.1, 0.1, 0.1])
    Pace(0, clock=lambda: 0, sleep=lambda _: pytest.fail("no limit, no wait")).wait()


def test_a_replay_holds_no_secret() -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    headers = (("Authorization", f"Bearer {token}"), ("X-Other", token), ("Cookie", "session=1"))
    request = Request(method="POST", target=f"/x?t={token}", headers=headers, body=b"secret=1")
    text = replay(request) + request_line(request)
    assert token not in text
    assert "session=1" not in text
    assert "secret=1" not in text
    assert text.count("sha256:") == 6


def test_a_hostile_reason_stays_on_its_line() -> None:
    seen = ask(b"HTTP/1.1 200 \x1b[2J\x1b]0;owned\x07<b>\x85\r\nContent-Length: 0\r\n\r\n")
    line = response_line(seen)
    assert "\x1b" not in line
    assert "\x85" not in line
    assert line.startswith("200 <b>")
