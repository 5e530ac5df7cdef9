"""The served front, and a key in each tenant's account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.served import ALDER, BIRCH, Cloud, give_the_workload_its_role, running


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with running() as made:
        give_the_workload_its_role(made)
        yield made


@pytest.fixture(scope="session")
def alder_key(cloud: Cloud) -> str:
    return cloud.tenant_key("alder", ALDER)


@pytest.fixture(scope="session")
def birch_key(cloud: Cloud) -> str:
    return cloud.tenant_key("birch", BIRCH)
