"""The paperwork of the support desk: where requests are, how they move, what is written, told and done later."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from venturi.settings import SupportSettings
from venturi.support import mfa, rows
from venturi.support.clock import SteadyClock
from venturi.support.errors import SupportError, refusal
from venturi.support.mfa import SecondFactor
from venturi.support.model import Person, State, SupportRequest
from venturi.support.notices import NoticeUnavailable, Notifier
from venturi.support.record import Context, record
from venturi.support.rules import Rules
from venturi.trail.errors import TrailUnavailable
from venturi.trail.trail import Append, Trail

if TYPE_CHECKING:
    import asyncpg

    from venturi.trail.store import Connection

_CLOCKED: Mapping[State, str] = {"ended": "support.ended", "expired": "support.expired"}
_SLACK = 0.01
View: TypeAlias = dict[str, Any]  # JSON, as the API shows it
Presented: TypeAlias = tuple[mfa.Assertion, rows.Challenge]
"""An assertion and what its challenge, now used up, was given out for."""


class Paperwork(Rules):
    """A request lives in the database of the tenant that it is about, and changes there in one transaction with its
    trail event and its notice.
    """

    def __init__(
        self,
        pools: Mapping[str, asyncpg.Pool],
        trails: Mapping[str, Trail],
        mfa: SecondFactor,
        notifier: Notifier,
        settings: SupportSettings,
        clock: Callable[[], float],
    ) -> None:
        self.settings = settings
        self._pools, self._trails, self._mfa, self._notifier = pools, trails, mfa, notifier
        self._clock = clock if isinstance(clock, SteadyClock) else SteadyClock(clock)
        self._homes: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._is_open = False

    # -- opening and closing ------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up where the last process left off: time, ends to come, notices that wait. Every step does it first."""
        async with self._opening:
            if not self._is_open:
                await asyncio.gather(*(self._take_up(tenant) for tenant in self._pools))
                self._is_open = True

    async def close(self) -> None:
        """Stop waiting for ends and for topics; what is due is done by the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take_up(self, tenant: str) -> None:
        async with rows.borrowed(self._pools[tenant]) as connection:
            known = await rows.every(connection)
        for request in known:
            self._homes[request.id] = tenant
            self._clock.reach(request.changed_at)
            if request.state == "active":
                self._end_later(request)
        self._tell(tenant)

    # -- requests ----------------------------------------------------------------------------------------------------

    def _view(self, request: SupportRequest) -> View:
        return request.view(self.lapses_at(request))

    async def _home(self, request_id: str) -> str:
        """The tenant whose database holds a request. Raises NOT_FOUND."""
        await self.open()
        if request_id not in self._homes:
            # Another process may have taken the request; every tenant is asked, so the time tells nothing.
            found = await asyncio.gather(*(self._holds(tenant, request_id) for tenant in self._pools))
            self._homes.update((request_id, tenant) for tenant, held in zip(self._pools, found, strict=True) if held)
        try:
            return self._homes[request_id]
        except KeyError:
            raise refusal("NOT_FOUND", "no such request") from None

    async def _holds(self, tenant: str, request_id: str) -> bool:
        async with rows.borrowed(self._pools[tenant]) as connection:
            return await rows.find(connection, request_id) is not None

    async def _at(self, tenant: str, request_id: str) -> str:
        """The tenant, when it holds the request. Raises NOT_FOUND."""
        if await self._home(request_id) != tenant:
            raise refusal("NOT_FOUND", "the request is about another tenant")
        return tenant

    async def _seen(self, who: Person, request_id: str) -> SupportRequest:
        request = await self._settled(await self._home(request_id), request_id)
        if not self.may_see(who, request):
            raise refusal("NOT_FOUND", "the request is somebody else's")
        return request

    async def _settled(self, tenant: str, request_id: str) -> SupportRequest:
        """The request as it is now, after what time alone did to it was written down."""
        async with rows.borrowed(self._pools[tenant]) as connection:
            request = await rows.find(connection, request_id)
        if request is None:
            raise refusal("NOT_FOUND", "no such request")
        if self.due(request, self._clock()) is None:
            return request
        async with self._trails[tenant].transaction() as (connection, append):
            request = await self._locked(connection, request_id)
            now = self._clock()
            if (state := self.due(request, now)) is not None:
                request = await self._move(connection, append, request, state, _CLOCKED[state], None, None, now)
        self._tell(tenant)
        return request

    async def _locked(self, connection: Connection, request_id: str) -> SupportRequest:
        request = await rows.find(connection, request_id, lock=True)
        if request is None:
            raise refusal("NOT_FOUND", "no such request")
        return request

    async def _move(
        self,
        connection: Connection,
        append: Append,
        request: SupportRequest,
        state: State,
        action: str,
        who: Person | None,
        context: Context | None,
        now: float,
        **more: Any,  # noqa: ANN401  # columns differ
    ) -> SupportRequest:
        """State, record and notice, in one transaction. The notice of an activation is queued before, by its claim."""
        moved = msgspec.structs.replace(request, state=state, changed_at=now, **more)
        await rows.change(connection, request.id, state=state, changed_at=now, **more)
        await append(record(action, moved, who, context, now, factor=state in {"approved", "active"}))
        if state != "active":
            await self._notifier.queue(connection, moved, state, who.id if who else "clock", now)
        return moved

    # -- second factors -----------------------------------------------------------------------------------------------

    async def _present(self, tenant: str, given: object) -> Presented | None:
        """Use up the presented challenge, before anything else is looked at: even a refused step costs it."""
        assertion = mfa.read(given)
        if assertion is None:
            return None
        async with rows.borrowed(self._pools[tenant]) as connection:
            challenge = await self.burn(connection, assertion.challenge)
        return None if challenge is None else (assertion, challenge)

    async def burn(self, connection: Connection, challenge: str) -> rows.Challenge | None:
        """What a challenge was for, once."""
        return await rows.burn(connection, challenge, self._clock())

    async def _prove(
        self,
        who: Person,
        request: SupportRequest,
        verb: str,
        presented: Presented | None,
    ) -> None:
        if not await self.is_proven(who, request, verb, presented):
            raise refusal("MFA_REQUIRED", "no fresh second factor for this step")

    async def is_proven(
        self,
        who: Person,
        request: SupportRequest,
        verb: str,
        presented: Presented | None,
    ) -> bool:
        """Whether the principal's own second factor stands behind exactly this step."""
        if presented is None:
            return False
        assertion, challenge = presented
        if not self.fits(challenge, who, request, verb, self._clock()):
            return False
        return await self._mfa.verify(who.id, verb, request.id, request.digest, assertion)

    # -- in the background --------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _recording(
        self, action: str, request: SupportRequest, who: Person, context: Context | None
    ) -> AsyncIterator[None]:
        """Write a refused step into the tenant's trail too, before it is answered."""
        try:
            yield
        except SupportError as refused:
            event = record(action, request, who, context, self._clock(), refused=refused)
            await self._trails[request.tenant].append(event)
            raise

    def _end_later(self, request: SupportRequest) -> None:
        """Have the end of an access written down when it comes. Nothing depends on it: every read looks itself."""
        self._spawn(self._end(request))

    async def _end(self, request: SupportRequest) -> None:
        with contextlib.suppress(SupportError, TrailUnavailable):
            await asyncio.sleep(max(0.0, (request.ends_at or 0.0) - self._clock()) + _SLACK)
            await self._settled(request.tenant, request.id)

    def _tell(self, tenant: str) -> None:
        """Send what waits in the tenant's outbox, without anybody waiting for it."""
        self._spawn(self._flush(tenant))

    async def _flush(self, tenant: str) -> None:
        # What is not sent now stays in the outbox; the next step, or the next process, tries again.
        with contextlib.suppress(NoticeUnavailable, TrailUnavailable):
            await self._notifier.flush(tenant, self._pools[tenant], self._clock())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
