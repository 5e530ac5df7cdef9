"""The process of Stage A: follows every tenant's log, each in a task that shares nothing with the others."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import asyncpg

from venturi.resolution.resolver import Overtaken, Resolver
from venturi.resolution.settings import ResolverTenant, StageASettings
from venturi.settings import DatabaseSettings
from venturi.streams.reader import Reader
from venturi.vault.kms import Kms

if TYPE_CHECKING:
    from venturi.parts import Parts

BATCH = 500
_PAUSE_SECONDS = 0.5
_log = logging.getLogger("venturi.resolution")


async def serve(settings: StageASettings, parts: Parts, announce: Callable[[str], None], stop: asyncio.Event) -> None:
    """Resolve until `stop` is set; `announce` is told once every tenant's log is open."""
    async with AsyncExitStack() as stack:
        # A reader blocks a thread while it waits, so each tenant has one of its own.
        threads = stack.enter_context(ThreadPoolExecutor(len(settings.tenants), thread_name_prefix="stage-a"))
        kms = Kms(settings.aws)
        stack.callback(kms.close)
        pairs = [await _open(settings, tenant, parts, kms, threads, stack) for tenant in settings.tenants]
        announce("stage-a")
        async with asyncio.TaskGroup() as group:
            for resolver, reader in pairs:
                group.create_task(follow(resolver, reader, stop))


async def follow(resolver: Resolver, reader: Reader, stop: asyncio.Event) -> None:
    """Resolve one tenant's log for as long as it takes; what fails is tried again from where the database stands."""
    while not stop.is_set():
        try:
            await _run(resolver, reader, stop)
        except Overtaken:
            continue
        except Exception as fault:  # the other tenants go on; only the kind of fault, for a message may quote data
            _log.error("stage A of %s pauses: %s", resolver.tenant, type(fault).__name__)
            await _pause(stop)


async def _run(resolver: Resolver, reader: Reader, stop: asyncio.Event) -> None:
    await reader.seek(await resolver.position())
    while not stop.is_set():
        if messages := await reader.read(BATCH):
            await resolver.take(messages)
            reader.report(messages[-1].offset + 1)


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_PAUSE_SECONDS):
            await stop.wait()
    except TimeoutError:
        return


async def _open(
    settings: StageASettings,
    tenant: ResolverTenant,
    parts: Parts,
    kms: Kms,
    threads: ThreadPoolExecutor,
    stack: AsyncExitStack,
) -> tuple[Resolver, Reader]:
    pool = await stack.enter_async_context(_pool(tenant.app))
    vault = parts.vault(kms, {tenant.id: tenant.key_arn}, {tenant.id: pool})
    reader = Reader(settings.streams.broker, settings.streams.consumers[tenant.id], threads)
    stack.callback(reader.close)
    return parts.resolver(tenant.id, pool, vault, lambda pools: parts.records(pools, vault)), reader


def _pool(login: DatabaseSettings) -> asyncpg.Pool:
    return asyncpg.create_pool(
        host=login.host,
        port=login.port,
        database=login.database,
        user=login.user,
        password=login.password,
        ssl=ssl.create_default_context(cadata=login.ca),
        min_size=1,
        max_size=3,
        command_timeout=10,
    )
