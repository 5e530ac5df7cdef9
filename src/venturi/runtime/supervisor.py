"""The supervisor: one run directory, one PostgreSQL, some children, and a reaper that sees them all off."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Protocol

import msgspec

from venturi.postgres.server import PostgresServer
from venturi.runtime.asked import Asked
from venturi.runtime.child import Child, ChildDied
from venturi.runtime.rundir import make_rundir
from venturi.runtime.undertaker import Undertaker

_WATCH_SECONDS = 0.05
# Together with the reaper's own grace the end takes 5 seconds at most.
_CHILDREN_SECONDS = 2.0
_LEAST_SECONDS = 0.2
# Its data goes with it: there is no use in a last checkpoint.
_POSTGRES_SECONDS = 0.0
_RESTARTS = 5
# Whoever is killed again and again as he starts has failed at nothing; but there is an end to everything.
_KILLS = 50


class Stopped(Exception):
    """The deployment is on its way down; nothing more is started in it."""


class Restartable(Protocol):
    """A process that comes back with everything it acknowledged: a broker."""

    def alive(self) -> bool:
        """Whether it runs."""
        ...

    def restart(self, register: Callable[[int, int], None], forget: Callable[[int], None]) -> None:
        """Start it again on the same data and address.

        `forget` is told of the group that has ended, `register` of the new one and the signal that ends it.
        """
        ...


class Supervisor:
    """A context in which processes live; none of them outlives it, and its run directory doesn't either.

    `asked` ends `during` and `wait` when it turns true. With `restarted`, a process that ends by itself while all wait
    is started again, at the same address and with the same settings, and `restarted` is told its name; without it,
    such an end is everybody's. Raises NoRunDirectory.
    """

    def __init__(self, asked: Asked | None = None, restarted: Callable[[str], None] | None = None) -> None:
        self._restarted = restarted
        self._minded: dict[str, Restartable] = {}
        self._failures: dict[str, Counter[bool]] = {}
        """How often in a row a process failed to start, by whether it was killed as it did."""
        # Not `asked or`: what nobody has asked yet is false.
        self.asked = Asked() if asked is None else asked
        self.rundir = make_rundir()
        self._undertaker = Undertaker(self.rundir)
        self._children: list[Child] = []
        self._waiting: dict[str, Child] = {}
        self._lock = threading.Lock()
        self._closing = False
        self.postgres = PostgresServer(self.rundir / "pg", self._undertaker.register, self._undertaker.forget)
        self._clusters = {"postgres": self.postgres}

    @property
    def restarts(self) -> bool:
        """Whether a process that ends by itself is started again."""
        return self._restarted is not None

    def cluster(self, name: str) -> PostgresServer:
        """One more PostgreSQL cluster, not started yet, which is watched and stopped like the first."""
        made = PostgresServer(self.rundir / name, self._undertaker.register, self._undertaker.forget)
        with self._lock:
            if self._closing:
                raise Stopped
            self._clusters[name] = made
        return made

    def ready(self, name: str, *, forked: bool = False) -> None:
        """Have a child wait for its settings, so that it does until then what needs none.

        With `forked` it starts with all that is imported here; from a process with one thread alone.
        Raises Stopped on the way down.
        """
        self._waiting[name] = self._made(name, forked=forked)

    def dismiss(self, name: str) -> None:
        """Let a child go that nobody has use for after all."""
        if child := self._waiting.pop(name, None):
            self._children.remove(child)
            child.stop(0)
            self._undertaker.forget(child.pid)

    def child(self, name: str, settings: msgspec.Struct) -> Child:
        """Start a child and wait until it serves; from any thread. Raises ChildDied, or Stopped on the way down."""
        child = self._waiting.pop(name, None) or self._made(name)
        child.tell(settings)
        return child

    def _made(self, name: str, *, forked: bool = False) -> Child:
        with self._lock:
            if self._closing:
                raise Stopped
            child = Child(name, self.rundir / f"{name}.log", forked=forked)
            self._undertaker.register(child.pid, signal.SIGTERM)
            self._children.append(child)
            return child

    def register(self, group: int, number: int) -> None:
        """Take this process group along at the end; `number` is the signal that ends it."""
        self._undertaker.register(group, number)

    def forget(self, group: int) -> None:
        """Let this process group be: it has ended, and its number may be somebody else's."""
        self._undertaker.forget(group)

    def mind(self, name: str, process: Restartable) -> None:
        """Watch a process that somebody else started, in `wait`."""
        self._minded[name] = process

    def during(self, work: Callable[[], None]) -> None:
        """Do the work in a thread while watching every process; returns early, the work undone, when asked to end.

        Raises ChildDied as soon as a process ends by itself, and otherwise what the work raised.
        """
        errors: list[BaseException] = []
        worker = threading.Thread(target=_collect, args=(work, errors), daemon=True, name="work")
        worker.start()
        while worker.is_alive() and not self.asked:
            self._assert_all_alive()
            worker.join(_WATCH_SECONDS)
        if errors and not self.asked:
            # Work that lost a process complains of the loss; who was lost says more.
            self._assert_all_alive()
            raise errors[0]

    def request_stop(self) -> None:
        """Make `wait` return; safe from a signal handler."""
        self.asked.ask()

    def wait(self) -> None:
        """Return when a stop is requested. Raises ChildDied when a process ends by itself and may not start again."""
        while not self.asked:
            if self._restarted:
                self._restart_the_dead(self._restarted)
                self._assert_reaper()
            else:
                self._assert_all_alive()
            time.sleep(_WATCH_SECONDS)

    def _restart_the_dead(self, restarted: Callable[[str], None]) -> None:
        """What the others stand on first, and each once: who fails for want of another gets his turn after that one.

        Raises what kept a process from starting several times in a row.
        """
        for name, server in tuple(self._clusters.items()):
            if server.started and not server.alive():
                self._try(name, server.restart, restarted)
        for name, process in self._minded.items():
            if not process.alive():
                self._try(name, partial(process.restart, self.register, self.forget), restarted)
        for child in tuple(self._children):
            if not child.alive():
                self._try(child.name, partial(self._restart, child), restarted)

    def _try(self, name: str, start: Callable[[], None], restarted: Callable[[str], None]) -> None:
        try:
            start()
        except Exception as error:  # killed as it started, perhaps, or together with what it needs
            failures = self._failures.setdefault(name, Counter())
            # Children and brokers say so.
            killed = bool(getattr(error, "killed", False))
            failures[killed] += 1
            if failures[killed] == (_KILLS if killed else _RESTARTS):
                raise
        else:
            self._failures.pop(name, None)
            restarted(name)

    def _restart(self, child: Child) -> None:
        self._undertaker.forget(child.pid)
        child.relaunch()
        self._undertaker.register(child.pid, signal.SIGTERM)
        child.resume()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the children in reverse order, then every PostgreSQL; the reaper sees to the rest."""
        with self._lock:
            self._closing = True
        try:
            self._stop_children()
            self._stop_clusters()
        finally:
            self._undertaker.close(lambda: [process.alive() for process in self._minded.values()])

    def _stop_clusters(self) -> None:
        """Side by side: each is given its time, and many in a row would take longer than anybody waits."""
        with ThreadPoolExecutor(len(self._clusters)) as together:
            list(together.map(lambda server: server.stop(_POSTGRES_SECONDS), self._clusters.values()))

    def _stop_children(self) -> None:
        deadline = time.monotonic() + _CHILDREN_SECONDS
        for child in self._children:
            child.ask()
        while self._children:
            child = self._children.pop()
            child.stop(max(_LEAST_SECONDS, deadline - time.monotonic()))
            self._undertaker.forget(child.pid)

    def _assert_all_alive(self) -> None:
        for child in tuple(self._children):
            if not child.alive():
                raise child.died()
        for name, server in tuple(self._clusters.items()):
            if server.started and not server.alive():
                raise ChildDied(f"the process {name} ended by itself:\n  {server.last_words()}")
        for name, process in self._minded.items():
            if not process.alive():
                raise ChildDied(f"the process {name} ended by itself")
        self._assert_reaper()

    def _assert_reaper(self) -> None:
        if not self._undertaker.alive():
            raise ChildDied("the reaper ended by itself; without it nothing would be tidied up after a kill -9")


def _collect(work: Callable[[], None], errors: list[BaseException]) -> None:
    try:
        work()
    except BaseException as error:  # it is raised again in the thread that waits for it
        errors.append(error)
