"""The API with all its real parts over a real PostgreSQL, except for KMS and the support desk."""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.api.stand_ins import BreakableTrail, ScriptedDesk
from tests.identity.served import ADMIN, AUDIENCE, client, serving
from venturi.aggregation.panel import seat
from venturi.aggregation.parts import AggregationParts
from venturi.aggregation.schema import STORES
from venturi.api.answer import Answer
from venturi.api.app import build
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.api.refusals import VENDOR
from venturi.api.server import aggregation_routes, aggregation_stores, open_pools, open_trails, pool_of, trusted
from venturi.erasure import assembly as erasures
from venturi.erasure.eraser import Eraser, Shelves
from venturi.erasure.errors import StillReadable
from venturi.erasure.key_state import KeyState
from venturi.exports import assembly as exports
from venturi.exports.exporter import Exporter, TooMany
from venturi.identity.binding import Binding
from venturi.identity.directory import Directory
from venturi.identity.issuer_server import build as build_issuers
from venturi.identity.keys import KeyCache
from venturi.identity.verifier import TokenVerifier
from venturi.ingest import assembly as ingests
from venturi.parts import Parts
from venturi.postgres.server import PostgresServer
from venturi.provision import plan
from venturi.provision.databases import _TENANT_SCHEMAS
from venturi.records.store import NewAttribution, Records
from venturi.runtime.asgi import serve_asgi
from venturi.scoring.scorer import Scorer
from venturi.scoring.training import Training
from venturi.scoring.weights import baseline
from venturi.settings import (
    ApiSettings,
    AwsClientSettings,
    ClientSettings,
    DatabaseSettings,
    IssuerSettings,
    StoreSettings,
    TenantSettings,
)
from venturi.vault.cache import DataKeyCache
from venturi.vault.errors import KeyUnavailable
from venturi.vault.kms import DataKey
from venturi.vault.vault import Vault

TENANTS = ("alder", "alder-eu", "birch")
CLIENTS: dict[str, tuple[ClientSettings, ...]] = {
    **{
        name: (
            client("reader", name, "attributions:read", "audit:read"),
            client("approver", name, "support:approve", "aggregation:consent", "audit:read"),
            client(
                "steward", name, "scoring:write", "attributions:write", "erasure:write", "exports:write", "events:write"
            ),
            client("stranger", name, "attributions:read"),
        )
        for name in TENANTS
    },
    VENDOR: (client("support-1", VENDOR, "support:request"), client("operator", VENDOR, "aggregation:run")),
}
CONTROL = "venturi_control"
PASSWORD = "password"


