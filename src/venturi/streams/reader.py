"""Reads one tenant's topic with that tenant's own credentials, from an offset that the caller keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from venturi.streams.client import kafka
from venturi.streams.errors import StreamUnavailable
from venturi.streams.settings import BrokerSettings, StreamLogin

POLL_SECONDS = 0.5
SECONDS = 5.0


@dataclass(frozen=True)
class Message:
    """One message of the tenant's topic."""

    offset: int
    value: bytes


class Reader:
    """A consumer of one topic with one partition. Its calls block, so they run on `threads`. `close()` when done."""

    def __init__(self, broker: BrokerSettings, login: StreamLogin, threads: Executor) -> None:
        self._login, self._threads = login, threads
        self._consumer: Any = kafka().Consumer(
            {
                **broker.client(login.user, login.password),
                "group.id": login.group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # The database says where to read on; if the log has no such place, that is an error, not a choice.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.error.backoff.ms": 100,
                "error_cb": lambda _error: None,  # what matters comes with the messages
            }
        )

    async def seek(self, offset: int) -> None:
        """Read on from this offset. Raises StreamUnavailable when the broker does not show us the topic."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._seek, offset)

    async def read(self, limit: int) -> Sequence[Message]:
        """The next messages, at most `limit`; none when there was nothing for half a second.

        Raises StreamUnavailable when the topic can't be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, limit)

    def report(self, offset: int) -> None:
        """Tell the broker how far we are, for whoever watches the lag; nothing depends on it."""
        place = kafka().TopicPartition(self._login.topic, 0, offset)
        self._consumer.commit(offsets=[place], asynchronous=True)

    def close(self) -> None:
        """Log out."""
        self._consumer.close()

    def _seek(self, offset: int) -> None:
        topic = self._login.topic
        try:
            # The client never says so when it reads from a topic that it may not see.
            fault = self._consumer.list_topics(topic, timeout=SECONDS).topics[topic].error
        except kafka().KafkaException as error:
            raise self._unreadable(error.args[0]) from None
        if fault is not None:
            raise self._unreadable(fault)
        self._consumer.assign([kafka().TopicPartition(topic, 0, offset)])

    def _unreadable(self, fault: Any) -> StreamUnavailable:  # noqa: ANN401  # the client has no types
        return StreamUnavailable(f"the topic {self._login.topic} can't be read: {fault.name()}")

    def _read(self, limit: int) -> list[Message]:
        first = self._consumer.poll(POLL_SECONDS)
        if first is None:
            return []
        found = [first, *self._consumer.consume(limit - 1, 0)] if limit > 1 else [first]
        for each in found:
            if each.error() is not None:
                raise self._unreadable(each.error())
        return [Message(each.offset(), each.value() or b"") for each in found]
