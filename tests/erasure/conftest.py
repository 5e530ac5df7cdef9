"""One server and one cloud for all tests of erasure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.served import Cloud, give_the_workload_its_role, running
from tests.postgres.bare import bare_cluster


@pytest.fixture(scope="session")
def erasure_socket() -> Iterator[str]:
    with bare_cluster() as socket:
        yield socket


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with running() as made:
        give_the_workload_its_role(made)
        yield made
