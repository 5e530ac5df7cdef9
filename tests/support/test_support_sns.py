"""Notices through a real SNS client, to an emulator on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError
from moto.server import ThreadedMotoServer

from tests.trail.cluster import run
from venturi.settings import AwsClientSettings
from venturi.support.sns import sns_publisher


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def test_a_notice_reaches_the_queue_behind_the_topic_in_the_topics_region(endpoint: str) -> None:
    session = Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-central-1")
    sns, sqs = session.client("sns", endpoint_url=endpoint), session.client("sqs", endpoint_url=endpoint)
    topic = sns.create_topic(Name="venturi-notices")["TopicArn"]
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    publish = sns_publisher(AwsClientSettings(endpoint=endpoint, access_key_id="a", secret_access_key="b"))

    async def story() -> list[str]:
        return await asyncio.gather(*(publish(topic, json.dumps({"number": number})) for number in range(5)))

    assert len(set(run(story()))) == 5
    bodies = [message["Body"] for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(json.loads(body)["number"] for body in bodies) == list(range(5))
    sns.close()
    sqs.close()


def test_a_topic_that_is_not_there_or_not_reached_is_an_error(endpoint: str) -> None:
    topic = "arn:aws:sns:us-east-1:100000000001:nobody"
    there = sns_publisher(AwsClientSettings(endpoint=endpoint, access_key_id="a", secret_access_key="b"))
    nowhere = sns_publisher(AwsClientSettings(endpoint="http://127.0.0.1:9", access_key_id="a", secret_access_key="b"))

    async def story() -> None:
        with pytest.raises(ClientError, match="NotFound"):
            await there(topic, "x")
        with pytest.raises(BotoCoreError):
            await nowhere(topic, "x")

    run(story())
