"""One broker for all tests of the streams."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.streams.brokers import running_streams
from venturi.streams.build import Streams


@pytest.fixture(scope="session")
def streams() -> Iterator[Streams]:
    with running_streams() as built:
        yield built
