"""Measures a client of ours beside wrk: the same refused request, the same bare server, one core each, turn by turn.

Turn by turn, because a machine that does something else meanwhile does it to both. Where wrk is not installed, a loop
over one raw connection stands for it, and the figure's `ratio_to` says so. What a client in common use makes of the
same server is measured too: it says on which scale the ratio is.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from benchmarks import wrk
from benchmarks.figure import Figure
from benchmarks.refusing_server import serve_framework, serve_protocol, serve_uvicorn

CONNECTIONS = 32
Server: TypeAlias = Callable[[socket.socket, str, bytes, int], None]
Ours: TypeAlias = Callable[[], int]
"""Sends its requests and gives their number."""
TURNS = 5
_SECONDS = 1
_FLOORS: dict[str, Server] = {"": serve_framework, "_on_uvicorn": serve_uvicorn, "_on_a_protocol": serve_protocol}


@dataclass(frozen=True)
class Asked:
    """A request that is refused, and with what."""

    path: str
    token: str
    status: str
    body: bytes


@dataclass(frozen=True)
class Beside:
    """Medians of the turns."""

    rate: float
    limit: float
    ratio: float
    cpu: float
    """Seconds of this process's own time for each request: what other work on the machine changes least."""
    known: float
    """Requests a second of httpx, one after the other on one connection."""
    limit_name: str

    def figures(self, name: str) -> dict[str, Figure]:
        """`name`.rate, .limit, .known and .cpu."""
        return {
            f"{name}.rate": Figure(self.rate, "1/s", self.limit_name, self.ratio),
            f"{name}.limit": Figure(self.limit, "1/s"),
            f"{name}.known": Figure(self.known, "1/s", self.limit_name, self.known / self.limit),
            f"{name}.cpu": Figure(self.cpu, "s"),
        }


def on_each_floor(name: str, asked: Asked, client: Callable[[str], AbstractContextManager[Ours]]) -> dict[str, Figure]:
    """The figures of a client, which is made for a host:port: `name`, `name`_on_uvicorn and `name`_on_a_protocol."""
    figures: dict[str, Figure] = {}
    for floor, server in _FLOORS.items():
        with refusing(asked.status, asked.body, server) as host, client(host) as ours:
            figures |= beside(host, asked, ours).figures(f"{name}{floor}")
    return figures


def beside(host: str, asked: Asked, ours: Ours) -> Beside:
    """Let wrk and `ours` take turns on this process's core."""
    turns = []
    for _ in range(TURNS):
        limit, name = _limit(host, asked)
        wall, cpu = time.perf_counter(), time.process_time()
        count = ours()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        turns.append((count / wall, limit, count / wall / limit, cpu / count))
    rate, limit, ratio, spent = (statistics.median(column) for column in zip(*turns, strict=True))
    return Beside(rate, limit, ratio, spent, _known(host, asked), name)


@contextmanager
def refusing(status: str, body: bytes, server: Server) -> Iterator[str]:
    """A server on the first core, which refuses with that, and this process on the last; gives host:port."""
    cores = sorted(os.sched_getaffinity(0))
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    arguments = (listening, status, body, cores[0])
    process = multiprocessing.get_context("fork").Process(target=server, args=arguments, daemon=True)
    process.start()
    os.sched_setaffinity(0, {cores[-1]})
    try:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        _await(host)
        yield host
    finally:
        os.sched_setaffinity(0, cores)
        process.terminate()
        process.join(5)
        listening.close()


def _await(host: str) -> None:
    """Return once it answers; the socket takes connections before anybody serves them."""
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port)), timeout=60) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.recv(4096)


def _limit(host: str, asked: Asked) -> tuple[float, str]:
    """Requests a second of the fastest client at hand, and its name."""
    if wrk.is_here():
        said = wrk.run(f"http://{host}{asked.path}", asked.token, CONNECTIONS, _SECONDS)
        found = re.search(r"Requests/sec:\s*([\d.]+)", said)
        assert found, said
        return float(found[1]), "wrk on the same refusal"
    return _raw(host, asked), "one raw connection on the same refusal"


def _known(host: str, asked: Asked) -> float:
    """What most tools make of it: one request after the other, each through all that a library does for its users."""
    count, until = 0, time.perf_counter() + _SECONDS
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {asked.token}"}) as web:
        while time.perf_counter() < until:
            web.get(f"http://{host}{asked.path}")
            count += 1
    return count / _SECONDS


def _raw(host: str, asked: Asked) -> float:
    """One blocking connection, the answers unread but for their number of octets."""
    name, _, port = host.rpartition(":")
    sent = f"GET {asked.path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {asked.token}\r\n\r\n".encode()
    count, until = 0, time.perf_counter() + _SECONDS
    with socket.create_connection((name, int(port))) as connection:
        while time.perf_counter() < until:
            connection.sendall(sent)
            connection.recv(65536)
            count += 1
    return count / _SECONDS
