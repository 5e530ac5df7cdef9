"""A small asynchronous KMS client: the two calls that a vault makes, on threads of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from venturi.aws.regional import RegionalClients
from venturi.settings import AwsClientSettings
from venturi.vault.errors import KeyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

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
    """KMS over the wire; calls run on at most eight threads. `close()` when done."""

    def __init__(self, settings: AwsClientSettings) -> None:
        self._clients = RegionalClients("kms", settings, KeyUnavailable, _WORKERS)

    async def generate_data_key(self, key_arn: str, context: Mapping[str, str]) -> DataKey:
        """Make an AES-256 data key. Raises KeyUnavailable when KMS refuses or can't be reached."""

        def call() -> DataKey:
            made = self._client(key_arn).generate_data_key(
                KeyId=key_arn, KeySpec="AES_256", EncryptionContext=dict(context)
            )
            return DataKey(made["Plaintext"], made["CiphertextBlob"])

        return await self._clients.run(call)

    async def decrypt(self, key_arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Unwrap a data key. Raises KeyUnavailable when KMS refuses or can't be reached."""

        def call() -> bytes:
            client = self._client(key_arn)
            return client.decrypt(KeyId=key_arn, CiphertextBlob=wrapped, EncryptionContext=dict(context))["Plaintext"]

        return await self._clients.run(call)

    def close(self) -> None:
        """End the threads and connections."""
        self._clients.close()

    def _client(self, key_arn: str) -> KMSClient:
        return cast("KMSClient", self._clients.of(key_arn.split(":")[3]))
