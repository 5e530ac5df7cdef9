"""A limit on how long tasks wait, for waits that nearly always end at once: asyncio.timeout costs much more."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TypeAlias

_Group: TypeAlias = "set[asyncio.Task[object]]"


class Deadline:
    """Lets each task wait for `seconds` at most, and for at least `grain` seconds less.

    Tasks that begin to wait within one grain share a timer of the loop, and are cancelled together if they still wait.
    """

    def __init__(self, seconds: float, grain: float = 0.1) -> None:
        self._seconds, self._grain = seconds, grain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._group: _Group = set()
        self._full = 0.0

    def __call__(self) -> Waiting:
        """A context whose body has that long. It raises TimeoutError when the body is cut off."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now >= self._full or self._loop is not loop:
            self._loop, self._group, self._full = loop, set(), now + self._grain
            loop.call_at(now + self._seconds, _cut_off, self._group)
        return Waiting(self._group)


class Waiting:
    """One task's wait."""

    __slots__ = ("_cancelling", "_group", "_task")

    def __init__(self, group: _Group) -> None:
        self._group = group

    def __enter__(self) -> None:
        """Begin to wait. Raises RuntimeError outside of a task."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be cut off")
        self._task, self._cancelling = task, task.cancelling()
        self._group.add(task)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, with TimeoutError if it was we who cancelled the task, and nobody else."""
        if self._task in self._group:
            self._group.remove(self._task)
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from problem


def _cut_off(group: _Group) -> None:
    late = list(group)
    group.clear()
    for task in late:
        task.cancel()
