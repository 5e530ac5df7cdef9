"""Publishes notices to the SNS topics of the tenants."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from venturi.settings import AwsClientSettings

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_CONNECT, _READ = 2, 3


def sns_publisher(aws: AwsClientSettings) -> Callable[[str, str], Awaitable[str]]:
    """A function (topic ARN, message) -> message id. It raises what boto3 raises, within a few seconds."""
    clients: dict[str, SNSClient] = {}
    making = threading.Lock()

    def client(region: str) -> SNSClient:
        # Clients may be shared between threads; making one may not.
        with making:
            if region not in clients:
                clients[region] = made(region)
            return clients[region]

    def made(region: str) -> SNSClient:
        from boto3.session import Session  # slow to import, and only a deployment with notices needs it
        from botocore.config import Config

        return Session().client(
            "sns",
            region_name=region,
            endpoint_url=aws.endpoint,
            aws_access_key_id=aws.access_key_id,
            aws_secret_access_key=aws.secret_access_key,
            config=Config(connect_timeout=_CONNECT, read_timeout=_READ, retries={"total_max_attempts": 1}),
        )

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
