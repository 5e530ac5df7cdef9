"""One counter for all tests of this folder; each opens it with the parts that it wants."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.access.counter import Counter, counter, home


@pytest.fixture(scope="session")
def desk() -> Iterator[Counter]:
    place = home()
    try:
        with counter(place) as made:
            yield made
    finally:
        shutil.rmtree(place, ignore_errors=True)
