"""Without a record and without a notice there is no access: the trail and the notifier down, full, slow or unreachable.

The faults are real: system calls of the processes around the API fail, or the processes are stopped or killed. Where
no process may be traced, what needs it is skipped and says so.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tenantproof.clients.canaries import found_in
from tenantproof.clients.target import Target
from tenantproof.model.outcome import PERMITTED, Outcome
from tenantproof.model.profile import Operation
from tenantproof.probes.access_acts import READ, Act
from tenantproof.probes.access_story import Story
from tenantproof.probes.near_misses import NearMisses
from tests.access.counter import Counter
from tests.access.faulting import failing, stopped, why_not_traced
from venturi.api.recorder import Recorder
from venturi.parts import Parts
from venturi.settings import AwsClientSettings
from venturi.support.notices import Notice, NoticeUnavailable, Notifier
from venturi.support.sns import sns_publisher

if TYPE_CHECKING:
    from venturi.api.answer import Answer
    from venturi.api.exchange import Exchange

_RECOVERY_SECONDS = 60.0
_LASTS = 900
"""Seconds of access: no case may end before a slow machine is done with it."""
TRAIL_FAULTS = ("pwrite64 ENOSPC", "fdatasync EIO", "sendto ECONNRESET", "recvfrom ECONNRESET", "stopped")
NOTIFIER_FAULTS = ("recvfrom ECONNRESET", "sendto ENOBUFS", "stopped", "killed", "refuses")


@pytest.fixture(scope="module")
def target(desk: Counter) -> Iterator[Target]:
    desk.durable(really=True)
    with desk.opened() as reached:
        yield reached
    desk.durable(really=False)


@contextmanager
def fault(said: str, pids: list[int]) -> Iterator[None]:
    """A fault as it is said: a system call and its error, or "stopped"."""
    call, _, error = said.partition(" ")
    if error and (why := why_not_traced()):
        pytest.skip(why)
    with failing(pids, call, error) if error else stopped(pids):
        yield


def keepers(desk: Counter, tenant: str) -> list[int]:
    """The processes of the database that keep a tenant's trail and its cases, as the API is connected to them."""
    guard = next(each.guard for each in desk.settings.tenants if each.id == tenant)
    query = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND usename = $2"
    return [row["pid"] for row in administered(desk, query, guard.database, guard.user)]


def administered(desk: Counter, statement: str, *values: str) -> list[asyncpg.Record]:
    """What the administrator of the whole cluster is told."""

    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(**desk.postgres.admin(), database="postgres")
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    return asyncio.run(ask())


