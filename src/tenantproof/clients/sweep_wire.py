"""The wire for sweeps: many connections in one thread, the exact octets out, and no answer that could stop it.

    wire = SweepWire(profile.target.base_url, profile.safety)
    wire.run((Volley(tag=unit, requests=(request,)) for unit in units), sink)

Requests come from an iterator and answers go to a function as they arrive, so that a sweep of any length takes no
more memory than its connections.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Generic, TypeVar

from tenantproof.clients.client_certificates import NONE, ClientCertificates
from tenantproof.clients.exchange import Answer
from tenantproof.clients.known import Known
from tenantproof.clients.lane import Lane, Line
from tenantproof.clients.pace import Pace
from tenantproof.clients.volley import Sink, Volley
from tenantproof.clients.wire import Place, allowed
from tenantproof.model.profile import Safety

__all__ = ["Sink", "SweepWire", "Volley"]

T = TypeVar("T")
_WATCH_SECONDS = 0.1
_LONGEST_PAUSE = 5.0
_PATIENCE = 30.0
"""Seconds that a run waits, all in all, for a target that says it is busy."""


class SweepWire:
    """Sends volleys to the base URL. Not for two threads at once; a run blocks until its last answer.

    Raises UsageError for a base URL that safety.hosts does not name.
    """

    def __init__(
        self,
        base_url: str,
        safety: Safety,
        pace: Pace | None = None,
        certificates: ClientCertificates | None = None,
    ) -> None:
        self._place = allowed(base_url, safety)
        self._safety = safety
        self._pace = pace or Pace(safety.requests_per_second)
        self._known = Known()
        self._certificates = certificates or ClientCertificates()

    def run(self, volleys: Iterable[Volley[T]], sink: Sink[T]) -> None:
        """Send them all and give every answer to the sink, in the order in which they come.

        Requests that are repeatable are sent again when the target says 429 or 503 (after the time that it asks for)
        or has closed an idle connection. Whatever else it does is in the answers. An error of `volleys` or of `sink`
        ends the run and is raised.
        """
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._all(volleys, sink))

    async def _all(self, volleys: Iterable[Volley[T]], sink: Sink[T]) -> None:
        run = Run(self._place, self._safety, self._pace, self._known, iter(volleys), sink, self._certificates)
        await run.finish()


class Run(Generic[T]):
    """One run: its lanes, and what they share."""

    def __init__(
        self,
        place: Place,
        safety: Safety,
        pace: Pace,
        known: Known,
        volleys: Iterator[Volley[T]],
        sink: Sink[T],
        certificates: ClientCertificates,
    ) -> None:
        self.place, self.seconds, self.loop = place, safety.timeout_seconds, asyncio.get_running_loop()
        self.authority = place.authority
        self.known, self.learn = known.answer, known.learn
        self.is_unhurried = pace.is_free
        """Whether nobody has to wait before a request."""
        self._pace, self._volleys, self._sink = pace, volleys, sink
        self._done: asyncio.Future[None] = self.loop.create_future()
        self._lanes = [Lane(self) for _ in range(safety.connections)]
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy_until = 0.0
        self._patience = _PATIENCE
        self._certificates = certificates
        self._contexts: dict[tuple[bool, str], ssl.SSLContext] = {}

    async def finish(self) -> None:
        """Run every lane to its end. Raises what went wrong in our own code."""
        watch = self.loop.create_task(self._watch())
        try:
            for lane in self._lanes:
                lane.guarded(lane.proceed)
            await self._done
        finally:
            watch.cancel()
            for lane in self._lanes:
                lane.close()
            for task in self._tasks:
                task.cancel()
            # One turn of the loop, in which the transports that were ended let go of their sockets.
            await asyncio.sleep(0)

    def take(self) -> Volley[T] | None:
        """The next volley, or None when there are no more."""
        return None if self._done.done() else next(self._volleys, None)

    def hand_over(self, volley: Volley[T], answers: list[Answer]) -> None:
        """Give a volley's answers to whoever asked."""
        if not self._done.done():
            self._sink(volley, answers)

    def rest(self) -> None:
        """A lane found nothing more to do."""
        if all(lane.is_idle for lane in self._lanes) and not self._done.done():
            self._done.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Our own code broke: end the run with it."""
        if not self._done.done():
            self._done.set_exception(error)

    def delay(self) -> float:
        """Seconds until the next request may be sent."""
        return max(self._pace.reserve(), self._busy_until - time.monotonic())

    def back_off(self, answer: Answer, tries: int) -> bool:
        """Let every lane pause, for as long as the target asks; False when it has asked for too much already."""
        asked = answer.header("retry-after").strip()
        seconds = float(asked) if asked.isdecimal() else 0.1 * 2**tries
        until = time.monotonic() + min(seconds, _LONGEST_PAUSE)
        added = max(until - max(self._busy_until, time.monotonic()), 0.0)
        if added > self._patience:
            return False
        self._patience -= added
        self._busy_until = max(self._busy_until, until)
        self.is_unhurried = False
        return True

    def certificate_for(self, volley: Volley[T]) -> str:
        """The name of the certificate that is shown: that of who sends the last request, at which a volley aims."""
        is_asked = self.place.tls and self._certificates.are_there
        return self._certificates.name_for(volley.requests[-1].principal) if is_asked else NONE

    def spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run it beside everything else, as long as the run lasts."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def connect(self, line: Line, server_name: str, certificate: str) -> None:
        """Open a connection. Raises OSError (of which ssl.SSLError and TimeoutError are kinds)."""
        context = self._context(bool(server_name), certificate) if self.place.tls else None
        async with asyncio.timeout(self.seconds):
            await self.loop.create_connection(
                lambda: line,
                self.place.host,
                self.place.port,
                ssl=context,
                server_hostname=(server_name or self.place.host) if context else None,
            )

    def _context(self, is_named: bool, certificate: str) -> ssl.SSLContext:
        if (is_named, certificate) not in self._contexts:
            context = self._certificates.context(certificate)
            # Whoever asks for another's name gets another's certificate; it must still be a genuine one.
            context.check_hostname = not is_named
            self._contexts[is_named, certificate] = context
        return self._contexts[is_named, certificate]

    async def _watch(self) -> None:
        """Ends what takes too long: one clock for all lanes costs less than a timer for every request."""
        while True:
            await asyncio.sleep(min(_WATCH_SECONDS, self.seconds / 4))
            now = self.loop.time()
            for lane in self._lanes:
                if lane.deadline < now:
                    lane.guarded(lane.overdue)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop's where it is installed; it is twice as fast."""
    try:
        import uvloop  # only here: not every machine has it
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
