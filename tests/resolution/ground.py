"""Tenants' databases with the tables of ingest and Stage A, and a KMS that survives the processes that use it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from venturi.ingest import schema as ingest_schema
from venturi.ingest.events import Conversion, Event, Touchpoint
from venturi.records import schema as records_schema
from venturi.records.store import NewAttribution, Records
from venturi.resolution import schema as resolution_schema
from venturi.resolution.resolver import OpenRecords
from venturi.vault import schema as vault_schema
from venturi.vault.kms import DataKey
from venturi.vault.vault import Vault

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_NUMBERS = itertools.count()
_SCHEMAS = (records_schema, vault_schema, ingest_schema, resolution_schema)


class FixedKms:
    """Wraps data keys under one key that every process of a test knows."""

    master = AESGCM(bytes(32))

    async def generate_data_key(self, key_arn: str, context: Mapping[str, str]) -> DataKey:
        plaintext = AESGCM.generate_key(256)
        wrapped = self.master.encrypt(bytes(12), plaintext, repr((key_arn, sorted(context.items()))).encode())
        return DataKey(plaintext, wrapped)

    async def decrypt(self, key_arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        return self.master.decrypt(bytes(12), wrapped, repr((key_arn, sorted(context.items()))).encode())


@dataclass(frozen=True)
class Place:
    """One tenant's database."""

    tenant: str
    socket: str
    database: str

    @contextlib.asynccontextmanager
    async def pool(self) -> AsyncIterator[asyncpg.Pool]:
        pool = await asyncpg.create_pool(
            host=self.socket, user="app", database=self.database, min_size=1, max_size=4, command_timeout=10
        )
        try:
            yield pool
        finally:
            pool.terminate()
            await pool.close()


def fresh_place(socket: str, tenant: str) -> Place:
    """A database of this tenant's that nobody has used."""
    place = Place(tenant, socket, f"t_{next(_NUMBERS):06d}")
    asyncio.run(_create(place))
    return place


def vault_of(tenant: str, pool: asyncpg.Pool) -> Vault:
    return Vault(FixedKms(), {tenant: f"arn:aws:kms:us-east-1:100000000001:key/{tenant}"}, {tenant: pool})


def opener(vault: Vault) -> OpenRecords:
    return lambda pools: Records(pools, vault)


async def stored(place: Place) -> list[NewAttribution]:
    """Every record of the tenant's store, in the order of their ids."""
    async with place.pool() as pool:
        records = Records({place.tenant: pool}, vault_of(place.tenant, pool))
        found = await records.page(place.tenant, "", 100_000)
    return [
        NewAttribution(
            id=each.id,
            subject_id=each.subject_id,
            touchpoint=each.touchpoint,
            conversion=each.conversion,
            channel=each.channel,
            weight=each.weight,
            note=each.note or "",
        )
        for each in found
    ]


def touch(ident: str, *, subject: str = "s1", channel: str = "email", hours: float = 1) -> Touchpoint:
    return Touchpoint(id=ident, subject_id=subject, channel=channel, occurred_at=NOON - timedelta(hours=hours))


def conversion(ident: str, *, subject: str = "s1", value: float = 10.0, hours: float = 0) -> Conversion:
    return Conversion(id=ident, subject_id=subject, value=value, occurred_at=NOON - timedelta(hours=hours))


def story(length: int, salt: str) -> list[Event]:
    """A mixed log in which some conversions find a touch, some several, some none."""
    events: list[Event] = []
    for number in range(length):
        subject = f"s{number % 7}"
        if number % 3 == 2:
            events.append(conversion(f"{salt}-c{number}", subject=subject, value=float(number)))
        else:
            channel = ("email", "search", "social")[number % 5 % 3]
            events.append(touch(f"{salt}-t{number}", subject=subject, channel=channel, hours=number % 11))
    return events


async def _create(place: Place) -> None:
    admin: Any = await asyncpg.connect(host=place.socket, user="postgres", database="postgres")
    if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = 'app'"):
        await admin.execute("CREATE ROLE app LOGIN NOINHERIT")
    await admin.execute(f"CREATE DATABASE {place.database} OWNER owner")
    await admin.close()
    own: Any = await asyncpg.connect(host=place.socket, user="postgres", database=place.database)
    await own.execute("GRANT USAGE ON SCHEMA public TO app; GRANT ALL ON SCHEMA public TO owner; SET ROLE owner")
    for schema in _SCHEMAS:
        for statement in (*schema.STATEMENTS, *(text.format(role="app") for _, text in schema.GRANTS)):
            await own.execute(statement)
    await own.close()