class MemoryKms:
    """KMS in memory. `disabled` tenants' keys can't be used."""

    def __init__(self) -> None:
        self.disabled: set[str] = set()

    async def generate_data_key(self, key_arn: str, context: Mapping[str, str]) -> DataKey:
        """A wrapped key."""
        key = AESGCM.generate_key(256)
        return DataKey(key, key_arn.encode() + key)

    async def decrypt(self, key_arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Unwrap."""
        if context["tenant"] in self.disabled or not wrapped.startswith(key_arn.encode()):
            raise KeyUnavailable(context["tenant"])
        return wrapped.removeprefix(key_arn.encode())


class MemoryBuckets:
    """Buckets that keep nothing."""

    async def put(self, tenant: str, name: str, data: bytes) -> str:
        """Where it would be."""
        return f"s3://{tenant}/{name}"

    async def link(self, tenant: str, name: str, seconds: int) -> str:
        """A link."""
        return f"https://{tenant}.example/{name}?expires={seconds}"


class MemoryStream:
    """A stream that takes everything."""

    async def publish(self, tenant: str, messages: Sequence[bytes], /) -> None:
        """Taken."""


class Service:
    """The running API, seen from outside, and the stand-ins behind it."""

    def __init__(self, base: str, settings: ApiSettings, behind: Behind, loop: asyncio.AbstractEventLoop) -> None:
        self.base, self._issuer, self.behind, self.loop = base, settings.issuer_base, behind, loop
        self.settings = settings
        self.web = httpx.Client(base_url=base, timeout=30)
        self._tokens: dict[tuple[str, str], str] = {}

    def events(self, tenant: str, trace_id: str) -> list[dict[str, Any]]:
        """What a trail holds of a trace."""
        reading = self.behind.trails[tenant].read(-1, 100, trace_id)
        page = asyncio.run_coroutine_threadsafe(reading, self.loop).result(10)
        return [entry.event for entry in page.events]

    def size(self, tenant: str) -> int:
        """How many events a trail has."""
        return len(self.behind.trails[tenant].tree)

    def token(self, issuer: str, name: str = "reader", **form: str) -> str:
        """A genuine token of `name`."""
        who = next(each for each in CLIENTS[issuer] if each.client_id == f"{issuer}.{name}")
        if (issuer, name) not in self._tokens or form:
            sent = {"grant_type": "client_credentials", "client_id": who.client_id}
            sent |= {"client_secret": who.client_secret, **form}
            answer = httpx.post(f"{self._issuer}/issuers/{issuer}/token", data=sent)
            if form:
                return str(answer.json()["access_token"])
            self._tokens[issuer, name] = answer.json()["access_token"]
        return self._tokens[issuer, name]

    def get(self, path: str, who: str = "alder", name: str = "reader", **headers: str) -> httpx.Response:
        """GET as a principal."""
        return self.send("GET", path, who, name, **headers)

    def send(
        self, method: str, path: str, who: str = "alder", name: str = "reader", json: Any = None, **headers: str
    ) -> httpx.Response:
        """Any request as a principal; header names are written with underscores."""
        sent = {"Authorization": f"Bearer {self.token(who, name)}"}
        sent |= {key.replace("_", "-"): value for key, value in headers.items()}
        return self.web.request(method, path, headers=sent, json=json)

    def raw(self, path: str, *headers: tuple[str, str], method: str = "GET", content: bytes = b"") -> httpx.Response:
        """A request whose target is sent as it stands."""
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        request = self.web.build_request(method, "/", headers=encoded, content=content or None)
        request.extensions["target"] = path.encode("latin-1")
        return self.web.send(request)

    def close(self) -> None:
        """Close the connections."""
        self.web.close()


class Behind:
    """What stands behind the API."""

    def __init__(self) -> None:
        self.trails: dict[str, BreakableTrail] = {}
        self.desk = ScriptedDesk()
        self.kms = MemoryKms()
        self.cache = DataKeyCache()
        self.routes: list[Route] = []
        self.fault = False
        self.unready = False
        self.too_many = False
        self.still_reading = False

    def forget(self, tenant: str) -> None:
        """Drop the tenant's cached data keys."""
        self.cache.forget(tenant)


@contextmanager
def service(home: Path) -> Iterator[Service]:
    """Run the API for as long as the block lasts."""
    issuers = build_issuers(IssuerSettings(audience=AUDIENCE, issuers=CLIENTS, admin_secret=ADMIN))
    postgres = PostgresServer(home)
    postgres.start()
    try:
        with serving(issuers.asgi(), ready=lambda base: setattr(issuers, "base", base)) as issuer:
            settings = _settings(postgres, issuer)
            asyncio.run(_provision(postgres, settings))
            with _running(settings, Behind()) as made:
                yield made
    finally:
        postgres.stop()


@contextmanager
def _running(settings: ApiSettings, behind: Behind) -> Iterator[Service]:
    url: Future[str] = Future()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(settings, behind, url, stop)))
    thread.start()
    try:
        made = Service(url.result(30), settings, behind, loop)
        yield made
        made.close()
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


