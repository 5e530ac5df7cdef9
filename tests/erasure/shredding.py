"""A tenant's database, key and trail, all real, and an eraser over them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.aws.served import ALDER, IDENTITIES, Cloud
from venturi.erasure import schema as erasure_schema
from venturi.erasure.eraser import Eraser, Shelves
from venturi.erasure.key_state import KeyWatch
from venturi.erasure.readers import LinkReader, Reader, VaultReader
from venturi.exports import schema as exports_schema
from venturi.records import schema as records_schema
from venturi.records.store import NewAttribution, Records
from venturi.settings import AwsClientSettings
from venturi.trail import schema as trail_schema
from venturi.trail.trail import Trail
from venturi.vault import schema as vault_schema
from venturi.vault.cache import DataKeyCache
from venturi.vault.kms import Kms
from venturi.vault.vault import Vault

SCHEMAS = (records_schema, vault_schema, trail_schema, erasure_schema, exports_schema)
BACKUPS = timedelta(days=7)
EVENT = {"schema": "venturi.event/1", "trace": {"trace_id": "a" * 32}}


class Door:
    """A reader that can read for as long as it is open."""

    name = "a door"

    def __init__(self) -> None:
        self.open = False

    async def can_read(self, tenant: str, subject: str | None) -> bool:
        del tenant, subject
        return self.open


@dataclass
class Bench:
    """The parts, for tenant alder."""

    eraser: Eraser
    records: Records
    vault: Vault
    trail: Trail
    signer: Ed25519PrivateKey
    app: asyncpg.Pool
    guard: asyncpg.Pool
    cloud: Cloud
    key: str
    door: Door
    now: list[float] = field(default_factory=lambda: [time.time()])

    async def add(self, ident: str, subject: str) -> None:
        """A record whose note is `note of` its id."""
        await self.records.add(
            "alder",
            NewAttribution(
                id=ident, subject_id=subject, touchpoint="t", conversion="c", channel="search", weight=1.0,
                note=f"note of {ident}",
            ),
        )  # fmt: skip

    async def note(self, ident: str) -> str | None:
        """What a reader gets."""
        found = await self.records.get("alder", ident)
        assert found is not None
        return found.note

    async def actions(self) -> list[str]:
        """The steps of erasure that the trail holds."""
        page = await self.trail.read(-1, 100)
        return [entry.event["action"] for entry in page.events if entry.event.get("kind") == "erasure"]

    def at(self) -> datetime:
        """The eraser's time."""
        return datetime.fromtimestamp(self.now[0], UTC)


@asynccontextmanager
async def bench(socket: str, cloud: Cloud, vault: type[Vault] = Vault, cached: float = 5.0) -> AsyncIterator[Bench]:
    """A fresh database and key. `cached`: seconds for which the vault keeps a data key."""
    async with AsyncExitStack() as stack:
        pools = await _database(socket, stack)
        key, workload = cloud.tenant_key("alder", ALDER), IDENTITIES["workload"]
        kms = Kms(
            AwsClientSettings(
                endpoint=cloud.endpoint,
                access_key_id=workload.access_key_id,
                secret_access_key=workload.secret_access_key,
            )
        )
        stack.callback(kms.close)
        safe = vault(kms, {"alder": key}, {"alder": pools["app"]}, DataKeyCache(seconds=cached))
        signer, now, door = Ed25519PrivateKey.generate(), [time.time()], Door()
        trail = Trail("alder", pools["guard"], signer, time.time)
        await trail.open()
        shelves = Shelves(
            app={"alder": pools["app"]},
            guard={"alder": pools["guard"]},
            trails={"alder": trail},
            signers={"alder": signer},
        )
        readers: list[Reader] = [VaultReader(safe, shelves.app), LinkReader(shelves.guard), door]
        eraser = Eraser(shelves, safe, KeyWatch(kms, {"alder": key}), readers, BACKUPS, lambda: now[0])
        records = Records(shelves.app, safe)
        yield Bench(eraser, records, safe, trail, signer, pools["app"], pools["guard"], cloud, key, door, now)


async def _database(socket: str, stack: AsyncExitStack) -> dict[str, asyncpg.Pool]:
    owner = await asyncpg.connect(host=socket, user="owner", database="postgres")
    await owner.execute("DROP DATABASE IF EXISTS alder WITH (FORCE)")
    for role in ("app", "guard"):
        await owner.execute(f"DROP ROLE IF EXISTS {role}")
        await owner.execute(f"CREATE ROLE {role} LOGIN")
    await owner.execute("CREATE DATABASE alder")
    await owner.close()
    own = await asyncpg.connect(host=socket, user="owner", database="alder")
    for schema in SCHEMAS:
        for statement in schema.STATEMENTS:
            await own.execute(statement)
        for kind, grant in schema.GRANTS:
            await own.execute(grant.format(role=kind))
    await own.close()
    return {
        role: await stack.enter_async_context(
            asyncpg.create_pool(host=socket, user=role, database="alder", min_size=1, max_size=4)
        )
        for role in ("app", "guard")
    }
