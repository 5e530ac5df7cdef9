"""Reads each of botocore's descriptions of AWS once a process; every session would by itself read it anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import DataNotFoundError
from botocore.loaders import JSONFileLoader, Loader

BUILT_OF = ("ec2", "iam", "kms", "rds", "s3", "sns", "sqs")
"""Services that every deployment is built of: by us, as whoever builds, and by the emulator, as whoever answers."""
_EVERY_CLIENT_READS = ("endpoints", "partitions", "sdk-default-configuration", "_retry")
_list_all: Callable[[Loader, str], list[str]] = Loader.list_available_services


class _Remembered(JSONFileLoader):
    """Gives everybody the same dictionaries; botocore's own cache, one a session, does so too."""

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401  # JSON
        """The file's content, or None where there is none."""
        return _read(file_path)


class _Services:
    """The services with a description of one type; botocore looks through those of 400 whenever it wants one."""

    def __init__(self, loader: Loader, type_name: str) -> None:
        self._loader, self._type_name = loader, type_name

    def __contains__(self, service: str) -> bool:
        try:
            return bool(self._loader.list_api_versions(service, self._type_name))
        except DataNotFoundError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(_list_all(self._loader, self._type_name))

    def __len__(self) -> int:
        return len(_list_all(self._loader, self._type_name))


def _listed(loader: Loader, type_name: str) -> _Services:
    return _Services(loader, type_name)


@cache
def _read(file_path: str) -> Any:  # noqa: ANN401  # JSON
    return JSONFileLoader().load_file(file_path)


def remember() -> None:
    """To be called before the first session is made."""
    Loader.FILE_LOADER_CLASS = _Remembered
    loaders: Any = Loader
    loaders.list_available_services = _listed


def read_ahead() -> None:
    """Read, once for all who are forked from here, what a deployment is built of."""
    remember()
    loader = botocore.session.get_session().get_component("data_loader")
    for name in _EVERY_CLIENT_READS:
        loader.load_data(name)
    for service in BUILT_OF:
        for type_name in ("service-2", "endpoint-rule-set-1"):
            loader.load_service_model(service, type_name)
