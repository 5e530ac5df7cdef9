"""A database per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.trail.cluster import Database, fresh_database, running_cluster


@pytest.fixture(scope="session")
def socket() -> Iterator[str]:
    with running_cluster() as directory:
        yield directory


@pytest.fixture
def database(socket: str) -> Database:
    return fresh_database(socket)
