"""A PostgreSQL and a broker for all tests of Stage A."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.streams.brokers import running_streams
from tests.trail.cluster import running_cluster
from venturi.streams.build import Streams


@pytest.fixture(scope="session")
def socket() -> Iterator[str]:
    with running_cluster() as directory:
        yield directory


@pytest.fixture
def streams() -> Iterator[Streams]:
    with running_streams() as built:
        yield built
