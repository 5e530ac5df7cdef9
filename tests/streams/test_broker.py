"""What the broker lets each tenant do: its own, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from tests.streams.brokers import TENANTS, running_streams
from venturi.streams.broker import Broker, Certificate
from venturi.streams.build import Streams, build
from venturi.streams.client import kafka, kafka_admin
from venturi.streams.errors import BrokerDied, NoBroker, StreamUnavailable
from venturi.streams.kafka_home import KafkaHome, find
from venturi.streams.publisher import Publisher
from venturi.streams.reader import Message, Reader
from venturi.streams.settings import StreamLogin
from venturi.streams.tenancy import Stream, StreamAccess

PAIRS = list(itertools.permutations(TENANTS, 2))


@contextlib.contextmanager
def reader(streams: Streams, login: StreamLogin) -> Iterator[Reader]:
    with ThreadPoolExecutor(1) as threads:
        opened = Reader(streams.resolver.broker, login, threads)
        try:
            yield opened
        finally:
            opened.close()


def read_all(streams: Streams, login: StreamLogin, offset: int = 0, seconds: float = 6.0) -> list[Message]:
    async def run(source: Reader) -> list[Message]:
        await source.seek(offset)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := await source.read(1000):
                return list(found)
        return []

    with reader(streams, login) as source:
        return asyncio.run(run(source))


def publish(streams: Streams, tenant: str, *messages: bytes, seconds: float = 8.0) -> None:
    asyncio.run(Publisher(streams.ingest, seconds).publish(tenant, messages))


def listed(streams: Streams, login: StreamLogin) -> set[str]:
    admin = kafka_admin().AdminClient(streams.ingest.broker.client(login.user, login.password))
    return set(admin.list_topics(timeout=10).topics)


def on_topic(login: StreamLogin, topic: str) -> StreamLogin:
    return msgspec.structs.replace(login, topic=topic)


def test_a_tenant_reads_back_what_it_wrote_in_order(streams: Streams) -> None:
    publish(streams, "acme", b"one", b"two", b"three")
    found = read_all(streams, streams.resolver.consumers["acme"])
    assert [message.value for message in found[-3:]] == [b"one", b"two", b"three"]


@pytest.mark.parametrize(("attacker", "victim"), PAIRS)
def test_no_tenant_writes_to_anothers_topic(streams: Streams, attacker: str, victim: str) -> None:
    mine = on_topic(streams.ingest.producers[attacker], Stream(victim).topic)
    ingest = msgspec.structs.replace(streams.ingest, producers={attacker: mine})
    with pytest.raises(StreamUnavailable, match="TOPIC_AUTHORIZATION_FAILED"):
        asyncio.run(Publisher(ingest).publish(attacker, [b"forged"]))


@pytest.mark.parametrize(("attacker", "victim"), PAIRS)
def test_no_tenant_reads_anothers_topic(streams: Streams, attacker: str, victim: str) -> None:
    with pytest.raises(StreamUnavailable, match="TOPIC_AUTHORIZATION_FAILED"):
        read_all(streams, on_topic(streams.resolver.consumers[attacker], Stream(victim).topic))


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_is_shown_its_own_topic_alone(streams: Streams, tenant: str) -> None:
    assert listed(streams, streams.ingest.producers[tenant]) == {f"{tenant}.events"}
    assert listed(streams, streams.resolver.consumers[tenant]) == {f"{tenant}.events"}


def test_an_absent_topic_is_refused_like_a_foreign_one(streams: Streams) -> None:
    for topic in ("globex.events", "nobody.events"):
        with pytest.raises(StreamUnavailable, match="TOPIC_AUTHORIZATION_FAILED"):
            read_all(streams, on_topic(streams.resolver.consumers["acme"], topic))


def test_who_writes_may_not_read_and_who_reads_may_not_write(streams: Streams) -> None:
    writer, follower = streams.ingest.producers["acme"], streams.resolver.consumers["acme"]
    with pytest.raises(StreamUnavailable, match="AUTHORIZATION_FAILED"):
        read_all(streams, msgspec.structs.replace(writer, group=follower.group))
    ingest = msgspec.structs.replace(streams.ingest, producers={"acme": follower})
    with pytest.raises(StreamUnavailable, match="AUTHORIZATION_FAILED"):
        asyncio.run(Publisher(ingest).publish("acme", [b"forged"]))


def test_a_tenant_may_not_join_anothers_group(streams: Streams) -> None:
    login = streams.resolver.consumers["acme-eu"]
    consumer = kafka().Consumer(
        {**streams.resolver.broker.client(login.user, login.password), "group.id": "acme.stage-a"}
    )
    consumer.subscribe([login.topic])
    errors = [found.error().name() for _ in range(20) if (found := consumer.poll(0.3)) is not None and found.error()]
    consumer.close()
    assert "GROUP_AUTHORIZATION_FAILED" in errors


def test_a_wrong_password_opens_nothing(streams: Streams) -> None:
    login = msgspec.structs.replace(streams.ingest.producers["acme"], password="not-the-password")
    ingest = msgspec.structs.replace(streams.ingest, producers={"acme": login})
    with pytest.raises(StreamUnavailable):
        asyncio.run(Publisher(ingest, seconds=2).publish("acme", [b"x"]))


def test_a_client_without_tls_is_not_served(streams: Streams) -> None:
    plain: dict[str, Any] = {"bootstrap.servers": streams.broker.address, "log_level": 0}
    with pytest.raises(kafka().KafkaException):
        kafka_admin().AdminClient(plain).list_topics(timeout=2)


def test_a_killed_broker_comes_back_with_everything_it_acknowledged() -> None:
    with running_streams() as streams:
        publish(streams, "globex", *(b"%d" % number for number in range(50)))
        assert streams.broker.process is not None
        os.killpg(streams.broker.process.pid, signal.SIGKILL)
        streams.broker.process.wait()
        with pytest.raises(StreamUnavailable):
            publish(streams, "globex", b"lost", seconds=1)
        told: list[tuple[str, int]] = []
        ended = streams.broker.process.pid
        streams.broker.restart(
            lambda group, _signal: told.append(("registered", group)), lambda group: told.append(("forgotten", group))
        )
        # Or whoever has the number next would be killed with the deployment.
        assert told == [("forgotten", ended), ("registered", streams.broker.process.pid)]
        found = read_all(streams, streams.resolver.consumers["globex"], seconds=20)
        assert [message.value for message in found] == [b"%d" % number for number in range(50)]


def test_a_prefix_would_have_opened_the_namesakes_topic(prefixed: Streams) -> None:
    # Without it, the refusals above might be the broker's mood.
    assert listed(prefixed, prefixed.resolver.consumers["acme"]) == {"acme.events", "acme-eu.events"}


_PARENT = """
import sys, time
from pathlib import Path
from venturi.runtime.undertaker import Undertaker
from venturi.streams.build import build
from venturi.streams.tenancy import StreamAccess

