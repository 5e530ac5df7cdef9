"""Stage A over a real database: the pure function's records, once each, however the log is cut and repeated."""

from __future__ import annotations

import random
from collections.abc import Sequence

import asyncpg
import msgspec
import pytest

from tests.resolution.ground import Place, conversion, fresh_place, opener, stored, story, touch, vault_of
from tests.trail.cluster import run
from venturi.ingest.envelope import seal
from venturi.ingest.events import Event
from venturi.records.store import NewAttribution, Records
from venturi.resolution.resolver import Overtaken, Resolver
from venturi.resolution.rule import canonical, resolve
from venturi.streams.reader import Message
from venturi.vault.vault import Vault


async def logged(vault: Vault, events: Sequence[Event], *, first: int = 0) -> list[Message]:
    return [
        Message(first + number, await seal(vault, "acme", f"b/{first + number}", event))
        for number, event in enumerate(events)
    ]


def resolver(pool: asyncpg.Pool, vault: Vault) -> Resolver:
    return Resolver("acme", pool, vault, opener(vault))


def expected(events: Sequence[Event]) -> list[NewAttribution]:
    return sorted(resolve("acme", events), key=lambda each: each.id)


@pytest.fixture
def place(socket: str) -> Place:
    return fresh_place(socket, "acme")


@pytest.mark.parametrize("seed", range(4))
def test_any_cut_of_the_log_gives_the_records_of_the_whole(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    events = story(60, "x")
    events = events + chance.sample(events, 15)  # some come twice

    async def body() -> None:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            log = await logged(vault, events)
            at = 0
            while at < len(log):
                # A new resolver each time: it may not need to remember anything.
                at_next = at + chance.randint(1, 20)
                await resolver(pool, vault).take(log[at:at_next])
                assert await resolver(pool, vault).position() == min(at_next, len(log))
                at = at_next

    run(body())
    assert canonical(run(stored(place))) == canonical(expected(events))
    assert len(expected(events)) > 5


class FailingRecords(Records):
    """Fails at the third record."""

    added = 0

    async def add(self, tenant: str, record: NewAttribution) -> None:
        FailingRecords.added += 1
        if FailingRecords.added == 3:
            raise OSError("the connection is gone")
        await super().add(tenant, record)


def test_a_batch_takes_effect_whole_or_not_at_all(place: Place) -> None:
    events = story(40, "y")

    async def body() -> None:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            log = await logged(vault, events)
            broken = Resolver("acme", pool, vault, lambda pools: FailingRecords(pools, vault))
            with pytest.raises(OSError, match="gone"):
                await broken.take(log)
            assert await broken.position() == 0
            assert not await stored(place)
            assert not await pool.fetchval("SELECT count(*) FROM resolution_seen")
            await resolver(pool, vault).take(log)

    run(body())
    assert run(stored(place)) == expected(events)


def test_whoever_lags_behind_is_told_and_changes_nothing(place: Place) -> None:
    events = story(20, "z")

    async def body() -> None:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            log = await logged(vault, events)
            await resolver(pool, vault).take(log[:12])
            with pytest.raises(Overtaken):
                await resolver(pool, vault).take(log[5:])
            await resolver(pool, vault).take(log[12:])

    run(body())
    assert run(stored(place)) == expected(events)


def test_what_can_not_be_read_is_noted_and_does_not_stop_the_log(place: Place, socket: str) -> None:
    neighbour = fresh_place(socket, "globex")
    events: list[Event] = [touch("t1"), conversion("c1")]

    async def body() -> list[tuple[int, str]]:
        async with place.pool() as pool, neighbour.pool() as other:
            vault = vault_of("acme", pool)
            log = await logged(vault, events, first=3)
            foreign = await seal(vault_of("globex", other), "globex", "b/2", touch("t9", channel="search", hours=0))
            moved = msgspec.msgpack.encode(["b/9", *msgspec.msgpack.decode(log[0].value)[1:]])
            bad = [Message(0, b""), Message(1, moved), Message(2, foreign)]
            await resolver(pool, vault).take([*bad, *log])
            return [tuple(row) for row in await pool.fetch("SELECT * FROM resolution_rejects ORDER BY 1")]

    assert run(body()) == [(0, "malformed"), (1, "tampered"), (2, "tampered")]
    assert run(stored(place)) == expected(events)


def test_an_erased_subject_is_gone_from_the_log_too(place: Place) -> None:
    async def body() -> list[str]:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            log = await logged(vault, [touch("t1"), touch("t2", subject="s2"), conversion("c2", subject="s2")])
            await vault.shred("acme", "s1")
            await resolver(pool, vault).take(log)
            return [str(row["why"]) for row in await pool.fetch("SELECT why FROM resolution_rejects")]

    assert run(body()) == ["unrecoverable"]
    assert [each.touchpoint for each in run(stored(place))] == ["t2"]


def test_nothing_of_an_event_can_be_read_in_the_topic(place: Place) -> None:
    async def body() -> bytes:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            return (await logged(vault, [touch("identifier", subject="somebody", channel="newsletter")]))[0].value

    message = run(body())
    for word in (b"identifier", b"somebody", b"newsletter", b"touchpoint", b"2026"):
        assert word not in message
