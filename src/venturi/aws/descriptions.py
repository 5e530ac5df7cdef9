"""Reads each of botocore's descriptions of AWS once a process; every session would by itself read it anew."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.loaders import JSONFileLoader, Loader

BUILT_OF = ("ec2", "iam", "kms", "rds", "s3", "sns", "sqs")
"""Services that every deployment is built of: by us, as whoever builds, and by the emulator, as whoever answers."""


class _Remembered(JSONFileLoader):
    """Gives everybody the same dictionaries; botocore's own cache, one a session, does so too."""

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401  # JSON
        """The file's content, or None where there is none."""
        return _read(file_path)


@cache
def _read(file_path: str) -> Any:  # noqa: ANN401  # JSON
    return JSONFileLoader().load_file(file_path)


def remember() -> None:
    """To be called before the first session is made."""
    Loader.FILE_LOADER_CLASS = _Remembered


def read_ahead() -> None:
    """Read, once for all who are forked from here, what a deployment is built of."""
    remember()
    loader = botocore.session.get_session().get_component("data_loader")
    for service in BUILT_OF:
        loader.load_service_model(service, "service-2")