rundir = Path(sys.argv[1])
streams = build(rundir / "kafka", ["acme"], StreamAccess(), Undertaker(rundir).register)
print(streams.broker.process.pid, flush=True)
time.sleep(60)
"""


def test_nothing_of_a_broker_outlives_a_killed_supervisor(streams: Streams, tmp_path: Path) -> None:
    # `streams` shows that there is a Kafka to be found.
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 8
    while (psutil.pid_exists(pid) or tmp_path.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
    assert not tmp_path.exists()


def test_without_kafka_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KAFKA_HOME", raising=False)
    monkeypatch.setenv("VENTURI_CACHE", str(tmp_path / "empty"))
    java = shutil.which("java")
    monkeypatch.setattr(shutil, "which", lambda name: java if name == "java" else None)
    monkeypatch.setitem(sys.modules, "jgo", None)
    with pytest.raises(NoBroker, match=r"neither Maven nor jgo is installed; set KAFKA_HOME|no Java"):
        build(tmp_path, ["acme"], StreamAccess())


def test_a_kafka_home_without_kafka_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    with pytest.raises(NoBroker, match=rf"KAFKA_HOME is {tmp_path}"):
        find()


def test_the_secrets_of_a_broker_are_for_its_owner_alone(streams: Streams) -> None:
    assert (streams.broker.directory / "server.properties").stat().st_mode & 0o777 == 0o600
    assert streams.broker.directory.stat().st_mode & 0o777 == 0o700


def test_a_broker_that_can_not_start_says_why(streams: Streams, tmp_path: Path) -> None:
    broken = Broker(KafkaHome(streams.broker.home.java, "nowhere"), tmp_path, Certificate("", ""))
    with pytest.raises(BrokerDied, match="could not format"):
        broken.start()
