"""What holds for every test: generated examples are judged by their outcome, never by the time that they take."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# A busy machine is no defect; how long something takes is for the benchmarks.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

_SPREAD = {"test_defects.py": 4}
"""Files whose tests are many and long: into so many groups each, at the price of as many deployments."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what shares a deployment on one worker: tests of one folder, when several workers share the tests."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for number, item in enumerate(items):
        parts = _SPREAD.get(item.path.name, 1)
        item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name} {number % parts}"))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let the programs that tests start be interrupted, though a shell that started us in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
