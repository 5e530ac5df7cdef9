"""The Kafka client, which is an optional dependency and has no types."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def kafka() -> Any:  # noqa: ANN401  # an untyped module
    """The module confluent_kafka. Raises ImportError without the extra `kafka`."""
    return import_module("confluent_kafka")


def kafka_admin() -> Any:  # noqa: ANN401  # an untyped module
    """The module confluent_kafka.admin. Raises ImportError without the extra `kafka`."""
    return import_module("confluent_kafka.admin")
