"""A small asynchronous KMS client: the two calls that a vault makes, on threads of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from venturi.aws.clients import connect
from venturi.settings import AwsClientSettings
from venturi.vault.errors import KeyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_T = TypeVar("_T")
_WORKERS = 8


@dataclass(frozen=True, repr=False)
class DataKey:
    """A fresh 256-bit data key, and the same key wrapped by KMS."""

    plaintext: bytes
    wrapped: bytes


class KeyService(Protocol):
    """What a vault asks of KMS. Both raise KeyUnavailable."""

    async def generate_data_key(self, key_arn: str, context: Mapping[str, str]) -> DataKey:
        """Make a data key under this KMS key and encryption context."""
        ...

    async def decrypt(self, key_arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Unwrap a data key."""
        ...


class Kms:
    """KMS over the wire. One client per region; calls run on at most eight threads. `close()` when done."""

    def __init__(self, settings: AwsClientSettings) -> None:
        self._settings = settings
        self._clients: dict[str, KMSClient] = {}
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="kms")

    async def generate_data_key(self, key_arn: str, context: Mapping[str, str]) -> DataKey:
        """Make an AES-256 data key. Raises KeyUnavailable when KMS refuses or can't be reached."""

        def call() -> DataKey:
            made = self._client(key_arn).generate_data_key(
                KeyId=key_arn, KeySpec="AES_256", EncryptionContext=dict(context)
            )
            return DataKey(made["Plaintext"], made["CiphertextBlob"])

        return await self._run(call)

    async def decrypt(self, key_arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Unwrap a data key. Raises KeyUnavailable when KMS refuses or can't be reached."""

        def call() -> bytes:
            client = self._client(key_arn)
            return client.decrypt(KeyId=key_arn, CiphertextBlob=wrapped, EncryptionContext=dict(context))["Plaintext"]

        return await self._run(call)

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
            raise KeyUnavailable(f"KMS answered {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise KeyUnavailable(f"KMS can't be reached: {type(error).__name__}") from error

    def _client(self, key_arn: str) -> KMSClient:
        region = key_arn.split(":")[3]
        with self._making:
            if region not in self._clients:
                self._clients[region] = self._connect(region)
            return self._clients[region]

    def _connect(self, region: str) -> KMSClient:
        return cast(
            "KMSClient",
            connect(
                "kms",
                region,
                self._settings,
                retries={"mode": "standard", "total_max_attempts": 2},
                connect_timeout=3,
                read_timeout=10,
                max_pool_connections=_WORKERS,
            ),
        )
