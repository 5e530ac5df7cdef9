"""An AWS process of its own, as a supervisor has it, that can be killed and started again."""

from __future__ import annotations

import base64
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.aws.served import IDENTITIES, Cloud
from venturi.runtime.child import Child
from venturi.settings import AwsMemory, AwsSettings

KEY = bytes(range(32))


class Mortal:
    """`cloud` has its clients, `place` its journals."""

    def __init__(self, place: Path, *, keeps: bool = True) -> None:
        self.place = place / "kept"
        self.place.mkdir(exist_ok=True)
        self._log = place / "aws.log"
        memory = AwsMemory(directory=str(self.place), key=base64.b64encode(KEY).decode())
        identities = tuple(IDENTITIES.values())
        self._settings = AwsSettings(identities=identities, memory=memory if keeps else None)
        self.child = Child.start("aws", self._settings, self._log)
        self.cloud = Cloud(self.child.url)

    @property
    def pid(self) -> int:
        return self.child.pid

    def kill(self) -> None:
        """End it with kill -9, and wait."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.ended()

    def ended(self) -> None:
        deadline = time.monotonic() + 20
        while self.child.alive():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def again(self) -> None:
        """Start it again where it was. Raises ChildDied."""
        self.child.relaunch()
        self.child.resume()
        assert self.child.url == self.cloud.endpoint, "a process that comes back elsewhere is another target"

    def said(self) -> str:
        """Its log."""
        return self._log.read_text()

    def files(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in sorted(self.place.iterdir())}


@contextmanager
def mortal(place: Path, *, keeps: bool = True) -> Iterator[Mortal]:
    """Such a process, stopped at the end."""
    made = Mortal(place, keeps=keeps)
    try:
        yield made
    finally:
        made.child.stop(0)
