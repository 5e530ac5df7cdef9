"""A throw-away PostgreSQL with the vault's table in two tenants' databases, owned by one role and used by another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
import pytest

from tests.aws.served import ALDER, BIRCH, Cloud, give_the_workload_its_role, running
from tests.postgres.bare import bare_cluster
from venturi.vault.schema import GRANTS, STATEMENTS

Pools: TypeAlias = "dict[str, asyncpg.Pool]"
OpenPools: TypeAlias = Callable[[], Any]


@pytest.fixture(scope="session")
def socket_dir() -> Iterator[str]:
    with bare_cluster() as socket:
        yield socket


@pytest.fixture
def open_pools(socket_dir: str) -> OpenPools:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Pools]:
        owner = await _patiently(lambda: asyncpg.connect(host=socket_dir, user="owner", database="postgres"))
        pools: Pools = {}
        await owner.execute("DROP ROLE IF EXISTS app")
        await owner.execute("CREATE ROLE app LOGIN")
        for tenant in ("alder", "birch"):
            await owner.execute(f"DROP DATABASE IF EXISTS {tenant}")
            await owner.execute(f"CREATE DATABASE {tenant}")
            await _build(socket_dir, tenant)
            pools[tenant] = await asyncpg.create_pool(
                host=socket_dir, user="app", database=tenant, min_size=1, max_size=4
            )
        yield pools
        for tenant, pool in pools.items():
            await pool.close()
            await owner.execute(f"DROP DATABASE {tenant}")
        await owner.close()

    return opened


async def _build(socket_dir: str, tenant: str) -> None:
    own = await asyncpg.connect(host=socket_dir, user="owner", database=tenant)
    for statement in (*STATEMENTS, *(text.format(role="app") for _, text in GRANTS)):
        await own.execute(statement)
    await own.close()


async def _patiently(connect: Callable[[], Awaitable[Any]]) -> Any:
    import asyncio

    for _ in range(200):
        try:
            return await connect()
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.05)
    return await connect()


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with running() as made:
        give_the_workload_its_role(made)
        yield made


@pytest.fixture
def key_arns(cloud: Cloud) -> dict[str, str]:
    return {"alder": cloud.tenant_key("alder", ALDER), "birch": cloud.tenant_key("birch", BIRCH)}
