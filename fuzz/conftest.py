"""Boots the embedded deployment once for all fuzzing and stops it at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import settings

from tenantproof.cli.embedded import embedded
from tenantproof.clients.target import Target
from tenantproof.model.profile_text import parse

_FEW = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long to go on."""
    parser.addoption("--effort", type=int, default=0, help="Examples per test, instead of the few of CI.")
    parser.addoption("--running", default="", metavar="FILE", help="Profile of a deployment that runs already.")


def pytest_configure(config: pytest.Config) -> None:
    """Let the effort be known before tests are collected: an operation's examples are counted there."""
    settings.register_profile("fuzz", max_examples=int(config.getoption("--effort")) or _FEW)
    settings.load_profile("fuzz")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whoever asks for an effort has the time that it takes."""
    for item in items if config.getoption("--effort") else ():
        item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The embedded deployment, ready to be attacked."""
    running = str(request.config.getoption("--running"))
    with nullcontext(_read(running)) if running else embedded(tenants=3, overlay="", note=_silent) as text:
        reached = Target(parse(text, "the embedded deployment's profile"))
        reached.identify()
        yield reached
        reached.close()


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def _silent(line: str) -> None:
    del line
