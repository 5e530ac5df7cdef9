"""What is tried over HTTP/2 and can't be said in HTTP/1.1: header lists that contradict themselves, shared connections.

Each vector is a few streams of one connection. Smuggled requests (RFC 9113 section 10.3) are for what turns HTTP/2 into
HTTP/1.1; their answers would come on the streams that follow, which are the attacker's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tenantproof.clients.exchange import Headers
from tenantproof.clients.http2 import Manner


@dataclass(frozen=True)
class Aim:
    """Who is after whose data, by one operation. Paths are whole; `bearer` and the like are header fields."""

    attacker: str
    victim: str
    method: str
    scheme: str
    authority: str
    own: str
    theirs: str
    own_host: str
    their_host: str
    bearer: tuple[str, str]
    forged: tuple[str, str]
    """The victim's token with its signature spoiled: good for nothing, unless it is believed."""
    owner: tuple[str, str]
    """The victim's own token, for the victim's own stream."""


@dataclass(frozen=True)
class Draft:
    """One stream in the making: whose it is, its header list, its body."""

    caller: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True)
class Vector:
    """A way to ask. `tried` is the stream that is the attempt; `broken`: an error of the protocol is a refusal.

    `lingers`: what it leaves behind a front may be answered to whoever comes next, and that may be a stranger.
    """

    label: str
    build: Callable[[Aim], tuple[Draft, ...]]
    manner: Manner = Manner.TURNS
    tried: int = 0
    broken: bool = False
    lingers: bool = False


def own_read(aim: Aim) -> Draft:
    """The attacker asks for its own."""
    return Draft(aim.attacker, _list(aim, aim.own))


def _list(aim: Aim, *paths: str, authority: str = "", more: Headers = (), bearer: Headers = ()) -> Headers:
    """A header list in the order that it should have, with as many paths as are given."""
    return (
        (":method", aim.method),
        (":scheme", aim.scheme),
        (":authority", authority or aim.authority),
        *((":path", path) for path in paths),
        *more,
        *(bearer or (aim.bearer,)),
        ("accept", "application/json"),
    )


def _alone(headers: Callable[[Aim], Headers]) -> Callable[[Aim], tuple[Draft, ...]]:
    return lambda aim: (Draft(aim.attacker, headers(aim)),)


def _two_hosts(aim: Aim, *, theirs: bool, swapped: bool) -> Headers:
    first, second = (aim.their_host, aim.own_host) if swapped else (aim.own_host, aim.their_host)
    return _list(aim, aim.theirs if theirs else aim.own, authority=first, more=(("host", second),))


def _hosts() -> Iterator[Vector]:
    for where, theirs in (("own path", False), ("another's path", True)):
        for said, swapped in (("own authority, another's host", False), ("another's authority, own host", True)):
            headers = partial(_two_hosts, theirs=theirs, swapped=swapped)
            yield Vector(f"{said}, {where}", _alone(headers), broken=True)


def _late_path(aim: Aim) -> Headers:
    return (*_list(aim), (":path", aim.theirs))


def _second_path_late(aim: Aim) -> Headers:
    return (*_list(aim, aim.own), (":path", aim.theirs))


def _smuggled(aim: Aim) -> bytes:
    name, value = aim.bearer
    return f"{aim.method} {aim.theirs} HTTP/1.1\r\nhost: {aim.authority}\r\n{name}: {value}\r\n\r\n".encode()


def _by_length(aim: Aim) -> tuple[Draft, ...]:
    first = Draft(aim.attacker, _list(aim, aim.own, more=(("content-length", "0"),)), _smuggled(aim))
    return first, own_read(aim), own_read(aim)


def _by_coding(aim: Aim) -> tuple[Draft, ...]:
    body = b"0\r\n\r\n" + _smuggled(aim)
    first = Draft(aim.attacker, _list(aim, aim.own, more=(("transfer-encoding", "chunked"),)), body)
    return first, own_read(aim), own_read(aim)


