"""Writes the seeded records through the same store and vault that serve them."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import asyncpg

from venturi.aggregation.panel import seat
from venturi.parts import Parts
from venturi.provision.plan import Plan, TenantPlan
from venturi.records.store import NewAttribution, Records
from venturi.settings import ApiSettings, DatabaseSettings
from venturi.vault.kms import Kms


async def seed(settings: ApiSettings, plan: Plan, parts: Parts) -> None:
    """Store every record of the plan, each tenant's under its own login and its own key."""
    async with AsyncExitStack() as stack:
        pools = {tenant.id: await stack.enter_async_context(_pool(tenant.app)) for tenant in settings.tenants}
        kms = Kms(settings.aws)
        stack.callback(kms.close)
        vault = parts.vault(kms, {tenant.id: tenant.key_arn for tenant in settings.tenants}, pools)
        records = parts.records(pools, vault)
        for tenant in plan.tenants:
            await _tenant(records, tenant)
        month = f"{datetime.now(UTC):%Y-%m}"
        for jurisdiction, store in settings.aggregation.items():
            await seat(jurisdiction, await stack.enter_async_context(_pool(store.egress)), month)


async def _tenant(records: Records, tenant: TenantPlan) -> None:
    for record in tenant.records:
        await records.add(
            tenant.id,
            NewAttribution(
                id=record.id,
                subject_id=record.subject,
                touchpoint=record.touchpoint,
                conversion=record.conversion,
                channel=record.channel,
                weight=record.weight,
                note=record.canary,
            ),
        )


def _pool(login: DatabaseSettings) -> asyncpg.Pool:
    context = ssl.create_default_context(cadata=login.ca)
    return asyncpg.create_pool(
        host=login.host,
        port=login.port,
        database=login.database,
        user=login.user,
        password=login.password,
        ssl=context,
        min_size=1,
        max_size=2,
    )
