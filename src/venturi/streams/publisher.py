"""Writes to each tenant's topic with that tenant's own credentials, and returns when the broker has it on disk."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from venturi.streams.client import kafka
from venturi.streams.errors import StreamUnavailable
from venturi.streams.settings import IngestStreams

SECONDS = 8.0


class Publisher:
    """One idempotent producer per tenant, made when it is first needed. `close()` when done."""

    def __init__(self, streams: IngestStreams, seconds: float = SECONDS) -> None:
        self._streams, self._seconds = streams, seconds
        self._producers: dict[str, Any] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def publish(self, tenant: str, messages: Sequence[bytes]) -> None:
        """Append the messages to the tenant's topic, in this order.

        Returns when every in-sync replica has all of them; raises StreamUnavailable otherwise, and KeyError for a
        tenant that has no stream.
        """
        login = self._streams.producers[tenant]
        async with self._turns[tenant]:
            failed = await asyncio.to_thread(self._append, tenant, login.topic, messages)
            if failed:
                # A producer that gave up may still hold what it could not deliver; the next batch gets a new one.
                self._producers.pop(tenant, None)
                raise StreamUnavailable(f"the topic of {tenant} did not take the batch: {failed}")

    def close(self) -> None:
        """Drop the producers; nothing is waiting in them, for `publish` waits itself."""
        self._producers.clear()

    def _append(self, tenant: str, topic: str, messages: Sequence[bytes]) -> str:
        """Why it failed, or nothing."""
        outcomes: list[str] = []

        def told(error: Any, _message: object) -> None:  # noqa: ANN401  # the client has no types
            outcomes.append("" if error is None else str(error.name()))

        try:
            producer = self._producer(tenant)
            for message in messages:
                producer.produce(topic, message, on_delivery=told)
            deadline = time.monotonic() + self._seconds + 1
            while len(outcomes) < len(messages) and time.monotonic() < deadline:
                producer.poll(0.1)
        except (kafka().KafkaException, BufferError) as error:
            return str(error)
        if len(outcomes) < len(messages):
            return "no acknowledgement"
        return next(filter(None, outcomes), "")

    def _producer(self, tenant: str) -> Any:  # noqa: ANN401  # the client has no types
        if tenant not in self._producers:
            self._producers[tenant] = self.connect(tenant)
        return self._producers[tenant]

    def connect(self, tenant: str) -> Any:  # noqa: ANN401  # the client has no types
        """A producer that logs in as the tenant's own user."""
        login = self._streams.producers[tenant]
        return kafka().Producer(
            {
                **self._streams.broker.client(login.user, login.password),
                "acks": "all",
                "enable.idempotence": True,
                "delivery.timeout.ms": int(self._seconds * 1000),
                "request.timeout.ms": 2000,
                "linger.ms": 1,
                "compression.type": "none",  # sizes of compressed secrets tell tales
                "error_cb": lambda _error: None,  # delivery reports say all that matters
            }
        )
