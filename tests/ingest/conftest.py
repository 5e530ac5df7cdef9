"""A PostgreSQL for the tests of ingest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.trail.cluster import running_cluster


@pytest.fixture(scope="session")
def socket() -> Iterator[str]:
    with running_cluster() as directory:
        yield directory
