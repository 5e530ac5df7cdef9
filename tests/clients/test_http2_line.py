"""Whatever answers over HTTP/2 is an observation: no server breaks the client, or keeps it for long."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
from hpack import Encoder
from msgspec.structs import replace

from tenantproof.clients import http2_line
from tenantproof.clients.exchange import Request, new_probe
from tenantproof.clients.http2 import Heard, Http2Wire, Manner
from tenantproof.clients.pace import Pace
from tenantproof.model.errors import UsageError
from tests.clients.profiles import CANARIES, profile_of

SETTINGS, ACK = b"\0\0\0\4\0\0\0\0\0", b"\0\0\0\4\1\0\0\0\0"
DATA, HEADERS, RST, PUSH, PING, GOAWAY, CONTINUATION = 0, 1, 3, 5, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
SECONDS = 1.0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def head(*fields: tuple[str, str], flags: int = END_HEADERS, stream: int = 1) -> bytes:
    return frame(HEADERS, flags, stream, Encoder().encode(fields))


OK = head((":status", "200"))
CANARY = b"cnry-aaaaaaaaaaaaaaaaaaaaaaaa"


def whole(body: bytes = CANARY, stream: int = 1) -> bytes:
    return head((":status", "200"), stream=stream) + frame(DATA, END_STREAM, stream, body)


@contextmanager
def saying(*said: bytes, forever: bytes = b"", silent: bool = False) -> Iterator[str]:
    """A server that says this on every connection, whatever it is told; then it hangs up, or never does."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"".join(said))
            while forever and not over.is_set():
                connection.sendall(forever)
            if silent:
                over.wait(20)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


def ask(host: str, manner: Manner = Manner.TURNS, streams: int = 1) -> tuple[Heard, ...]:
    profile = profile_of(host, {tenant: {"token": {"env": "NONE"}} for tenant in CANARIES})
    safety = replace(profile.safety, timeout_seconds=SECONDS)
    wire = Http2Wire(replace(profile, safety=safety, http=replace(profile.http, http2=True)), Pace(0))
    list_ = ((":method", "GET"), (":scheme", "http"), (":authority", host), (":path", "/"))
    request = Request(method="GET", target="/", headers=list_, probe=new_probe(), protocol="HTTP/2")
    return wire.send((request,) * streams, manner)


@pytest.mark.parametrize(
    ("said", "ending", "why", "body"),
    [
        ([SETTINGS, whole()], "whole", "", CANARY),
        ([SETTINGS, head((":status", "100")), whole()], "whole", "", CANARY),
        ([SETTINGS, frame(PING, 0, 0, b"12345678"), ACK, whole()], "whole", "", CANARY),
        ([SETTINGS, frame(GOAWAY, 0, 0, struct.pack(">II", 1, 0)), whole()], "whole", "", CANARY),
        ([SETTINGS, frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0) + CANARY)], "refused", "NO_ERROR", CANARY),
        ([SETTINGS, frame(GOAWAY, 0, 0, struct.pack(">II", 1, 1) + CANARY)], "refused", "PROTOCOL_ERROR", CANARY),
        ([SETTINGS, frame(GOAWAY, 0, 0, b"\0")], "broken", "a GOAWAY is shorter", b""),
        ([SETTINGS, frame(RST, 0, 1, struct.pack(">I", 7))], "refused", "REFUSED_STREAM", b""),
        ([SETTINGS, frame(RST, 0, 1, struct.pack(">I", 4711))], "refused", "error 4711", b""),
        (
            [SETTINGS, OK, frame(DATA, 0, 1, CANARY), frame(RST, 0, 1, struct.pack(">I", 2))],
            "refused",
            "INTERNAL_ERROR",
            CANARY,
        ),
        ([SETTINGS, OK, frame(DATA, 0, 1, CANARY)], "refused", "closed the connection", CANARY),
        ([SETTINGS], "refused", "closed the connection", b""),
        ([], "refused", "closed the connection", b""),
        ([b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"], "broken", "a frame is longer", b""),
        ([SETTINGS, frame(DATA, 0, 1, CANARY)], "broken", "against the protocol", CANARY),
        (
            [SETTINGS, head((":status", "200"), ("content-length", "3")), frame(DATA, 1, 1, CANARY)],
            "broken",
            "against the protocol",
            CANARY,
        ),
        ([SETTINGS, OK, frame(DATA, 8, 1, b"\xff" + CANARY)], "broken", "against the protocol", b"\xff" + CANARY),
        ([SETTINGS, frame(HEADERS, 4, 1, b"\xff" * 40)], "broken", "against the protocol", b""),
        (
            [SETTINGS, frame(PUSH, 4, 1, struct.pack(">I", 2) + Encoder().encode([(":path", "/")]))],
            "broken",
            "against the protocol",
            b"",
        ),
        ([SETTINGS, frame(CONTINUATION, 4, 1, b"")], "broken", "against the protocol", b""),
        ([SETTINGS, whole(stream=9)], "broken", "against the protocol", b""),
        ([SETTINGS, head(("server", "s")), frame(DATA, 1, 1, CANARY)], "whole", "no status", CANARY),
        ([SETTINGS, head((":status", "abc")), frame(DATA, 1, 1, CANARY)], "whole", "no status", CANARY),
    ],
)
def test_whatever_is_said_is_kept_with_how_it_ended(said: list[bytes], ending: str, why: str, body: bytes) -> None:
    with saying(*said) as host:
        (heard,) = ask(host)
    assert heard.ending == ending
    assert why in (heard.answer.failure or heard.answer.malformed)
    assert heard.answer.body == body
    assert heard.answer.is_whole == (ending == "whole" and not why)


