"""Whoever ends is started again where he was, however often he is killed meanwhile, unless he fails by himself."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from venturi.runtime.child import Child, ChildDied
from venturi.runtime.supervisor import Supervisor
from venturi.settings import AwsSettings

KILLS = 8
"""More than a process may fail by itself."""


class Watched:
    """A supervisor that waits in a thread, and what it came to."""

    def __init__(self) -> None:
        self.again: list[str] = []
        self.error: BaseException | None = None
        self.supervisor = Supervisor(restarted=self.again.append)
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def _wait(self) -> None:
        try:
            self.supervisor.wait()
        except BaseException as error:
            self.error = error

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self.supervisor.request_stop()
        self._thread.join(60)

    def until(self, settled: str, seconds: float = 60.0) -> None:
        """Wait until the process named so was started again, or the supervisor gave up."""
        deadline = time.monotonic() + seconds
        while settled not in self.again and self.error is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@contextmanager
def watched() -> Iterator[tuple[Watched, Child]]:
    made = Watched()
    with made.supervisor:
        child = made.supervisor.child("aws", AwsSettings(identities=()))
        made.begin()
        try:
            yield made, child
        finally:
            made.end()


def test_a_process_that_is_killed_again_and_again_as_it_starts_comes_back_in_the_end() -> None:
    with watched() as (made, child):
        url, killed, seen = child.url, 0, 0
        deadline = time.monotonic() + 60
        while killed < KILLS:
            assert time.monotonic() < deadline
            if (pid := child.pid) != seen and made.error is None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                seen, killed = pid, killed + 1
            time.sleep(0.005)
        made.until("aws")
        assert made.error is None
        assert made.again == ["aws"]
        assert child.alive()
        assert child.url == url


def test_a_process_that_fails_by_itself_is_given_up_after_five_times(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched() as (made, child):
        tried: list[int] = []
        relaunch = child.relaunch

        def broken() -> None:
            relaunch()
            tried.append(child.pid)
            # Asked to end before it has begun: its own end, as far as anybody can tell.
            os.kill(child.pid, signal.SIGTERM)

        monkeypatch.setattr(child, "relaunch", broken)
        os.kill(child.pid, signal.SIGKILL)
        made.until("aws")
        assert isinstance(made.error, ChildDied)
        assert not made.error.killed
        assert len(tried) == 5
