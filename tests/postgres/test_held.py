"""A held connection is the same from one use to the next, and never keeps its pool from anything: a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.trail.cluster import Database, fresh_database, run, running_cluster
from venturi.postgres.held import IDLE_SECONDS, Held

_WHO = "SELECT pg_backend_pid()"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_cluster() as path:
        yield fresh_database(path)


async def _who(held: Held) -> int:
    async with held as connection:
        return int(await connection.fetchval(_WHO))


def test_it_is_kept_between_uses_and_goes_back_when_nobody_uses_it(database: Database) -> None:
    async def story() -> None:
        async with database.pool(1) as pool:
            held = Held(pool)
            first = await _who(held)
            for _ in range(4):
                await asyncio.sleep(IDLE_SECONDS * 0.6)
                assert pool.get_idle_size() == 0
                assert await _who(held) == first
            await asyncio.sleep(IDLE_SECONDS * 1.5)
            assert pool.get_idle_size() == 1
            assert await _who(held) == first

    run(story())


def test_a_statement_that_fails_leaves_it_held_and_anything_else_gives_it_back(database: Database) -> None:
    async def story() -> None:
        async with database.pool(1) as pool:
            held = Held(pool)
            with pytest.raises(asyncpg.DivisionByZeroError):
                async with held as connection:
                    await connection.execute("SELECT 1 / 0")
            assert pool.get_idle_size() == 0
            with pytest.raises(TimeoutError):
                async with held as connection:
                    await connection.execute("SELECT pg_sleep(5)", timeout=0.05)
            assert pool.get_idle_size() == 1
            assert await _who(held)

    run(story())


def test_one_that_broke_is_replaced(database: Database) -> None:
    async def story() -> None:
        async with database.pool(1) as pool:
            held = Held(pool)
            first = await _who(held)
            await database.owner(f"SELECT pg_terminate_backend({first})")
            await asyncio.sleep(0.05)
            assert await _who(held) not in {0, first}

    run(story())


def test_a_pool_without_a_connection_is_waited_for_no_longer_than_said(database: Database) -> None:
    async def story() -> None:
        async with database.pool(1) as pool:
            held = Held(pool, 0.05)
            async with pool.acquire():
                with pytest.raises(TimeoutError):
                    await _who(held)
            assert await _who(held)

    run(story())


def test_a_pool_that_closes_gets_it_back(database: Database) -> None:
    async def story() -> None:
        pool = await asyncpg.create_pool(**database.login("guard"), min_size=1, max_size=1)
        held = Held(pool)
        await _who(held)
        async with asyncio.timeout(5 * IDLE_SECONDS):
            await pool.close()
        with pytest.raises(asyncpg.InterfaceError):
            await _who(held)

    run(story())
