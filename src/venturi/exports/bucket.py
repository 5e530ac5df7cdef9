"""The tenants' buckets: objects go in under the tenant's key, and come out through links that soon expire."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from venturi.aws.regional import RegionalClients
from venturi.settings import AwsClientSettings

_WORKERS = 4


class BucketUnavailable(Exception):
    """The object could not be stored; the message names AWS's error code and nothing of the object."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one tenant's exports go."""

    bucket: str
    region: str
    key_arn: str


class Buckets(Protocol):
    """What an export asks of the object store."""

    async def put(self, tenant: str, name: str, data: bytes) -> str:
        """Store an object; returns its s3:// location. Raises BucketUnavailable."""
        ...

    async def link(self, tenant: str, name: str, seconds: int) -> str:
        """A URL that gives the object to whoever holds it, for so many seconds."""
        ...


class S3Buckets:
    """Buckets over the wire. `places`: tenant to its bucket; calls run on threads of their own. `close()` when done."""

    def __init__(self, settings: AwsClientSettings, places: Mapping[str, Place]) -> None:
        self._places = places
        self._clients = RegionalClients(
            "s3",
            settings,
            BucketUnavailable,
            _WORKERS,
            signature_version="s3v4",
            request_checksum_calculation="when_required",
        )

    async def put(self, tenant: str, name: str, data: bytes) -> str:
        """Store an object under the tenant's key. Raises BucketUnavailable."""
        place = self._places[tenant]

        def call() -> str:
            self._clients.of(place.region).put_object(
                Bucket=place.bucket, Key=name, Body=data, **self.encryption(tenant, place)
            )
            return f"s3://{place.bucket}/{name}"

        return await self._clients.run(call)

    async def link(self, tenant: str, name: str, seconds: int) -> str:
        """A presigned URL; made here, without asking anybody."""
        place = self._places[tenant]

        def call() -> str:
            wanted = {"Bucket": place.bucket, "Key": name}
            url: str = self._clients.of(place.region).generate_presigned_url(
                "get_object", Params=wanted, ExpiresIn=seconds
            )
            return url

        return await self._clients.run(call)

    def encryption(self, tenant: str, place: Place) -> dict[str, str]:
        """How the object is to be encrypted. The key's policy demands the tenant in the encryption context."""
        context = base64.b64encode(json.dumps({"tenant": tenant}).encode()).decode()
        return {
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": place.key_arn,
            "SSEKMSEncryptionContext": context,
            "ContentType": "application/x-ndjson",
        }

    def close(self) -> None:
        """End the threads and connections."""
        self._clients.close()
