"""Reads a tenant's topic to its end with the tenant's own credentials, and opens what lies in it."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from venturi.ingest.envelope import unseal
from venturi.ingest.events import Event
from venturi.settings import AwsClientSettings
from venturi.streams.reader import Reader
from venturi.streams.settings import BrokerSettings, StreamLogin
from venturi.vault.kms import Kms
from venturi.vault.vault import Vault

Json = Any  # a profile's table


@dataclass(frozen=True)
class Log:
    """A topic, opened. `places` counts how often each place of each batch (batch/position) stands in it."""

    places: Counter[str]
    events: dict[str, Event]
    """By place; every copy of a place says the same, or `torn` names it."""
    torn: frozenset[str]


def read_log(profile: Json, tenant: str) -> Log:
    """The tenant's whole topic."""
    return asyncio.run(_read(profile, tenant))


async def _read(profile: Json, tenant: str) -> Log:
    places: Counter[str] = Counter()
    events: dict[str, Event] = {}
    torn: set[str] = set()
    async with _vault(profile, tenant) as vault:
        for value in await _values(profile, tenant):
            place = msgspec.msgpack.decode(value)[0]
            event = await unseal(vault, tenant, value)
            places[place] += 1
            if events.setdefault(place, event) != event:
                torn.add(place)
    return Log(places, events, frozenset(torn))


async def _values(profile: Json, tenant: str) -> list[bytes]:
    streams = profile["kafka"]
    own = streams["tenants"][tenant]
    broker = BrokerSettings(bootstrap=streams["bootstrap"], ca=_secret(streams["ca"]))
    user, password = own["consumer"]["user"], _secret(own["consumer"]["password"]["file"])
    login = StreamLogin(user=user, password=password, topic=own["topic"], group=own["group"])
    with ThreadPoolExecutor(1) as threads:
        reader = Reader(broker, login, threads)
        try:
            await reader.seek(0)
            found: list[bytes] = []
            quiet = 0
            # Half a second without a message is no end on a busy machine; six in a row are, for nobody writes any more.
            while quiet < 6:
                messages = await reader.read(500)
                found += [each.value for each in messages]
                quiet = 0 if messages else quiet + 1
        finally:
            await asyncio.get_running_loop().run_in_executor(threads, reader.close)
    return found


@asynccontextmanager
async def _vault(profile: Json, tenant: str) -> AsyncIterator[Vault]:
    (entry,) = [each for each in profile["tenants"] if each["id"] == tenant]
    login, aws = entry["database"], profile["aws"]
    kms = Kms(
        AwsClientSettings(
            endpoint=aws["endpoint"],
            access_key_id=aws["workload"]["access_key_id"],
            secret_access_key=_secret(aws["workload"]["secret_access_key"]["file"]),
        )
    )
    pool = await asyncpg.create_pool(
        host=login["host"],
        port=login["port"],
        database=login["database"],
        user=login["user"],
        password=_secret(login["password"]["file"]),
        ssl=ssl.create_default_context(cafile=login["ca"]),
        min_size=1,
        max_size=2,
    )
    try:
        yield Vault(kms, {tenant: entry["key_arn"]}, {tenant: pool})
    finally:
        await pool.close()
        kms.close()


def _secret(path: str) -> str:
    return Path(path).read_text()
