"""Where databases live: all in one PostgreSQL cluster (pool), or each tenant's in a cluster of its own (silo)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from venturi.postgres.server import PostgresServer
from venturi.provision import databases
from venturi.provision.databases import Doors
from venturi.provision.plan import Plan

if TYPE_CHECKING:
    from venturi.runtime.supervisor import Supervisor

Topology: TypeAlias = Literal["pool", "silo"]
Clusters: TypeAlias = Mapping[str, PostgresServer]
"""Tenant to the cluster that its database is in."""
_AT_ONCE = 4


def build(supervisor: Supervisor, plan: Plan, doors: Doors, topology: Topology) -> Clusters:
    """Start the clusters and make every database in its place. The vendor's own and the stores are in the first."""
    shared = supervisor.postgres
    if topology == "pool":
        _fill(shared, plan, plan, doors, shared=True)
        return {tenant.id: shared for tenant in plan.tenants}
    own = {tenant.id: supervisor.cluster(f"pg-{place}") for place, tenant in enumerate(plan.tenants)}
    lots = {tenant.id: msgspec.structs.replace(plan, tenants=(tenant,), stores=()) for tenant in plan.tenants}
    with ThreadPoolExecutor(_AT_ONCE) as together:
        first = together.submit(_fill, shared, plan, msgspec.structs.replace(plan, tenants=()), doors, shared=True)
        others = [together.submit(_fill, own[each], plan, lot, doors, shared=False) for each, lot in lots.items()]
        for made in (first, *others):
            made.result()
    return own


def _fill(server: PostgresServer, plan: Plan, lot: Plan, doors: Doors, *, shared: bool) -> None:
    """Start a cluster with the databases of a lot, and let in whoever has a door to one of them."""
    server.start()
    there = {tenant.database for tenant in lot.tenants} | {store.database for store in lot.stores}
    there |= {databases.CONTROL} if shared else set()
    server.allow([(database, role) for database, role in doors.logins(plan) if database in there])
    asyncio.run(databases.build(server.admin(), lot, doors, shared=shared))