def test_header_fields_are_kept_in_their_spelling_and_trailers_with_them() -> None:
    fields = ((":status", "200"), ("X-Upper", "a"), ("x-note", "b\r\nc"))
    trailers = head(("x-last", "d"), flags=END_HEADERS | END_STREAM)
    with saying(SETTINGS, head(*fields), frame(DATA, 0, 1, b"{}"), trailers) as host:
        (heard,) = ask(host)
    assert heard.answer.is_whole
    assert heard.answer.headers == (("X-Upper", "a"), ("x-note", "b\r\nc"), ("x-last", "d"))


@pytest.mark.parametrize(
    ("said", "forever", "why"),
    [
        ([SETTINGS], head((":status", "103")), "header fields or more"),
        ([SETTINGS, head((":status", "200"), *((f"x-{n}", "1") for n in range(300)))], b"", "header fields or more"),
        (
            [SETTINGS, head((":status", "200"), flags=0)],
            frame(CONTINUATION, 0, 1, b"\x40\x01a\x01b" * 1000),
            "against the protocol",
        ),
        (
            [SETTINGS, head((":status", "200"), ("x-long", "a" * 12_000))],
            head(("x-long", "a" * 12_000)),
            "against the protocol",
        ),
        ([SETTINGS, OK], frame(DATA, 0, 1, b"x" * 8000), "the body is longer"),
        ([], frame(PING, 0, 0, b"12345678") * 500, "octets came on one connection"),
    ],
    ids=["interim", "fields", "continuation", "trailers", "body", "pings"],
)
def test_what_never_ends_is_ended(said: list[bytes], forever: bytes, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_line, "BODY_LIMIT", 200_000)
    begun = time.monotonic()
    with saying(*said, forever=forever, silent=True) as host:
        (heard,) = ask(host)
    assert heard.ending == "broken"
    assert why in (heard.answer.failure or heard.answer.malformed)
    assert time.monotonic() - begun < 10 * SECONDS


def test_of_a_body_that_is_too_long_its_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_line, "BODY_LIMIT", 20_000)
    with saying(SETTINGS, OK, frame(DATA, 0, 1, CANARY), *[frame(DATA, 0, 1, b"x" * 10_000)] * 4) as host:
        (heard,) = ask(host)
    assert (heard.ending, len(heard.answer.body)) == ("broken", 20_000)
    assert heard.answer.body.startswith(CANARY)
    assert "the body is longer" in heard.answer.malformed


@pytest.mark.parametrize("manner", list(Manner))
def test_a_server_that_says_nothing_is_waited_for_once(manner: Manner) -> None:
    begun = time.monotonic()
    with saying(SETTINGS, silent=True) as host:
        (heard,) = ask(host, manner)
    assert heard.ending == "silent"
    assert f"no answer within {SECONDS:g} s" in heard.answer.failure
    assert time.monotonic() - begun < 4 * SECONDS


def test_no_frame_is_waited_for_that_is_longer_than_it_may_be() -> None:
    with saying(SETTINGS, OK, frame(DATA, 0, 1, CANARY), b"\xff\xff\xff\0\0\0\0\0\1", silent=True) as host:
        (heard,) = ask(host)
    assert (heard.ending, heard.answer.body) == ("broken", CANARY)
    assert heard.answer.malformed == "a frame is longer than it may be"


def test_a_library_that_stumbles_is_an_observation_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(self: object, data: bytes) -> None:
        raise AssertionError("impossible")

    monkeypatch.setattr("h2.connection.H2Connection.receive_data", stumble)
    with saying(SETTINGS, frame(DATA, 0, 1, CANARY)) as host:
        (heard,) = ask(host)
    assert (heard.ending, heard.answer.failure) == ("broken", "against the protocol: AssertionError: impossible")


def test_where_nobody_listens_every_stream_says_so() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        host = f"127.0.0.1:{taken.getsockname()[1]}"
    heard = ask(host, streams=2)
    assert [each.ending for each in heard] == ["silent", "silent"]
    assert all("can't be reached" in each.answer.failure for each in heard)


def test_a_server_that_takes_one_stream_at_a_time_is_told_of_no_other() -> None:
    one = frame(4, 0, 0, struct.pack(">HI", 3, 0))
    with saying(one, whole(), silent=True) as host:
        first, second = ask(host, streams=2)
    assert first.ending == "whole"
    assert second.ending == "silent"
    assert "takes no such stream" in second.answer.failure


def test_a_host_that_the_profile_does_not_allow_is_not_contacted() -> None:
    profile = profile_of("127.0.0.1:1", {tenant: {"token": {"env": "NONE"}} for tenant in CANARIES})
    with pytest.raises(UsageError, match=r"is not in safety\.hosts"):
        Http2Wire(replace(profile, safety=replace(profile.safety, hosts=("127.0.0.1:2",))), Pace(0))
