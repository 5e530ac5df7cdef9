"""The two processes that the crash test kills: one that takes batches in, one that resolves them."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import msgspec

from tests.resolution.ground import Place, opener, vault_of
from venturi.ingest.events import Batch
from venturi.ingest.ingest import Ingest
from venturi.resolution.resolver import Resolver
from venturi.resolution.server import follow
from venturi.streams.publisher import Publisher
from venturi.streams.reader import Reader
from venturi.streams.settings import IngestStreams, ResolverStreams


class Told(msgspec.Struct):
    """First line of standard input."""

    places: dict[str, tuple[str, str]]
    ingest: IngestStreams
    resolver: ResolverStreams


class Post(msgspec.Struct):
    """Every further line for the process that takes batches in."""

    tenant: str
    key: str
    batch: Batch


async def take_in(told: Told, stack: AsyncExitStack) -> None:
    """Answer every line with the key of the batch, once it is durable; say nothing about one that failed."""
    publisher = Publisher(told.ingest, seconds=3)
    takers = {}
    for tenant, (socket, database) in told.places.items():
        pool = await stack.enter_async_context(Place(tenant, socket, database).pool())
        takers[tenant] = Ingest({tenant: pool}, vault_of(tenant, pool), publisher)
    _say("ready")
    while line := await asyncio.to_thread(sys.stdin.readline):
        post = msgspec.json.decode(line, type=Post)
        try:
            done = await takers[post.tenant].accept(post.tenant, post.key, post.batch)
            _say(f"{post.key} {done.batch}")
        except OSError:
            _say(f"{post.key} failed")


async def resolve(told: Told, stack: AsyncExitStack) -> None:
    """Follow every tenant's log until killed."""
    threads = stack.enter_context(ThreadPoolExecutor(len(told.places)))
    _say("ready")
    async with asyncio.TaskGroup() as group:
        for tenant, (socket, database) in told.places.items():
            pool = await stack.enter_async_context(Place(tenant, socket, database).pool())
            vault = vault_of(tenant, pool)
            reader = Reader(told.resolver.broker, told.resolver.consumers[tenant], threads)
            group.create_task(follow(Resolver(tenant, pool, vault, opener(vault)), reader, asyncio.Event()))
        threading.Thread(target=_die_with_the_parent, daemon=True).start()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _die_with_the_parent() -> None:
    while sys.stdin.readline():
        continue
    os._exit(0)


async def main(role: str) -> None:
    told = msgspec.json.decode(sys.stdin.readline(), type=Told)
    async with AsyncExitStack() as stack:
        await {"take-in": take_in, "resolve": resolve}[role](told, stack)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
