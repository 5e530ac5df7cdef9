"""A lane: one place on the road to the target, on which volleys follow each other over one connection at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.framing import BrokenAnswerError, Framing, Reading, SilentError, Steps, answer_of
from tenantproof.clients.octets import octets_of
from tenantproof.clients.volley import Volley
from tenantproof.clients.wire import unreachable
from tenantproof.model.errors import UsageError

if TYPE_CHECKING:
    from tenantproof.clients.sweep_wire import Run

MOST_TRIES = 4
"""How often a request is sent at most while the target answers 429 or 503."""
_BUSY = frozenset({429, 503})
_NEVER = float("inf")


class Line(asyncio.Protocol):
    """One connection, and what was read from it beyond the last answer."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.framing = Framing()
        self.served = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: it is open."""
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: octets came."""
        try:
            self._lane.came(self, data)
        except BaseException as error:
            self._lane.fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: it is over."""
        self._lane.guarded(self._lane.ended, self, exc)

    @property
    def is_open(self) -> bool:
        """Whether something can be sent on it."""
        return self.transport is not None and not self.transport.is_closing()

    def close(self) -> None:
        """End it now, without waiting for anybody."""
        if self.transport is not None:
            self.transport.abort()


class Lane:
    """Takes volleys from the run until there are none; nothing that the target does can stop it."""

    def __init__(self, run: Run[Any]) -> None:  # Any: a lane never looks at what its sender tagged a volley with
        self._run = run
        self._line: Line | None = None
        self._volley: Volley[Any] | None = None
        self._certificate = ""
        self._answers: list[Answer] = []
        self._tries = 0
        self._is_waiting = False
        self._steps: Steps | None = None
        self._reading = Reading()
        self._chunks: list[bytes] = []
        self._at = self._begun = 0.0
        self.deadline = _NEVER
        self.is_idle = False

    def guarded(self, act: Callable[..., None], *arguments: object) -> None:
        """Do it; what goes wrong in our own code ends the run instead of vanishing in the event loop."""
        try:
            act(*arguments)
        except BaseException as error:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Our own code broke."""
        self._run.fail(error)

    def proceed(self) -> None:
        """Go on with the next volley, or end."""
        self._volley = self._run.take()
        if self._volley is None:
            self.is_idle = True
            self.close()
            self._run.rest()
            return
        self._answers, self._tries = [], 0
        certificate = self._run.certificate_for(self._volley)
        if self._volley.fresh or self._volley.server_name or certificate != self._certificate:
            self._drop()
        self._certificate = certificate
        self._wait_and_send()

    def close(self) -> None:
        """End the connection; nothing more comes of it."""
        self._drop()
        self.deadline = _NEVER

    def overdue(self) -> None:
        """The answer did not come in time."""
        self._settle(failure=f"no complete answer within {self._run.seconds:g} s")

    def came(self, line: Line, data: bytes) -> None:
        """Octets came on the line."""
        if line is not self._line:
            return
        if not self._is_waiting:
            self._drop()  # it said something that nobody had asked for
            return
        assert self._volley
        request = self._volley.requests[len(self._answers)]
        if self._steps is None and (known := self._run.known(request.method, data)):
            self._settle_with(known)
            return
        self._reading.started = True
        self._read_on(data)

    def ended(self, line: Line, error: Exception | None) -> None:
        """The line is over."""
        if line is not self._line:
            return
        self._line = None
        if not self._is_waiting:
            return
        if line.served and not self._reading.started and self._tries < 2 and _is_repeatable(self._request):
            self._is_waiting, self._steps = False, None
            self._wait_and_send()  # closed just as it was used, as an idle connection may be
        elif isinstance(error, OSError):
            self._settle(failure=f"the connection broke: {error.strerror or error}")
        else:
            self._begin(line)
            self._read_on(b"")

    @property
    def _request(self) -> Request:
        assert self._volley
        return self._volley.requests[len(self._answers)]

    def _wait_and_send(self) -> None:
        if self._run.is_unhurried:
            self._send()
        elif (seconds := self._run.delay()) > 0:
            self._run.loop.call_later(seconds, self.guarded, self._send)
        else:
            self._send()

    def _send(self) -> None:
        self._at, self._begun = time.time(), time.perf_counter()
        self.deadline = self._run.loop.time() + self._run.seconds
        if self._line is None or not self._line.is_open:
            self._drop()
            self._run.spawn(self._open())
            return
        self._send_now(self._line)

    def _send_on(self, line: Line) -> None:
        """The first on a connection that has just come about."""
        if line.is_open:
            self._send_now(line)
            return
        self._tries += 1
        self._settle(failure="the target closed the connection")

    def _send_now(self, line: Line) -> None:
        self._tries += 1
        self._write(line)
        self._await_answer()

    def _write(self, line: Line) -> None:
        assert self._volley
        assert line.transport
        authority, prefix, volley = self._run.authority, self._run.place.prefix, self._volley
        if volley.pipelined:
            due = volley.requests[len(self._answers) :]
            octets = b"".join(octets_of(request, authority, prefix) for request in due)
        else:
            octets = octets_of(volley.requests[len(self._answers)], authority, prefix)
        if not volley.hold:
            line.transport.write(octets)
            return
        head, end, body = octets.partition(b"\r\n\r\n")
        line.transport.write(head + end[:2])
        self._run.loop.call_later(volley.hold, _write_if_open, line, end[2:] + body)

    async def _open(self) -> None:
        assert self._volley
        line = Line(self)
        try:
            await self._run.connect(line, self._volley.server_name, self._certificate)
        except OSError as error:
            self.guarded(self._settle, unreachable(self._run.place, error))
            return
        except UsageError as error:  # a certificate of ours that won't do
            self.fail(error)
            return
        if self.deadline == _NEVER:  # it took too long, and the volley has been settled
            line.close()
            return
        self._line = line
        self.guarded(self._send_on, line)

    def _await_answer(self) -> None:
        assert self._line
        self._is_waiting, self._steps = True, None
        if self._line.framing.buffer:  # it came together with the answer before
            self._chunks.append(bytes(self._line.framing.buffer))
            self._begin(self._line)

    def _begin(self, line: Line) -> None:
        """Start to read, unless that was done."""
        if self._steps is None:
            self._steps = line.framing.read(self._request.method, self._reading)
            self._step(None)

    def _read_on(self, data: bytes) -> None:
        """Read what came, which is an answer, a part of one or (nothing) the end."""
        if self._line:
            self._begin(self._line)
        self._chunks.append(data)
        self._step(data)

    def _step(self, data: bytes | None) -> None:
        """Read on with what came; None begins."""
        if self._steps is None:
            return
        try:
            if data is None:
                next(self._steps)
            else:
                self._steps.send(data)
        except StopIteration:
            self._settle()
        except BrokenAnswerError as broken:
            self._settle(malformed=str(broken))
        except SilentError as silent:
            self._settle(failure=str(silent))

    def _settle(self, failure: str = "", malformed: str = "") -> None:
        """An answer is there, or there will be none."""
        answer = answer_of(self._reading, failure, malformed)
        if not self._reading.reusable or failure or malformed:
            self._drop()
        elif self._line and len(self._chunks) == 1 and not self._line.framing.buffer:
            self._run.learn(self._request.method, self._chunks[0], answer)
        self._reading, self._chunks = Reading(), []
        self._settle_with(answer)

    def _settle_with(self, answer: Answer) -> None:
        """The answer is this one; a connection that is still there carries the next."""
        self._is_waiting, self._steps, self.deadline = False, None, _NEVER
        if self._line:
            self._line.served += 1
        if answer.status in _BUSY and self._may_try_again() and self._run.back_off(answer, self._tries):
            self._wait_and_send()
            return
        self._answers.append(self._stamped(answer))
        self._tries = 0
        self._continue()

    def _stamped(self, answer: Answer) -> Answer:
        return Answer(
            status=answer.status,
            reason=answer.reason,
            headers=answer.headers,
            body=answer.body,
            failure=answer.failure,
            malformed=answer.malformed,
            at=self._at,
            seconds=time.perf_counter() - self._begun,
            tries=self._tries or 1,
        )

    def _may_try_again(self) -> bool:
        assert self._volley
        # What was pipelined behind it is on its way already.
        return not self._volley.pipelined and self._tries < MOST_TRIES and _is_repeatable(self._request)

    def _continue(self) -> None:
        """Go on with the volley, or hand it over and take the next."""
        assert self._volley
        if len(self._answers) < len(self._volley.requests):
            if self._volley.pipelined and self._line:
                self._tries = 1
                self.deadline = self._run.loop.time() + self._run.seconds
                self._await_answer()
            else:
                self._wait_and_send()
            return
        if self._volley.fresh or self._volley.server_name or (self._line and self._line.framing.buffer):
            self._drop()
        self._run.hand_over(self._volley, self._answers)
        self.proceed()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


def _is_repeatable(request: Request) -> bool:
    return request.repeatable or request.method in {"GET", "HEAD"}


def _write_if_open(line: Line, octets: bytes) -> None:
    if line.is_open:
        assert line.transport
        line.transport.write(octets)