async def _serve(settings: ApiSettings, behind: Behind, url: Future[str], stop: asyncio.Event) -> None:
    try:
        async with AsyncExitStack() as stack:
            pools = await open_pools(settings, stack)
            web = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            keys = KeyCache(web)
            stack.push_async_callback(keys.close)
            behind.trails = cast(
                "Any", await open_trails(settings, cast("Any", SimpleNamespace(trail=BreakableTrail)), pools)
            )
            arns = {tenant.id: tenant.key_arn for tenant in settings.tenants}
            vault = Vault(behind.kms, arns, pools.app, behind.cache)
            records = Records(pools.app, vault)
            for tenant in TENANTS:
                for number in range(5):
                    await records.add(tenant, record(tenant, number))
            scorer = Scorer(pools.app, baseline())
            stores = await aggregation_stores(settings, stack)
            shelves = Shelves(
                app=pools.app,
                guard=pools.guard,
                trails=cast("Any", behind.trails),
                signers=dict.fromkeys(TENANTS, Ed25519PrivateKey.generate()),
            )
            for jurisdiction, store in settings.aggregation.items():
                egress = await stack.enter_async_context(pool_of(store.egress))
                await seat(jurisdiction, egress, f"{datetime.now(UTC):%Y-%m}")
            api = build(
                settings,
                Parts(),
                verifier=TokenVerifier(trusted(settings), AUDIENCE, keys),
                binding=Binding(Directory(pools.control)),
                records=records,
                trails=cast("Any", behind.trails),
                desk=cast("Any", behind.desk),
                scorer=scorer,
                pools=pools.every(),
                areas=[
                    *aggregation_routes(
                        settings,
                        cast("Any", SimpleNamespace(aggregation=AggregationParts(), training=Training)),
                        pools,
                        stores,
                        trails=cast("Any", behind.trails),
                        records=records,
                        vault=vault,
                        scorer=scorer,
                    ),
                    *erasures.routes(_eraser(behind), shelves, vault, behind.kms, arns),
                    *exports.routes(_exporter(behind), records, MemoryBuckets(), cast("Any", behind.trails)),
                    *ingests.routes(pools.app, vault, MemoryStream()),
                ],
            )
            behind.routes = list(api.routes)
            api.pipeline.routes = [_faulty(route, behind) for route in api.routes]
            await serve_asgi(api.asgi(), url.set_result, stop)
    except BaseException as fault:
        if not url.done():
            url.set_exception(fault)
        raise


def _faulty(route: Route, behind: Behind) -> Route:
    """The route, with a handler that fails when it is told to."""

    async def handler(exchange: Exchange) -> Answer:
        if behind.fault:
            raise RuntimeError("a fault of ours")
        if behind.unready:
            raise OSError("a database is gone")
        return await route.handler(exchange)

    return replace(route, handler=handler)


def _eraser(behind: Behind) -> type[Eraser]:
    """An eraser with a reader that reads on for as long as it is told to."""

    class Watched(Eraser):
        async def still_reading(self, tenant: str, subject: str | None) -> list[str]:
            if behind.still_reading:
                return ["a replica"]
            # Other tests of the same service make exports, whose links are open for a while.
            return [name for name in await super().still_reading(tenant, subject) if name != "export links"]

        async def settle(self, tenant: str, event: Mapping[str, Any]) -> KeyState:
            if behind.still_reading:
                raise StillReadable("Still readable through: a replica.")
            return await super().settle(tenant, event)

    return Watched


def _exporter(behind: Behind) -> type[Exporter]:
    """An exporter that finds too many records when it is told to."""

    class Counting(Exporter):
        async def lines(self, tenant: str) -> list[bytes]:
            if behind.too_many:
                raise TooMany
            return await super().lines(tenant)

    return Counting


def record(tenant: str, number: int) -> NewAttribution:
    """The record of this number, with a canary of its tenant in the note."""
    return NewAttribution(
        id=f"att_{tenant}_{number}",
        subject_id=f"subject-{number // 2}",
        touchpoint="tp",
        conversion="cv",
        channel="search",
        weight=0.5,
        note=f"cnry-{tenant}-{number}",
    )


def _database(tenant: str) -> str:
    return f"t_{tenant.replace('-', '_')}"


