"""Look-ups go together in one query, and none of them learns less than it would alone: against a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import asyncpg
import pytest

from tests.trail.cluster import Database, fresh_database, run, running_cluster
from venturi.identity import schema
from venturi.identity.directory import Directory, DirectoryRow

_ALDER = "https://issuer.example/alder"
_NAMES = [f"person-{number}" for number in range(40)]


class Gated(Directory):
    """A directory whose queries are counted, and whose answers can be kept on their way."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.asked: list[int] = []
        self.came = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def rows(self, names: Iterable[tuple[str, str]]) -> list[DirectoryRow]:
        names = list(names)
        self.asked.append(len(names))
        found = await super().rows(names)
        self.came.set()
        await self.open.wait()
        return found


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    with running_cluster() as path:
        yield path


@pytest.fixture
def database(socket: str) -> Database:
    made = fresh_database(socket)
    people = ", ".join(f"('{_ALDER}', '{name}', 'id-{name}', 'alder', 'tenant', '{name}')" for name in _NAMES)
    fill = f"INSERT INTO principals (issuer, subject, id, tenant, kind, person) VALUES {people}"
    run(made.owner(*schema.STATEMENTS, *(grant.format(role="guard") for _, grant in schema.GRANTS), fill))
    return made


def _with(database: Database, story: Callable[[Gated], Awaitable[None]]) -> None:
    async def body() -> None:
        async with database.pool() as pool:
            await story(Gated(pool))

    run(body())


def test_each_look_up_gets_its_own_row_and_a_stranger_none(database: Database) -> None:
    async def story(directory: Gated) -> None:
        found = await asyncio.gather(*(directory.find(_ALDER, name) for name in [*_NAMES, *_NAMES]))
        assert [row and row.id for row in found] == [f"id-{name}" for name in [*_NAMES, *_NAMES]]
        strangers = [(_ALDER, "nobody"), ("https://issuer.example/birch", _NAMES[0]), (_ALDER.upper(), _NAMES[0])]
        assert await asyncio.gather(*(directory.find(*name) for name in strangers)) == [None] * 3

    _with(database, story)


def test_look_ups_that_come_while_one_is_under_way_share_the_next_query(database: Database) -> None:
    async def story(directory: Gated) -> None:
        directory.open.clear()
        first = asyncio.create_task(directory.find(_ALDER, _NAMES[0]))
        await directory.came.wait()
        others = [asyncio.create_task(directory.find(_ALDER, name)) for name in [*_NAMES, *_NAMES]]
        await asyncio.sleep(0.05)
        directory.open.set()
        assert await first
        assert all(await asyncio.gather(*others))
        assert directory.asked == [1, len(_NAMES)]

    _with(database, story)


def test_a_subject_that_is_withdrawn_while_a_look_up_is_under_way_is_unknown_to_the_next(database: Database) -> None:
    async def story(directory: Gated) -> None:
        directory.open.clear()
        before = asyncio.create_task(directory.find(_ALDER, _NAMES[0]))
        await directory.came.wait()
        await database.owner(f"DELETE FROM principals WHERE subject = '{_NAMES[0]}'")
        after = asyncio.create_task(directory.find(_ALDER, _NAMES[0]))
        await asyncio.sleep(0.05)
        directory.open.set()
        assert await before is not None
        assert await after is None

    _with(database, story)


def test_nothing_is_remembered_from_one_look_up_to_the_next(database: Database) -> None:
    async def story(directory: Gated) -> None:
        assert await directory.find(_ALDER, _NAMES[0]) is not None
        await database.owner(f"DELETE FROM principals WHERE subject = '{_NAMES[0]}'")
        assert await directory.find(_ALDER, _NAMES[0]) is None

    _with(database, story)


def test_a_query_that_fails_fails_everybody_who_shares_it_and_nobody_after(database: Database) -> None:
    async def story(directory: Gated) -> None:
        await database.owner("ALTER TABLE principals RENAME TO elsewhere")
        failed = await asyncio.gather(*(directory.find(_ALDER, name) for name in _NAMES), return_exceptions=True)
        assert {type(problem) for problem in failed} == {asyncpg.UndefinedTableError}
        await database.owner("ALTER TABLE elsewhere RENAME TO principals")
        assert await directory.find(_ALDER, _NAMES[0]) is not None

    _with(database, story)


def test_who_gives_up_takes_nobody_else_along(database: Database) -> None:
    async def story(directory: Gated) -> None:
        directory.open.clear()
        # Two of one query, and two of the one that waits for it; all four ask for the same.
        pairs = []
        for _ in range(2):
            pairs.append([asyncio.create_task(directory.find(_ALDER, _NAMES[0])) for _ in range(2)])
            await directory.came.wait()
        for impatient, _ in pairs:
            impatient.cancel()
        await asyncio.sleep(0.01)
        directory.open.set()
        for impatient, patient in pairs:
            assert await patient is not None
            with pytest.raises(asyncio.CancelledError):
                await impatient

    _with(database, story)


def test_everybody_hears_of_it_when_the_query_is_given_up(database: Database) -> None:
    async def story(directory: Gated) -> None:
        directory.open.clear()
        first = asyncio.create_task(directory.find(_ALDER, _NAMES[0]))
        await directory.came.wait()
        second = asyncio.create_task(directory.find(_ALDER, _NAMES[0]))
        await asyncio.sleep(0.01)
        assert directory._asking is not None
        directory._asking.cancel()
        told = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(problem) for problem in told] == [ConnectionAbortedError] * 2
        directory.open.set()
        assert await directory.find(_ALDER, _NAMES[0]) is not None

    _with(database, story)


def test_everybody_hears_of_it_when_a_look_up_is_given_up_before_it_begins(database: Database) -> None:
    async def story(directory: Gated) -> None:
        asking = asyncio.create_task(directory.find(_ALDER, _NAMES[0]))
        while directory._asking is None:  # noqa: ASYNC110  # it has no event for it
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        directory._asking.cancel()
        with pytest.raises(ConnectionAbortedError):
            await asyncio.wait_for(asking, 5)
        assert directory.asked == []
        assert await directory.find(_ALDER, _NAMES[0]) is not None

    _with(database, story)


def test_those_who_come_one_after_the_other_share_the_first_query_too(database: Database) -> None:
    async def story(directory: Gated) -> None:
        asking = []
        for name in _NAMES:
            asking.append(asyncio.create_task(directory.find(_ALDER, name)))
            await asyncio.sleep(0)
        assert None not in await asyncio.gather(*asking)
        assert directory.asked == [len(_NAMES)]

    _with(database, story)
