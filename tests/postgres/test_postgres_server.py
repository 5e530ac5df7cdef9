"""The cluster lets in exactly who it was told to, over TLS, and runs as nobody in particular."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from venturi.postgres.server import PostgresDied, PostgresServer
from venturi.provision import databases
from venturi.provision.plan import Plan, TenantPlan, draw


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="v") as folder:
        running = PostgresServer(Path(folder) / "pg")
        running.start()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def plan(server: PostgresServer) -> Plan:
    drawn, doors = draw(3, deployment="test"), databases.Doors()
    server.allow(doors.logins(drawn))
    asyncio.run(databases.build(server.admin(), drawn, doors))
    return drawn


def login(server: PostgresServer, tenant: TenantPlan, statement: str = "SELECT 1", **other: Any) -> Any:
    settings: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "database": tenant.database,
        "user": tenant.app_role,
        "password": tenant.app_password,
        "ssl": ssl.create_default_context(cadata=server.ca),
    }
    return asyncio.run(_fetch({**settings, **other}, statement))


async def _fetch(settings: dict[str, Any], statement: str) -> Any:
    connection = await asyncpg.connect(**settings)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


def test_a_tenant_reads_its_own_database(server: PostgresServer, plan: Plan) -> None:
    assert login(server, plan.tenants[0], "SELECT count(*) FROM attributions")[0][0] == 0


REFUSED = asyncpg.InvalidAuthorizationSpecificationError


@pytest.mark.parametrize("database", ["neighbour", "postgres", "template1", databases.CONTROL])
def test_a_login_opens_no_other_database(server: PostgresServer, plan: Plan, database: str) -> None:
    name = plan.tenants[1].database if database == "neighbour" else database
    with pytest.raises(REFUSED, match="no pg_hba"):
        login(server, plan.tenants[0], database=name)


def test_a_login_without_tls_is_turned_away(server: PostgresServer, plan: Plan) -> None:
    with pytest.raises(REFUSED):
        login(server, plan.tenants[0], ssl=False)


def test_a_wrong_password_is_turned_away(server: PostgresServer, plan: Plan) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        login(server, plan.tenants[0], password="guess")


def test_the_superuser_is_not_let_in_over_the_network(server: PostgresServer) -> None:
    over_tcp = {**server.admin(), "host": server.host, "database": "postgres"}
    with pytest.raises(REFUSED):
        asyncio.run(_fetch({**over_tcp, "ssl": ssl.create_default_context(cadata=server.ca)}, "SELECT 1"))


def test_a_role_sees_no_table_that_it_was_not_granted(server: PostgresServer, plan: Plan) -> None:
    tenant = plan.tenants[0]
    guard = {"user": tenant.guard_role, "password": tenant.guard_password}
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        login(server, tenant, "SELECT * FROM attributions", **guard)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        login(server, tenant, "CREATE TABLE mine (x int)")


def test_the_data_directory_is_closed_to_others(server: PostgresServer) -> None:
    assert server.data.stat().st_mode & 0o077 == 0


def test_a_server_that_can_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="v") as folder:
        broken = PostgresServer(Path(folder) / "pg")
        monkeypatch.setitem(__import__("venturi.postgres.server", fromlist=["x"])._SETTINGS, "shared_buffers", "lots")
        with pytest.raises(PostgresDied, match="shared_buffers"):
            broken.start()
        broken.stop()
