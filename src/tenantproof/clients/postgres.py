"""Logs in to PostgreSQL with a role that the profile lends, and reports what the server said, whatever it is."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from tenantproof.clients.redaction import one_line
from tenantproof.clients.secrets import reveal
from tenantproof.model.profile import Database


@dataclass(frozen=True)
class Rows:
    """What came back. `refused`: the server's SQLSTATE and message when it said no; `failure`: nothing answered."""

    rows: tuple[tuple[object, ...], ...] = ()
    refused: str = ""
    failure: str = ""
    at: float = 0.0
    seconds: float = 0.0


def ask(login: Database, statement: str, *values: object, database: str = "", seconds: float = 10.0) -> Rows:
    """Log in as `login`, to another database where one is named, run one statement, log out.

    `seconds` bounds the whole. Raises UsageError when the password or the certificate can't be read.
    """
    password = reveal(login.password, login.user)
    started, at = time.monotonic(), time.time()
    try:
        found = asyncio.run(_ask(login, password, database or login.database, statement, values, seconds))
    except asyncpg.PostgresError as error:
        said = one_line(f"{error.sqlstate}: {error}")
        return Rows(refused=said, at=at, seconds=time.monotonic() - started)
    except (OSError, TimeoutError, asyncpg.InterfaceError, ValueError) as error:
        said = one_line(f"{type(error).__name__}: {error}")
        return Rows(failure=said, at=at, seconds=time.monotonic() - started)
    return Rows(rows=found, at=at, seconds=time.monotonic() - started)


async def _ask(
    login: Database, password: str, database: str, statement: str, values: Sequence[object], seconds: float
) -> tuple[tuple[object, ...], ...]:
    context = ssl.create_default_context(cafile=login.ca or None)
    async with asyncio.timeout(seconds):
        connection = await asyncpg.connect(
            host=login.host,
            port=login.port,
            user=login.user,
            password=password,
            database=database,
            ssl=context,
        )
        try:
            records = await connection.fetch(statement, *values)
        finally:
            await connection.close()
    return tuple(tuple(record.values()) for record in records)
