"""Clients of one AWS service, one for each region, whose calls run on threads of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from venturi.aws.clients import connect
from venturi.settings import AwsClientSettings

if TYPE_CHECKING:
    Client = Any  # botocore makes its clients at run time

_T = TypeVar("_T")


class RegionalClients:
    """At most `workers` calls at a time. `config` is botocore's; `failure` is raised for whatever AWS does not do."""

    def __init__(
        self,
        service: Literal["kms", "s3"],
        settings: AwsClientSettings,
        failure: type[Exception],
        workers: int,
        **config: Any,  # noqa: ANN401  # botocore's
    ) -> None:
        self._service, self._settings, self._failure = service, settings, failure
        self._config = {
            "retries": {"mode": "standard", "total_max_attempts": 2},
            "connect_timeout": 3,
            "read_timeout": 10,
            "max_pool_connections": workers,
            **config,
        }
        self._clients: dict[str, Client] = {}
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=service)

    async def run(self, call: Callable[[], _T]) -> _T:
        """Make a call on a thread. Raises the failure, which names AWS's error code and nothing that was sent."""
        from botocore.exceptions import BotoCoreError, ClientError

        name = self._service.upper()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except ClientError as error:
            raise self._failure(f"{name} answered {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise self._failure(f"{name} can't be reached: {type(error).__name__}") from error

    def of(self, region: str) -> Client:
        """The client of a region, made once."""
        with self._making:
            if region not in self._clients:
                self._clients[region] = connect(self._service, region, self._settings, **self._config)
            return self._clients[region]

    def close(self) -> None:
        """End the threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()
