"""A throw-away PostgreSQL with two tenants' databases and two aggregation stores, each role as the schemas grant it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.postgres.bare import bare_cluster
from venturi.aggregation import schema as aggregation_schema
from venturi.aggregation.assembly import Store
from venturi.aggregation.consent import schema as consent_schema
from venturi.aggregation.schema import ROLES, STORES
from venturi.records.store import Attribution
from venturi.trail import schema as trail_schema
from venturi.trail.trail import Trail

HOMES = {"alder": "non-eu", "birch": "non-eu", "cedar": "eu"}
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def aggregation_socket() -> Iterator[str]:
    with bare_cluster() as socket:
        yield socket


class Shelf:
    """Records as the attribution store would hand them out: a dictionary, so that tests can change the data."""

    def __init__(self) -> None:
        self.records: dict[str, list[Attribution]] = {tenant: [] for tenant in HOMES}

    def add(self, tenant: str, channel: str, persons: range, *, times: int = 1) -> None:
        for person in persons:
            for turn in range(times):
                self.records[tenant].append(_record(tenant, channel, person, turn))

    async def page(self, tenant: str, after: str, limit: int) -> list[Attribution]:
        known = sorted(self.records[tenant], key=lambda record: record.id)
        return [record for record in known if record.id > after][:limit]


class PlainVault:
    """Seals nothing: the real one has tests of its own."""

    async def seal(self, tenant: str, subject: str, record: str, field: str, text: str, /) -> bytes:
        return f"{tenant}/{subject}/{record}/{field}={text}".encode()

    async def open(self, tenant: str, subject: str, record: str, field: str, sealed: bytes, /) -> str:
        place, _, text = sealed.decode().partition("=")
        assert place == f"{tenant}/{subject}/{record}/{field}"
        return text


@dataclass
class Ground:
    """Everything that a test of aggregation stands on."""

    shelf: Shelf
    guards: dict[str, asyncpg.Pool]
    trails: dict[str, Trail]
    stores: dict[str, Store]
    auditors: dict[str, asyncpg.Pool]

    async def seen(self, jurisdiction: str, table: str = "contributions") -> list[tuple[Any, ...]]:
        rows = await self.auditors[jurisdiction].fetch(f"SELECT * FROM {table}")
        return [tuple(row.values()) for row in rows]


@pytest.fixture
def open_ground(aggregation_socket: str) -> Any:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Ground]:
        async with AsyncExitStack() as stack:
            yield await _ground(aggregation_socket, stack)

    return opened


async def _ground(socket: str, stack: AsyncExitStack) -> Ground:
    guards, trails, stores, auditors = {}, {}, {}, {}
    for tenant in HOMES:
        pools = await _database(socket, stack, tenant, (trail_schema, consent_schema), ("guard",))
        guards[tenant] = pools["guard"]
        trails[tenant] = Trail(tenant, pools["guard"], Ed25519PrivateKey.generate(), time.time)
        await trails[tenant].open()
    for jurisdiction, database in STORES.items():
        pools = await _database(socket, stack, database, (aggregation_schema,), ROLES)
        auditors[jurisdiction] = pools.pop("auditor")
        stores[jurisdiction] = Store(**pools, key=Ed25519PrivateKey.generate())
    return Ground(Shelf(), guards, trails, stores, auditors)


async def _database(
    socket: str, stack: AsyncExitStack, name: str, schemas: tuple[Any, ...], kinds: tuple[str, ...]
) -> dict[str, asyncpg.Pool]:
    server = await asyncpg.connect(host=socket, user="owner", database="postgres")
    if not await server.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await server.execute(f"CREATE DATABASE {name}")
        for kind in kinds:
            await server.execute(f"CREATE ROLE {name}_{kind} LOGIN")
            await server.execute(f"GRANT CONNECT ON DATABASE {name} TO {name}_{kind}")
        await server.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await server.close()
    own = await asyncpg.connect(host=socket, user="owner", database=name)
    # Emptied, not made anew: a new database costs a quarter of a second.
    await own.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")
    for schema in schemas:
        grants = [text.format(role=f"{name}_{kind}") for kind, text in schema.GRANTS if kind in kinds]
        for statement in (*schema.STATEMENTS, *grants):
            await own.execute(statement)
    await own.close()
    return {
        kind: await stack.enter_async_context(
            asyncpg.create_pool(host=socket, user=f"{name}_{kind}", database=name, min_size=1, max_size=4)
        )
        for kind in kinds
    }


def _record(tenant: str, channel: str, person: int, turn: int) -> Attribution:
    return Attribution(
        id=f"att_{tenant}_{channel}_{person}_{turn}",
        subject_id=f"sub_{tenant}_{person}",
        touchpoint="tp",
        conversion="cv",
        channel=channel,
        weight=1.0,
        note="cnry-of-nobody",
        created_at=NOW,
    )