@contextmanager
def no_newcomers(desk: Counter, tenant: str) -> Iterator[None]:
    """Nobody connects anew to the tenant's database: a process that came about after a fault would not have it."""
    database = next(each.guard.database for each in desk.settings.tenants if each.id == tenant)
    administered(desk, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
    try:
        yield
    finally:
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while True:
            try:
                administered(desk, f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
            except (asyncpg.PostgresError, OSError):  # it may be coming back from a crash
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                break


def after_it(story: Story, act: Act) -> Outcome:
    """What an act comes to once the fault is over: databases recover, and connections are made anew."""
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while True:
        outcome = story.take(act).outcome
        if outcome is PERMITTED or time.monotonic() > deadline:
            return outcome
        time.sleep(0.1)


def begun_after_it(story: Story, act: Act) -> bool:
    """Whether a case becomes active once the fault is over.

    Whoever was slow beyond measure may only then hear of the activation that was tried meanwhile, and go through with
    it: the desk says so after having refused that it was tried twice.
    """
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while time.monotonic() < deadline:
        if state(story) == "active" or story.take(act).outcome is PERMITTED:
            return state(story) == "active"
        time.sleep(0.1)
    return False


def state(story: Story) -> str:
    """The state that the desk says the case to be in."""
    target, asker = story.cast.target, story.cast.asker
    where = Operation(method="GET", path=f"/v1/support/requests/{story.id}")
    request = target.request(where, bearer=story.cast.bearer(asker), principal=asker.name)
    return str(json.loads(target.wire.send(request).body)["state"])


def shows(story: Story) -> tuple[str, ...]:
    """What the last answer gave away of any tenant's data."""
    every = [each for canaries in story.cast.target.canaries.values() for each in canaries]
    return found_in(story.taken[-1].answer, every)


@pytest.mark.parametrize("said", TRAIL_FAULTS)
def test_what_can_not_be_recorded_is_neither_shown_nor_done(desk: Counter, target: Target, said: str) -> None:
    misses = NearMisses(target)
    active, approved = misses.story(_LASTS), misses.story(_LASTS)
    active.live(misses.support.path)
    approved.live(misses.support.path[:-1])
    assert active.take(Act(READ)).outcome is PERMITTED
    begin = approved.ready(Act(misses.support.path[-1]))
    with no_newcomers(desk, misses.tenant.id), fault(said, keepers(desk, misses.tenant.id)):
        read = active.take(Act(READ))
        assert read.outcome is not PERMITTED, read.notes
        assert not shows(active)
        # Whoever asks a process that is stopped hears nothing, not even no.
        assert active.taken[-1].answer.status in ((503, 0) if said == "stopped" else (503,))
        assert approved.outcome(target.wire.send(begin)) is not PERMITTED
        assert approved.take(Act(READ)).outcome is not PERMITTED
        assert not shows(approved)
    assert after_it(active, Act(READ)) is PERMITTED
    assert begun_after_it(approved, Act(misses.support.path[-1])), approved.taken[-1].answer.body


@dataclass
class Endpoint:
    """A topic in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    taken: Path

    def told(self, story: Story) -> int:
        """How many messages told of a case's activation."""
        lines = self.taken.read_text().splitlines() if self.taken.exists() else []
        return sum(story.id in line and "activated" in line for line in lines)

    def publisher(self) -> Callable[[str, str], Any]:
        """The very code that a deployment publishes with."""
        at = f"http://127.0.0.1:{self.port}"
        return sns_publisher(AwsClientSettings(endpoint=at, access_key_id="a", secret_access_key="b"))


@contextmanager
def endpoint(folder: Path) -> Iterator[Endpoint]:
    taken = folder / "taken"
    command = [sys.executable, str(Path(__file__).with_name("topic_server.py")), str(taken)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        yield Endpoint(process, int(process.stdout.readline()), taken)
    finally:
        process.kill()
        process.communicate()


def trouble(said: str, topics: Any, at: Endpoint) -> AbstractContextManager[None]:
    """A fault of the topic: refused, gone, or one of its process."""

    @contextmanager
    def refuses() -> Iterator[None]:
        topics.fails = True
        yield
        topics.fails = False

    @contextmanager
    def killed() -> Iterator[None]:
        at.process.kill()
        at.process.wait()
        yield
        topics.through = None

    special = {"refuses": refuses, "killed": killed}
    return special[said]() if said in special else fault(said, [at.process.pid])


@pytest.mark.parametrize("said", NOTIFIER_FAULTS)
def test_whoever_can_not_be_told_is_not_accessed(desk: Counter, target: Target, tmp_path: Path, said: str) -> None:
    misses = NearMisses(target)
    with endpoint(tmp_path) as at:
        desk.topics.through = at.publisher()
        story = misses.story(_LASTS)
        story.live(misses.support.path[:-1])
        with trouble(said, desk.topics, at):
            begun = story.take(Act(misses.support.path[-1]))
            assert begun.outcome is not PERMITTED
            assert story.taken[-1].answer.status == 503
            assert story.take(Act(READ)).outcome is not PERMITTED
            assert not shows(story)
            assert state(story) == "approved"
        assert after_it(story, Act(misses.support.path[-1])) is PERMITTED
        assert story.take(Act(READ)).outcome is PERMITTED
        if said != "killed":
            assert at.told(story) >= 1
        desk.topics.through = None


def test_a_queue_of_notices_that_is_full_stops_every_step(desk: Counter, target: Target) -> None:
    misses = NearMisses(target)
    story = misses.story(_LASTS)
    story.live(misses.support.path[:-1])
    full = "ALTER TABLE support_outbox ADD CONSTRAINT is_full CHECK (id < 0) NOT VALID"
    desk.owner(misses.tenant.id, full)
    try:
        assert story.take(Act(misses.support.path[-1])).outcome is not PERMITTED
        assert misses.story(_LASTS).take(Act("request")).outcome is not PERMITTED
        assert story.take(Act(READ)).outcome is not PERMITTED
    finally:
        desk.owner(misses.tenant.id, "ALTER TABLE support_outbox DROP CONSTRAINT is_full")
    assert after_it(story, Act(misses.support.path[-1])) is PERMITTED


class Forgiving(Recorder):
    """Answers all the same when nothing could be recorded."""

    async def recorded(self, exchange: Exchange, answer: Answer) -> Answer:
        try:
            return await super().recorded(exchange, answer)
        except Exception:  # whatever it was, the customer waits
            return answer


class Hopeful(Notifier):
    """Leaves it in the outbox when the topic does not take it."""

    async def send(self, notice: Notice) -> None:
        try:
            await super().send(notice)
        except NoticeUnavailable:
            return


def test_access_that_fails_open_is_seen(desk: Counter) -> None:
    parts = replace(Parts(), recorder=Forgiving, notifier=Hopeful)
    with desk.opened(parts) as target:
        misses = NearMisses(target)
        story = misses.story(_LASTS)
        story.live(misses.support.path[:-1])
        desk.topics.fails = True
        assert story.take(Act(misses.support.path[-1])).outcome is PERMITTED
        full = "ALTER TABLE trail_events ADD CONSTRAINT is_full CHECK (seq < 0) NOT VALID"
        desk.owner(misses.tenant.id, full)
        try:
            assert story.take(Act(READ)).outcome is PERMITTED
            assert shows(story)
        finally:
            desk.owner(misses.tenant.id, "ALTER TABLE trail_events DROP CONSTRAINT is_full")
