"""Every process is killed again and again under load: no event is lost, none counts twice, nothing crosses over.

CRASH_KILLS sets how many kills there are.
"""

from __future__ import annotations

import asyncio
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec

from tests.resolution.crash_child import Post, Told
from tests.resolution.ground import Place, fresh_place, stored, story, vault_of
from tests.trail.cluster import run
from venturi.ingest.envelope import unseal
from venturi.ingest.events import Batch, Event
from venturi.resolution.rule import canonical, resolve
from venturi.streams.build import Streams
from venturi.streams.reader import Reader

TENANTS = ("acme", "acme-eu")
BATCHES, SIZE, KILLS = 30, 8, int(os.environ.get("CRASH_KILLS", "12"))


class Process:
    """A child that can be killed and started again; `lines` is what it says."""

    def __init__(self, role: str, told: Told) -> None:
        self.role, self.told = role, told
        self.lines: queue.Queue[str] = queue.Queue()
        self.popen = self.start()

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.resolution.crash_child", self.role]
        popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert popen.stdin is not None
        popen.stdin.write(msgspec.json.encode(self.told).decode() + "\n")
        popen.stdin.flush()
        threading.Thread(target=self.listen, args=(popen,), daemon=True).start()
        return popen

    def listen(self, popen: subprocess.Popen[str]) -> None:
        assert popen.stdout is not None
        for line in popen.stdout:
            self.lines.put(line.strip())
        popen.stdout.close()

    def say(self, line: str) -> None:
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.write(line + "\n")
            self.popen.stdin.flush()
        except BrokenPipeError:
            return

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.close()
        except BrokenPipeError:
            return


def posts() -> list[Post]:
    """The same events for both tenants: whatever crossed over would find its match."""
    made = []
    for tenant in TENANTS:
        events = story(BATCHES * SIZE, "e")
        if tenant == "acme-eu":
            events.reverse()
        for number in range(BATCHES):
            part = tuple(events[number * SIZE : (number + 1) * SIZE])
            made.append(Post(tenant, f"{tenant}-key-{number}", Batch(events=part)))
    return made


def drive(taking: Process, resolving: Process, streams: Streams, chance: random.Random) -> dict[str, str]:
    """Send every batch until it is acknowledged, killing something every now and then. Returns key to batch id."""
    waiting = {post.key: post for post in posts()}
    acknowledged: dict[str, str] = {}
    kills, due = 0, time.monotonic() + 0.8
    deadline = time.monotonic() + 120
    while (waiting or kills < KILLS) and time.monotonic() < deadline:
        if waiting:
            post = waiting[chance.choice(list(waiting))]
            taking.say(msgspec.json.encode(post).decode())
        try:
            key, _, batch = taking.lines.get(timeout=0.3).partition(" ")
        except queue.Empty:
            key = batch = ""
        if batch and batch != "failed":
            # Sent twice or more, a batch is the same batch.
            assert acknowledged.setdefault(key, batch) == batch
            waiting.pop(key, None)
        if kills < KILLS and time.monotonic() > due:
            kills += 1
            due = time.monotonic() + chance.uniform(0.1, 1.2)
            victims: list[Process | Streams] = [taking, taking, resolving, resolving, streams]
            one_dies(streams if kills == KILLS // 2 else chance.choice(victims))
    assert not waiting
    return acknowledged


def one_dies(victim: Process | Streams) -> None:
    if isinstance(victim, Process):
        victim.kill()
        victim.popen = victim.start()
        return
    assert victim.broker.process is not None
    os.killpg(victim.broker.process.pid, signal.SIGKILL)
    victim.broker.process.wait()
    victim.broker.restart()


async def log_of(streams: Streams, place: Place) -> list[Event]:
    """Everything in the tenant's topic, in order."""
    with ThreadPoolExecutor(1) as threads:
        reader = Reader(streams.resolver.broker, streams.resolver.consumers[place.tenant], threads)
        await reader.seek(0)
        events, idle = [], 0
        async with place.pool() as pool:
            vault = vault_of(place.tenant, pool)
            while idle < 4:
                found = await reader.read(1000)
                idle = 0 if found else idle + 1
                events += [await unseal(vault, place.tenant, message.value) for message in found]
        reader.close()
    return events


async def settled(place: Place, wanted: bytes) -> bytes:
    """The store once it holds what is wanted, or after a while whatever it holds."""
    deadline = time.monotonic() + 30
    while (found := canonical(await stored(place))) != wanted and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return found


def test_no_event_is_lost_or_doubled_whatever_is_killed(streams: Streams, socket: str) -> None:
    places = {tenant: fresh_place(socket, tenant) for tenant in TENANTS}
    where = {tenant: (place.socket, place.database) for tenant, place in places.items()}
    told = Told(where, streams.ingest, streams.resolver)
    taking, resolving = Process("take-in", told), Process("resolve", told)
    try:
        acknowledged = drive(taking, resolving, streams, random.Random(7))
        assert len(acknowledged) == BATCHES * len(TENANTS)
        for tenant, place in places.items():
            log = run(log_of(streams, place))
            sent = {event.id: event for post in posts() if post.tenant == tenant for event in post.batch.events}
            assert {event.id: event for event in log} == sent
            expected = sorted(resolve(tenant, log), key=lambda each: each.id)
            assert run(settled(place, canonical(expected))) == canonical(expected)
            assert expected
    finally:
        taking.kill()
        resolving.kill()
