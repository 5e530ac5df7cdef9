"""What holds for every test: generated examples are judged by their outcome, never by the time that they take."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# A busy machine is no defect; how long something takes is for the benchmarks.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let the programs that tests start be interrupted, though a shell that started us in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
