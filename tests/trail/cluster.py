"""A PostgreSQL cluster of the test session's own, and fresh databases in it with the roles that a deployment has."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from tests.postgres.bare import bare_cluster

T = TypeVar("T")
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Database:
    """A database with the tables of the trail and the support desk."""

    name: str
    socket: str

    def login(self, user: str) -> dict[str, Any]:
        return {"host": self.socket, "database": self.name, "user": user}

    @contextlib.asynccontextmanager
    async def pool(self, size: int = 4) -> AsyncIterator[asyncpg.Pool]:
        """Connections as the guard, the role that the API process has."""
        pool = await asyncpg.create_pool(**self.login("guard"), min_size=1, max_size=size, command_timeout=10)
        try:
            yield pool
        finally:
            pool.terminate()
            await pool.close()

    async def owner(self, *statements: str) -> None:
        """Run statements as the superuser, past every privilege."""
        connection = await asyncpg.connect(**self.login("postgres"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@contextlib.contextmanager
def running_cluster(*, durable: bool = False) -> Iterator[str]:
    """Start a cluster and yield the directory of its socket. A backend that is killed loses nothing either way."""
    with bare_cluster("postgres", durable=durable, shared_buffers="32MB", max_connections="60") as socket:
        asyncio.run(_prepare(socket))
        yield socket


async def _prepare(socket: str) -> None:
    admin = await asyncpg.connect(host=socket, user="postgres", database="postgres")
    await admin.execute("CREATE ROLE owner NOLOGIN; CREATE ROLE guard LOGIN NOINHERIT")
    await admin.execute("CREATE DATABASE model OWNER owner")
    await admin.close()
    model = await asyncpg.connect(host=socket, user="postgres", database="model")
    await model.execute("GRANT USAGE ON SCHEMA public TO guard; GRANT ALL ON SCHEMA public TO owner; SET ROLE owner")
    for package in ("trail", "support"):
        schema = importlib.import_module(f"venturi.{package}.schema")
        for statement in (*schema.STATEMENTS, *(grant.format(role="guard") for _, grant in schema.GRANTS)):
            await model.execute(statement)
    await model.close()


def fresh_database(socket: str) -> Database:
    """A database nobody has used."""
    database = Database(f"t_{next(_NUMBERS):06d}", socket)

    async def create() -> None:
        admin = await asyncpg.connect(host=socket, user="postgres", database="postgres")
        await admin.execute(f"CREATE DATABASE {database.name} TEMPLATE model OWNER owner")
        await admin.close()

    asyncio.run(create())
    return database


def run(test: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine to its end, within a minute."""

    async def limited() -> T:
        async with asyncio.timeout(60):
            return await test

    return asyncio.run(limited())
