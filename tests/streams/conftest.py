"""One broker for all tests of the streams, and a careless one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.streams.brokers import PrefixedAccess, running_streams
from venturi.streams.build import Streams


@pytest.fixture(scope="session")
def streams() -> Iterator[Streams]:
    with running_streams() as built:
        yield built


@pytest.fixture(scope="session")
def prefixed() -> Iterator[Streams]:
    """The counter-example: what the same broker lets through where permissions go by prefix."""
    with running_streams(PrefixedAccess()) as built:
        yield built
