"""How a process reaches the broker, and as whom."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

_LOG = logging.getLogger("venturi.kafka")
_LOG.setLevel(logging.CRITICAL)  # a broker that goes away is told to the caller, and would fill the log besides


class StreamLogin(msgspec.Struct, frozen=True, kw_only=True):
    """One SCRAM user and what it may touch; `group` is empty for one that only writes."""

    user: str
    password: str
    topic: str
    group: str = ""


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is (host:port) and the certificate that vouches for it (PEM)."""

    bootstrap: str
    ca: str

    def client(self, user: str, password: str) -> dict[str, Any]:
        """What every client needs to be told (librdkafka's names), with its log where ours is."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
            "ssl.ca.pem": self.ca,
            "logger": _LOG,
            "log.connection.close": False,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
        }


class IngestStreams(msgspec.Struct, frozen=True, kw_only=True):
    """What the API process holds: the right to write to each tenant's topic, and no right to read any."""

    broker: BrokerSettings
    producers: dict[str, StreamLogin]
    """Tenant to login."""


class ResolverStreams(msgspec.Struct, frozen=True, kw_only=True):
    """What Stage A holds: the right to read each tenant's topic, and no right to write any."""

    broker: BrokerSettings
    consumers: dict[str, StreamLogin]
    """Tenant to login."""
