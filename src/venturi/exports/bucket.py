"""The tenants' buckets: objects go in under the tenant's key, and come out through links that soon expire."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from venturi.aws.clients import connect
from venturi.settings import AwsClientSettings

if TYPE_CHECKING:
    Client = Any  # botocore makes its clients at run time

_T = TypeVar("_T")
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
        self._settings = settings
        self._places = places
        self._clients: dict[str, Client] = {}
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="s3")

    async def put(self, tenant: str, name: str, data: bytes) -> str:
        """Store an object under the tenant's key. Raises BucketUnavailable."""
        place = self._places[tenant]

        def call() -> str:
            self._client(place).put_object(Bucket=place.bucket, Key=name, Body=data, **self.encryption(tenant, place))
            return f"s3://{place.bucket}/{name}"

        return await self._run(call)

    async def link(self, tenant: str, name: str, seconds: int) -> str:
        """A presigned URL; made here, without asking anybody."""
        place = self._places[tenant]

        def call() -> str:
            wanted = {"Bucket": place.bucket, "Key": name}
            url: str = self._client(place).generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds)
            return url

        return await self._run(call)

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
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    async def _run(self, call: Callable[[], _T]) -> _T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except ClientError as error:
            raise BucketUnavailable(f"S3 answered {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise BucketUnavailable(f"S3 can't be reached: {type(error).__name__}") from error

    def _client(self, place: Place) -> Client:
        with self._making:
            if place.region not in self._clients:
                self._clients[place.region] = self._connect(place.region)
            return self._clients[place.region]

    def _connect(self, region: str) -> Client:
        return connect(
            "s3",
            region,
            self._settings,
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            retries={"mode": "standard", "total_max_attempts": 2},
            connect_timeout=3,
            read_timeout=10,
        )
