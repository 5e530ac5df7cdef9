"""Starts a broker for a deployment and gives every tenant its topic, its users and its permissions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from venturi.streams.broker import ADMIN, Broker, Certificate
from venturi.streams.errors import NoBroker
from venturi.streams.kafka_home import find
from venturi.streams.learned import learned
from venturi.streams.settings import BrokerSettings, IngestStreams, ResolverStreams, StreamLogin
from venturi.streams.tenancy import AUDITOR, SUPPORT, Stream, StreamAccess, provision


@dataclass(frozen=True)
class Streams:
    """A broker that runs, and what the processes that use it are told."""

    broker: Broker
    ingest: IngestStreams
    resolver: ResolverStreams
    auditor: StreamLogin


def build(
    directory: Path,
    tenants: Iterable[str],
    access: StreamAccess,
    register: Callable[[int, int], None] = lambda _group, _signal: None,
    forget: Callable[[int], None] = lambda _group: None,
) -> Streams:
    """Start Kafka below `directory` and provision every tenant's stream.

    `register` is told the broker's process group and the signal that ends it; `forget` is told a group that has ended.
    Raises NoBroker when there is no Kafka, no Java or no client here, BrokerDied when it does not start.
    """
    if find_spec("confluent_kafka") is None:
        raise NoBroker('the Kafka client is not installed; run: pip install "tenantproof[kafka]"')
    streams = [Stream(tenant) for tenant in tenants]
    users = [AUDITOR, SUPPORT, *(user for stream in streams for user in (stream.producer, stream.consumer))]
    words = {user: secrets.token_urlsafe(24) for user in users}
    home, certificate = find(), Certificate.fresh()
    broker = Broker(home, directory, certificate, options=learned(home, register, forget))
    broker.start(register)
    where = BrokerSettings(bootstrap=broker.address, ca=certificate.chain)
    provision(_admin(broker, where), streams, access, words)
    return Streams(
        broker,
        IngestStreams(
            broker=where,
            producers={
                stream.tenant: StreamLogin(user=stream.producer, password=words[stream.producer], topic=stream.topic)
                for stream in streams
            },
        ),
        ResolverStreams(
            broker=where,
            consumers={
                stream.tenant: StreamLogin(
                    user=stream.consumer, password=words[stream.consumer], topic=stream.topic, group=stream.group
                )
                for stream in streams
            },
        ),
        StreamLogin(user=AUDITOR, password=words[AUDITOR], topic=""),
    )


def _admin(broker: Broker, where: BrokerSettings) -> dict[str, Any]:
    """How the super user reaches the broker, over a listener of its own."""
    return {
        **where.client(ADMIN, broker.admin_password),
        "bootstrap.servers": broker.admin_address,
        "sasl.mechanism": "PLAIN",
    }
