"""Publishes notices to the SNS topics of the tenants."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from venturi.aws.clients import connect
from venturi.settings import AwsClientSettings

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_CONNECT, _READ = 2, 3


def sns_publisher(aws: AwsClientSettings) -> Callable[[str, str], Awaitable[str]]:
    """A function (topic ARN, message) -> message id. It raises what botocore raises, within a few seconds."""
    clients: dict[str, SNSClient] = {}
    making = threading.Lock()

    def client(region: str) -> SNSClient:
        # Clients may be shared between threads; making one may not.
        with making:
            if region not in clients:
                clients[region] = made(region)
            return clients[region]

    def made(region: str) -> SNSClient:
        retries = {"total_max_attempts": 1}
        made = connect("sns", region, aws, connect_timeout=_CONNECT, read_timeout=_READ, retries=retries)
        return cast("SNSClient", made)

    def publish(topic: str, message: str) -> str:
        return client(region_of(topic)).publish(TopicArn=topic, Message=message)["MessageId"]

    async def published(topic: str, message: str) -> str:
        return await asyncio.to_thread(publish, topic, message)

    return published


def region_of(arn: str) -> str:
    """The region in an ARN. Raises ValueError when there is none."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or not parts[3]:
        raise ValueError(f"{arn!r} names no region")
    return parts[3]
