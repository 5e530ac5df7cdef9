"""Exports: what goes out is the tenant's own, under its own key, through a link that soon expires."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.aws.served import ALDER, BIRCH, IDENTITIES, Cloud, document, give_the_workload_its_role, running
from tests.erasure.shredding import EVENT, Bench, bench
from tests.postgres.bare import bare_cluster
from venturi.exports.bucket import BucketUnavailable, Place, S3Buckets
from venturi.exports.exporter import Exporter
from venturi.provision.plan import draw
from venturi.provision.surroundings import Surroundings
from venturi.settings import AwsClientSettings


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as made:
        give_the_workload_its_role(made)
        objects = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        made.client("vendor", "iam").put_role_policy(
            RoleName="venturi-workload", PolicyName="exports", PolicyDocument=document(objects)
        )
        yield made


@pytest.fixture(scope="module")
def exports_socket() -> Iterator[str]:
    with bare_cluster() as socket:
        yield socket


class Shelf:
    """A bucket of alder's, made the way provisioning makes it."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name = cloud, name
        self.key = cloud.tenant_key("alder", ALDER)
        tenant = draw(3, deployment="d").tenants[0]
        owner = cloud.client("alder", "s3")
        owner.create_bucket(Bucket=name)
        policy = Surroundings().bucket_policy(tenant, name, self.key)
        owner.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        workload = IDENTITIES["workload"]
        self.buckets = S3Buckets(
            AwsClientSettings(
                endpoint=cloud.endpoint,
                access_key_id=workload.access_key_id,
                secret_access_key=workload.secret_access_key,
            ),
            {"alder": Place(bucket=name, region="us-east-1", key_arn=self.key)},
        )

    def put(self, **how: Any) -> str:
        """The code that S3 answers when the workload puts an object its own way."""
        try:
            self.cloud.client("workload", "s3").put_object(Bucket=self.name, Key="exports/x", Body=b"x", **how)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""


@pytest.fixture(scope="module")
def shelf(cloud: Cloud) -> Shelf:
    return Shelf(cloud, "venturi-of-alder")


def test_an_object_lies_under_the_tenants_key_and_comes_out_through_its_link(shelf: Shelf) -> None:
    location = asyncio.run(shelf.buckets.put("alder", "exports/a.ndjson", b"{}\n"))
    link = asyncio.run(shelf.buckets.link("alder", "exports/a.ndjson", 60))
    answer = httpx.get(link)
    assert (location, answer.content) == ("s3://venturi-of-alder/exports/a.ndjson", b"{}\n")
    assert answer.headers["x-amz-server-side-encryption-aws-kms-key-id"] == shelf.key


def test_a_link_is_for_its_object_its_method_and_its_time_alone(shelf: Shelf) -> None:
    for name in ("a", "b"):
        asyncio.run(shelf.buckets.put("alder", f"exports/{name}", b"secret"))
    link = asyncio.run(shelf.buckets.link("alder", "exports/a", 1))
    strange = [
        httpx.get(link.replace("exports/a", "exports/b")),
        httpx.get(link.replace("Expires=1&", "Expires=100&")),
        httpx.get(f"{link}&X-Amz-Signature=00"),
        httpx.get(link.replace("X-Amz-Date=", "X-Amz-Old=")),
        httpx.delete(link),
    ]
    asyncio.run(asyncio.sleep(2.1))
    strange.append(httpx.get(link))
    assert [answer.status_code in {400, 403} for answer in strange] == [True] * len(strange)
    assert not any(b"secret" in answer.content for answer in strange)


def test_the_bucket_takes_nothing_that_is_not_under_the_tenants_key(shelf: Shelf, cloud: Cloud) -> None:
    other = cloud.tenant_key("birch", BIRCH)
    assert shelf.put() == "AccessDenied"
    assert shelf.put(ServerSideEncryption="AES256") == "AccessDenied"
    assert shelf.put(ServerSideEncryption="aws:kms", SSEKMSKeyId=other) == "AccessDenied"
    # The right key, but not in the tenant's own encryption context: the key's policy refuses.
    assert shelf.put(ServerSideEncryption="aws:kms", SSEKMSKeyId=shelf.key) == "AccessDenied"


def test_no_object_goes_in_or_out_once_the_tenant_has_disabled_its_key(cloud: Cloud) -> None:
    shelf = Shelf(cloud, "venturi-of-alder-too")
    asyncio.run(shelf.buckets.put("alder", "exports/a", b"secret"))
    link = asyncio.run(shelf.buckets.link("alder", "exports/a", 60))
    assert httpx.get(link).content == b"secret"
    cloud.client("alder").disable_key(KeyId=shelf.key)
    assert b"secret" not in httpx.get(link).content
    with pytest.raises(BucketUnavailable, match="Disabled"):
        asyncio.run(shelf.buckets.put("alder", "exports/b", b"x"))


def test_an_export_has_every_record_and_leaves_an_event_and_an_open_link(
    exports_socket: str, cloud: Cloud, shelf: Shelf
) -> None:
    async def scenario(on: Bench) -> None:
        for number in range(3):
            await on.add(f"r{number}", f"s{number}")
        await on.vault.shred("alder", "s2")
        made = await Exporter(on.records, shelf.buckets, {"alder": on.trail}, lambda: on.now[0]).export(
            "alder", 60, "steward", EVENT
        )
        async with httpx.AsyncClient() as web:
            lines = (await web.get(made.link)).text.splitlines()
        notes = {json.loads(line)["id"]: json.loads(line)["note"] for line in lines}
        assert notes == {"r0": "note of r0", "r1": "note of r1", "r2": None}
        page = await on.trail.read(-1, 10)
        assert [entry.event["action"] for entry in page.events] == ["export.made"]
        assert made.link not in json.dumps([entry.event for entry in page.events])
        until = await on.guard.fetchval("SELECT link_until FROM exports")
        assert abs((until - datetime.fromisoformat(made.link_until)).total_seconds()) < 1
        assert await on.eraser.still_reading("alder", "s2") == ["export links"]

    async def played() -> None:
        async with bench(exports_socket, cloud) as on:
            await scenario(on)

    asyncio.run(played())
