"""What moto is spared: counting every message that waits whenever one more is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from venturi.aws.lighter import lighten


class Watched(list[Any]):
    """Messages that know how often somebody went through them."""

    looks = 0

    def __iter__(self) -> Iterator[Any]:
        self.looks += 1
        return super().__iter__()


def test_a_queue_is_not_counted_for_every_message_that_is_sent_to_it() -> None:
    lighten()
    from moto.sqs.models import sqs_backends

    backend = sqs_backends["000000000042"]["eu-central-1"]
    queue = backend.create_queue("filling", {})
    queue._messages = held = Watched()
    for number in range(50):
        backend.send_message("filling", str(number))
    assert [message.body for message in held] == [str(number) for number in range(50)]
    assert held.looks < 10


def test_moto_knows_its_services_without_looking_for_them_in_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    lighten()
    from moto import backends

    monkeypatch.setattr(os, "listdir", None)
    assert {"s3", "sns", "sqs", "iam"} <= set(backends.list_of_moto_modules())
    assert "nothing" not in backends.list_of_moto_modules()


def test_every_queue_has_a_count_of_its_own() -> None:
    lighten()
    from moto.sqs.models import Message, sqs_backends

    backend = sqs_backends["000000000043"]["eu-central-1"]
    queues = [backend.create_queue(name, {}) for name in ("one", "two")]
    for queue, count in zip(queues, (1, 2), strict=True):
        queue._messages = [Message(str(number), "x") for number in range(count)]
    assert [queue.attributes["ApproximateNumberOfMessages"] for queue in queues] == [1, 2]
