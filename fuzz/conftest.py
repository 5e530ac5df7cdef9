"""Boots the embedded deployment once for all fuzzing and stops it at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenantproof.cli.embedded import embedded
from tenantproof.clients.target import Target
from tenantproof.model.profile_text import parse


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long to go on."""
    parser.addoption("--effort", type=int, default=0, help="Examples per state machine, instead of the few of CI.")


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    """The embedded deployment, ready to be attacked."""
    with embedded(tenants=3, overlay="", note=_silent) as text:
        reached = Target(parse(text, "the embedded deployment's profile"))
        reached.identify()
        yield reached
        reached.close()


def _silent(line: str) -> None:
    del line