def _by_value(aim: Aim) -> tuple[Draft, ...]:
    # The token stands behind it, and so in the second request: evidence shows this header, and must hold no token.
    value = f"1\r\n\r\n{aim.method} {aim.theirs} HTTP/1.1\r\nhost: {aim.authority}\r\nx-rest: 1"
    return Draft(aim.attacker, _list(aim, aim.own, more=(("x-note", value),))), own_read(aim), own_read(aim)


def _by_path(aim: Aim) -> tuple[Draft, ...]:
    path = f"{aim.own} HTTP/1.1\r\nhost: {aim.authority}\r\n\r\n{aim.method} {aim.theirs}"
    return Draft(aim.attacker, _list(aim, path)), own_read(aim), own_read(aim)


def _beside(path: Callable[[Aim], str]) -> Callable[[Aim], tuple[Draft, ...]]:
    """The victim's own stream, and one of the attacker's beside it."""
    return lambda aim: (
        Draft(aim.victim, _list(aim, aim.theirs, bearer=(aim.owner,))),
        Draft(aim.attacker, _list(aim, path(aim))),
    )


VECTORS: tuple[Vector, ...] = (
    Vector("another's path", _alone(lambda aim: _list(aim, aim.theirs))),
    *_hosts(),
    Vector("two paths, another's last", _alone(lambda aim: _list(aim, aim.own, aim.theirs)), broken=True),
    Vector("two paths, another's first", _alone(lambda aim: _list(aim, aim.theirs, aim.own)), broken=True),
    Vector("another's path behind the headers", _alone(_late_path), broken=True),
    Vector("two paths, another's behind the headers", _alone(_second_path_late), broken=True),
    Vector(
        "another's path in absolute form",
        _alone(lambda aim: _list(aim, f"{aim.scheme}://{aim.authority}{aim.theirs}")),
        broken=True,
    ),
    Vector(
        "tenant header in upper case",
        _alone(lambda aim: _list(aim, aim.own, more=(("X-Tenant-Id", aim.victim),))),
        broken=True,
    ),
    Vector(
        "second authorization in upper case",
        _alone(lambda aim: _list(aim, aim.theirs, bearer=(aim.bearer, (aim.forged[0].title(), aim.forged[1])))),
        broken=True,
    ),
    Vector(
        "two authorizations, a forged one last",
        _alone(lambda aim: _list(aim, aim.theirs, bearer=(aim.bearer, aim.forged))),
        broken=True,
    ),
    Vector(
        "two authorizations, a forged one first",
        _alone(lambda aim: _list(aim, aim.theirs, bearer=(aim.forged, aim.bearer))),
        broken=True,
    ),
    Vector("request in a body of no length", _by_length, broken=True, lingers=True),
    Vector("request behind a body in chunks", _by_coding, broken=True, lingers=True),
    Vector("request in the value of a header", _by_value, broken=True, lingers=True),
    Vector("request in the path", _by_path, broken=True, lingers=True),
    Vector(
        "tenant header in the value of a header",
        _alone(lambda aim: _list(aim, aim.own, more=(("x-note", f"1\r\nx-tenant-id: {aim.victim}"),))),
        broken=True,
    ),
    Vector(
        "tenant header in the name of a header",
        _alone(lambda aim: _list(aim, aim.own, more=((f"x-note: 1\r\nx-tenant-id: {aim.victim}\r\nx-rest", "1"),))),
        broken=True,
    ),
    Vector("own path while another's stream is open", _beside(lambda aim: aim.own), Manner.HELD, 1),
    Vector("another's path while its stream is open", _beside(lambda aim: aim.theirs), Manner.HELD, 1),
    Vector("own path beside another's stream", _beside(lambda aim: aim.own), Manner.AT_ONCE, 1),
    Vector("another's path beside its stream", _beside(lambda aim: aim.theirs), Manner.AT_ONCE, 1),
)
"""Every vector, in the order in which they are tried."""
