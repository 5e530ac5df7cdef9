"""What holds for every test: generated examples are judged by their outcome, never by the time that they take."""

from __future__ import annotations

import signal
import zlib
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# A busy machine is no defect; how long something takes is for the benchmarks.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

_SPREAD = {"test_defects.py": 4}
"""Files whose tests are many and long: into so many groups each, at the price of as many deployments."""
_LONGEST = ("tests/cli", "tests/access", "tests/probes", "tests/api", "tests/plugin", "tests/outputs", "tests/streams")
"""Folders that take longest, the longest first: what is begun last is what everybody waits for."""


class _ByFolder(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Several workers share the tests by folders, for the tests of a folder share a deployment."""

    def _split_scope(self, nodeid: str) -> str:
        folder, file, name = _parts(nodeid)
        return f"{folder} {zlib.crc32(name.encode()) % _SPREAD[file]}" if file in _SPREAD else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:  # xdist's own
    """How tests are shared out when there are several workers."""
    config.option.loadscopereorder = False
    return _ByFolder(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest folders, where workers wait for each other."""
    if hasattr(config, "workerinput"):
        items.sort(key=_begun)


def _parts(nodeid: str) -> tuple[str, str, str]:
    """The folder, the file and the name of a test."""
    path, _, name = nodeid.partition("::")
    folder, _, file = path.rpartition("/")
    return folder, file, name


def _begun(item: pytest.Item) -> int:
    folder = _parts(item.nodeid)[0]
    return _LONGEST.index(folder) if folder in _LONGEST else len(_LONGEST)


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let the programs that tests start be interrupted, though a shell that started us in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
