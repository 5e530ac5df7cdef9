"""Running issuers, and a verifier that trusts them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity.served import Issuing, Verifying, issuers


@pytest.fixture(scope="session")
def issuing() -> Iterator[Issuing]:
    with issuers() as running:
        yield running


@pytest.fixture
def verifying(issuing: Issuing) -> Iterator[Verifying]:
    made = Verifying(issuing.trusted("alder", "birch"))
    yield made
    made.close()