def _settings(postgres: PostgresServer, issuer: str) -> ApiSettings:
    def login(database: str, user: str) -> DatabaseSettings:
        return DatabaseSettings(
            host=postgres.host, port=postgres.port, database=database, user=user, password=PASSWORD, ca=postgres.ca
        )

    return ApiSettings(
        deployment="d",
        version="1",
        audience=AUDIENCE,
        issuer_base=issuer,
        issuers=tuple(CLIENTS),
        tenants=tuple(
            TenantSettings(
                id=name,
                name=name,
                region="r",
                jurisdiction="eu",
                app=login(_database(name), f"{_database(name)}_app"),
                guard=login(_database(name), f"{_database(name)}_guard"),
                key_arn=f"key of {name}",
                topic_arn="",
                trail_key=plan._ed25519(),
            )
            for name in TENANTS
        ),
        control=login(CONTROL, CONTROL),
        vendor_trail_key=plan._ed25519(),
        aws=AwsClientSettings(endpoint="", access_key_id="", secret_access_key=""),
        aggregation={
            jurisdiction: StoreSettings(
                **{kind: login(database, f"{database}_{kind}") for kind in ("egress", "pipeline", "reader")},
                key=plan._ed25519(),
            )
            for jurisdiction, database in STORES.items()
        },
        factor_key="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        cursor_key="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    )


async def _provision(postgres: PostgresServer, settings: ApiSettings) -> None:
    """A database with its roles and tables for every tenant, and the control database with the directory."""
    control, admin = settings.control, postgres.admin()
    homes: list[tuple[dict[str, DatabaseSettings], tuple[str, ...]]] = [
        (
            {"app": tenant.app, "guard": tenant.guard},
            _TENANT_SCHEMAS,
        )
        for tenant in settings.tenants
    ]
    homes.append(({"control": control, "guard": control}, ("identity", "trail")))
    homes += [
        ({"egress": store.egress, "pipeline": store.pipeline, "reader": store.reader}, ("aggregation",))
        for store in settings.aggregation.values()
    ]
    postgres.allow({(login.database, login.user) for logins, _ in homes for login in logins.values()})
    server = await asyncpg.connect(**admin, database="postgres")
    for logins, _ in homes:
        for role in {login.user for login in logins.values()}:
            await server.execute(f"CREATE ROLE {role} LOGIN NOINHERIT PASSWORD '{PASSWORD}'")
        await server.execute(f"CREATE DATABASE {next(iter(logins.values())).database} TEMPLATE template0")
    await server.close()
    for logins, packages in homes:
        await _schemas(admin, logins, packages)
    await _enrol(admin, settings.issuer_base)


async def _schemas(admin: Mapping[str, Any], logins: Mapping[str, DatabaseSettings], packages: Sequence[str]) -> None:
    database = await asyncpg.connect(**admin, database=next(iter(logins.values())).database)
    for package in packages:
        schema = importlib.import_module(f"venturi.{package}.schema")
        for statement in schema.STATEMENTS:
            await database.execute(statement)
        for kind, grant in schema.GRANTS:
            if kind in logins:
                await database.execute(grant.format(role=logins[kind].user))
    await database.close()


async def _enrol(admin: Mapping[str, Any], base: str) -> None:
    control = await asyncpg.connect(**admin, database=CONTROL)
    for issuer, clients in CLIENTS.items():
        for each in clients:
            if each.client_id.endswith(".stranger"):
                continue
            tenant, kind = (None, "support") if issuer == VENDOR else (issuer, "tenant")
            row = (f"{base}/issuers/{issuer}", each.subject, each.client_id, tenant, kind, f"p:{each.client_id}", None)
            await control.execute("INSERT INTO principals VALUES ($1, $2, $3, $4, $5, $6, $7)", *row)
    await control.close()


def home() -> Path:
    """A short place for a cluster."""
    return Path(f"/tmp/vt-{os.getpid()}-api")
