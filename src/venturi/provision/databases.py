"""Makes a database and its roles for every tenant, and the control database, in a cluster that starts empty."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import asyncpg
import msgspec

from venturi.provision.plan import Plan, PrincipalPlan, TenantPlan
from venturi.support.enrolments import Enrolment

CONTROL = "venturi_control"
_TENANT_SCHEMAS = (
    "records",
    "vault",
    "trail",
    "support",
    "scoring",
    "aggregation.consent",
    "ingest",
    "resolution",
    "erasure",
    "exports",
)
_STORE = ("aggregation",)
_CONTROL_SCHEMAS = ("identity", "trail")

_AT_ONCE = 3

_Roles: TypeAlias = Mapping[str, tuple[str, str]]  # kind of role to its name and password
Admin = Mapping[str, Any]  # asyncpg's connect() takes settings of many types
"""Arguments of `asyncpg.connect` for the superuser, without the database."""


class Doors:
    """Who may enter which database. Two locks: a line in pg_hba.conf, and the privilege to connect."""

    def logins(self, plan: Plan) -> list[tuple[str, str]]:
        """Every (database, role) pair that may log in; nothing else gets a line in pg_hba.conf."""
        pairs = [(CONTROL, CONTROL)]
        for tenant in plan.tenants:
            pairs += [(tenant.database, tenant.app_role), (tenant.database, tenant.guard_role)]
        for store in plan.stores:
            pairs += [(store.database, store.role(kind)) for kind in store.passwords]
        return pairs

    def connects(self, database: str, roles: Sequence[str]) -> list[str]:
        """The statements that say who may connect to a database."""
        grants = [f"GRANT CONNECT ON DATABASE {database} TO {role}" for role in roles]
        return [f"REVOKE ALL ON DATABASE {database} FROM PUBLIC", *grants]


async def build(admin: Admin, plan: Plan, doors: Doors, *, shared: bool = True) -> None:
    """Create all databases, roles, tables and privileges of the plan; without `shared`, those of its tenants alone.

    A database belongs to a role that can't log in; the roles that can hold only the privileges that the schemas grant.
    """
    server = await asyncpg.connect(**admin, database="postgres")
    try:
        await _close_the_commons(server)
    finally:
        await server.close()
    # Making a database is work for the server, describing it for us; some at once keep both at it.
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, roles: _Roles, packages: Sequence[str]) -> None:
        async with room:
            await _database(admin, name, dict(roles.values()), doors)
            await _schemas(admin, name, packages, {kind: role for kind, (role, _) in roles.items()})

    control, stores = (CONTROL, plan.control_password), plan.stores if shared else ()
    await asyncio.gather(
        *([one(CONTROL, {"control": control, "guard": control}, _CONTROL_SCHEMAS)] if shared else []),
        *(one(tenant.database, _roles_of(tenant), _TENANT_SCHEMAS) for tenant in plan.tenants),
        *(
            one(store.database, {kind: (store.role(kind), word) for kind, word in store.passwords.items()}, _STORE)
            for store in stores
        ),
    )


def _roles_of(tenant: TenantPlan) -> _Roles:
    return {"app": (tenant.app_role, tenant.app_password), "guard": (tenant.guard_role, tenant.guard_password)}


async def enrol(
    admin: Admin,
    plan: Plan,
    issuer_base: str,
    second_factors: Mapping[str, str],
    enrolments: Sequence[Enrolment] = (),
) -> None:
    """Write the directory: which (issuer, subject) is which principal, and who has which codes and security keys.

    `second_factors`: principal id to public PEM. `enrolments` are as the table holds them, secrets sealed.
    """
    rows = [
        _row(principal, issuer_base, second_factors)
        for principal in (
            *plan.support,
            plan.operator,
            plan.examiner,
            plan.turner,
            *(p for tenant in plan.tenants for p in tenant.principals),
        )
    ]
    control = await asyncpg.connect(**admin, database=CONTROL)
    try:
        await control.executemany(
            "INSERT INTO principals (issuer, subject, id, tenant, kind, person, mfa_public_key)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            rows,
        )
        await control.executemany(
            "INSERT INTO second_factors (principal, kind, credential, material) VALUES ($1, $2, $3, $4)",
            [msgspec.structs.astuple(each) for each in enrolments],
        )
    finally:
        await control.close()


def principal_id(principal: PrincipalPlan) -> str:
    """A principal's id in the directory: its client id, which is unique over all issuers of a plan."""
    return principal.client_id


def _row(principal: PrincipalPlan, issuer_base: str, second_factors: Mapping[str, str]) -> tuple[str | None, ...]:
    ident = principal_id(principal)
    return (
        f"{issuer_base}/issuers/{principal.issuer}",
        principal.subject,
        ident,
        principal.tenant or None,
        principal.kind,
        principal.person or f"person:{ident}",
        second_factors.get(ident),
    )


async def _close_the_commons(server: asyncpg.Connection[Any]) -> None:
    # Every role may connect to these two until it is revoked, and from there see the names of all the others.
    for shared in ("postgres", "template1"):
        await server.execute(f"REVOKE ALL ON DATABASE {shared} FROM PUBLIC")


async def _database(admin: Admin, name: str, roles: Mapping[str, str], doors: Doors) -> None:
    owner = f"{name}_owner"
    server = await asyncpg.connect(**admin, database="postgres")
    try:
        await server.execute(f"CREATE ROLE {owner} NOLOGIN")
        # By copying files, not by writing every page to the log too: the one way takes a tenth of the other.
        await server.execute(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 STRATEGY FILE_COPY")
        # A literal is safe here: names and passwords are drawn by us from an alphabet without quotes.
        made = [f"CREATE ROLE {role} LOGIN NOINHERIT PASSWORD '{password}'" for role, password in roles.items()]
        await server.execute(";".join([*made, *doors.connects(name, list(roles))]))
    finally:
        await server.close()


async def _schemas(admin: Admin, database: str, packages: Sequence[str], roles: Mapping[str, str]) -> None:
    """All tables and privileges in one message, which the server takes for one transaction."""
    users = sorted(set(roles.values()))
    statements = [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        *(f"GRANT USAGE ON SCHEMA public TO {role}" for role in users),
        f"GRANT ALL ON SCHEMA public TO {database}_owner",
        f"SET LOCAL ROLE {database}_owner",
        *(statement for package in packages for statement in _schema(package, roles)),
    ]
    connection = await asyncpg.connect(**admin, database=database)
    try:
        await connection.execute(";".join(statements))
    finally:
        await connection.close()


def _schema(package: str, roles: Mapping[str, str]) -> list[str]:
    schema = importlib.import_module(f"venturi.{package}.schema")
    granted = [grant.format(role=roles[kind]) for kind, grant in schema.GRANTS if kind in roles]
    return [*schema.STATEMENTS, *granted]


def find(plan: Plan, tenant: str) -> TenantPlan:
    """The plan of one tenant. Raises KeyError when there is none of that id."""
    for candidate in plan.tenants:
        if candidate.id == tenant:
            return candidate
    raise KeyError(tenant)
