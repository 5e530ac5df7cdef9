"""The API process: opens every tenant's databases and trail, builds the parts, and serves until told to stop."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import asyncpg
import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venturi.aggregation import assembly
from venturi.aggregation.assembly import Store, TenantPlane
from venturi.api.app import Api, build
from venturi.api.refusals import VENDOR
from venturi.erasure import assembly as erasures
from venturi.erasure.eraser import Shelves
from venturi.exports import assembly as exports
from venturi.exports.bucket import Place, S3Buckets
from venturi.identity.keys import KeyCache, TrustedIssuer
from venturi.ingest import assembly as ingests
from venturi.ingest.ingest import Journal, NoStream
from venturi.runtime.asgi import serve_asgi
from venturi.scoring.weights import baseline
from venturi.settings import ApiSettings, DatabaseSettings
from venturi.streams.publisher import Publisher
from venturi.support.enrolments import Enrolments
from venturi.support.sns import sns_publisher
from venturi.vault.kms import Kms

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from venturi.api.paths import Route
    from venturi.identity.directory import Directory
    from venturi.identity.verifier import TokenVerifier
    from venturi.parts import Parts
    from venturi.records.store import Records
    from venturi.scoring.scorer import Scorer
    from venturi.support.desk import SupportDesk
    from venturi.support.mfa import SecondFactor
    from venturi.trail.trail import Trail
    from venturi.vault.vault import Vault

_CONNECTIONS = 4
_SECONDS = 10.0
_ISSUER_SECONDS = 2.0


@dataclass(frozen=True)
class Pools:
    """Connections by tenant and role, and to the control database."""

    app: Mapping[str, asyncpg.Pool]
    guard: Mapping[str, asyncpg.Pool]
    control: asyncpg.Pool

    def every(self) -> list[asyncpg.Pool]:
        """All of them."""
        return [*self.app.values(), *self.guard.values(), self.control]


async def serve(settings: ApiSettings, parts: Parts, announce: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serve until `stop` is set; `announce` gets the base URL once requests are answered."""
    async with AsyncExitStack() as stack:
        api = await assemble(settings, parts, stack)
        application: ASGIApp = api.asgi()
        traced = _traced(application, settings, stack) if settings.traces else application
        await serve_asgi(traced, announce, stop, proxies=settings.proxies)


def _traced(application: ASGIApp, settings: ApiSettings, stack: AsyncExitStack) -> ASGIApp:
    # Imported where somebody wants it: it is an extra of its own.
    from venturi.api import spans

    tracers = spans.provider(settings.version, spans.collector(settings.traces))
    stack.callback(tracers.shutdown)
    return spans.Traced(application, tracers)


async def assemble(settings: ApiSettings, parts: Parts, stack: AsyncExitStack) -> Api:
    """Build the API from its parts; `stack` closes what was opened, in reverse."""
    pools = await open_pools(settings, stack)
    kms = Kms(settings.aws)
    stack.callback(kms.close)
    keys = {tenant.id: tenant.key_arn for tenant in settings.tenants}
    vault = parts.vault(kms, keys, pools.app)
    trails = await open_trails(settings, parts, pools)
    directory = parts.directory(pools.control)
    desk = await _open_desk(settings, parts, pools, trails, _second_factor(settings, parts, pools, directory))
    stack.push_async_callback(desk.close)
    records = parts.records(pools.app, vault)
    scorer = parts.scorer(pools.app, baseline())
    stores = await aggregation_stores(settings, stack)
    shelves = Shelves(app=pools.app, guard=pools.guard, trails=trails, signers=_signers(settings))
    return build(
        settings,
        parts,
        verifier=await _verifier(settings, parts, stack),
        binding=parts.binding(directory),
        records=records,
        trails=trails,
        desk=desk,
        scorer=scorer,
        pools=pools.every(),
        areas=[
            *aggregation_routes(
                settings, parts, pools, stores, trails=trails, records=records, vault=vault, scorer=scorer
            ),
            *erasures.routes(parts.eraser, shelves, vault, kms, keys),
            *exports.routes(parts.exporter, records, _buckets(settings, stack), trails),
            *ingests.routes(pools.app, vault, _publisher(settings, stack)),
        ],
    )


async def open_pools(settings: ApiSettings, stack: AsyncExitStack) -> Pools:
    """A pool for every login, opened side by side. Raises OSError or asyncpg.PostgresError when one can't be."""
    tenants = settings.tenants
    logins = [*(tenant.app for tenant in tenants), *(tenant.guard for tenant in tenants), settings.control]
    opened = await asyncio.gather(*(stack.enter_async_context(pool_of(login)) for login in logins))
    apps, guards, control = opened[: len(tenants)], opened[len(tenants) : -1], opened[-1]
    names = [tenant.id for tenant in tenants]
    return Pools(dict(zip(names, apps, strict=True)), dict(zip(names, guards, strict=True)), control)


async def aggregation_stores(settings: ApiSettings, stack: AsyncExitStack) -> dict[str, Store]:
    """Pools of their own to each jurisdiction's store."""
    return {
        jurisdiction: Store(
            egress=await stack.enter_async_context(pool_of(at.egress)),
            pipeline=await stack.enter_async_context(pool_of(at.pipeline)),
            reader=await stack.enter_async_context(pool_of(at.reader)),
            key=_signer(at.key),
        )
        for jurisdiction, at in settings.aggregation.items()
    }


def aggregation_routes(
    settings: ApiSettings,
    parts: Parts,
    pools: Pools,
    stores: Mapping[str, Store],
    *,
    trails: Mapping[str, Trail],
    records: Records,
    vault: Vault,
    scorer: Scorer,
) -> list[Route]:
    """The endpoints of aggregation, and of the training that learns from its releases."""
    homes = {tenant.id: tenant.jurisdiction for tenant in settings.tenants}
    releases = {jurisdiction: store.reader for jurisdiction, store in stores.items()}
    return [
        *assembly.routes(parts.aggregation, TenantPlane(homes, pools.guard, trails, records, vault), stores),
        *parts.training(scorer, releases).routes(),
    ]


def pool_of(login: DatabaseSettings) -> asyncpg.Pool:
    """An unopened pool for one login, over TLS that is verified against the server's own certificate."""
    return asyncpg.create_pool(
        host=login.host,
        port=login.port,
        database=login.database,
        user=login.user,
        password=login.password,
        ssl=_trusting(login.ca),
        min_size=1,
        max_size=_CONNECTIONS,
        command_timeout=_SECONDS,
        reset=_nothing_to_reset,
    )


@cache
def _trusting(ca: str) -> ssl.SSLContext:
    """One context for all logins to one server: making one takes longer than a connection."""
    return ssl.create_default_context(cadata=ca)


async def _nothing_to_reset(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """An open transaction has ended by now, and nobody here changes anything else of a session."""


async def open_trails(settings: ApiSettings, parts: Parts, pools: Pools) -> dict[str, Trail]:
    """Every tenant's trail and the vendor's, read and checked. Raises TrailUnavailable."""
    homes = {tenant.id: (pools.guard[tenant.id], tenant.trail_key) for tenant in settings.tenants}
    homes[VENDOR] = (pools.control, settings.vendor_trail_key)
    trails = {name: parts.trail(name, pool, _signer(key), time.time) for name, (pool, key) in homes.items()}
    await asyncio.gather(*(trail.open() for trail in trails.values()))
    return trails


def _second_factor(settings: ApiSettings, parts: Parts, pools: Pools, directory: Directory) -> SecondFactor:
    enrolments = Enrolments(pools.control, base64.b64decode(settings.factor_key))
    relying = (settings.support.relying_party, settings.support.origin)
    return parts.mfa(directory.mfa_public_key, enrolments, relying, parts.clock)


async def _open_desk(
    settings: ApiSettings, parts: Parts, pools: Pools, trails: Mapping[str, Trail], factor: SecondFactor
) -> SupportDesk:
    """The support desk, which tells each tenant through a topic in the tenant's own account."""
    topics = {tenant.id: tenant.topic_arn for tenant in settings.tenants}
    notifier = parts.notifier(sns_publisher(settings.aws), topics)
    desk = parts.desk(pools.guard, trails, factor, notifier, settings.support, parts.clock)
    await desk.open()
    return desk


def trusted(settings: ApiSettings) -> dict[str, TrustedIssuer]:
    """The allow-list of issuers, by identifier."""
    urls = {name: f"{settings.issuer_base}/issuers/{name}" for name in settings.issuers}
    usual = ("ES256",)
    return {
        url: TrustedIssuer(url, f"{url}/jwks", frozenset(settings.algorithms.get(name, usual)))
        for name, url in urls.items()
    }


def _signers(settings: ApiSettings) -> dict[str, Ed25519PrivateKey]:
    return {tenant.id: _signer(tenant.trail_key) for tenant in settings.tenants}


def _buckets(settings: ApiSettings, stack: AsyncExitStack) -> S3Buckets:
    places = {each.id: Place(bucket=each.bucket, region=each.region, key_arn=each.key_arn) for each in settings.tenants}
    buckets = S3Buckets(settings.aws, places)
    stack.callback(buckets.close)
    return buckets


def _publisher(settings: ApiSettings, stack: AsyncExitStack) -> Journal:
    if settings.streams is None:
        return NoStream()
    publisher = Publisher(settings.streams)
    stack.callback(publisher.close)
    return publisher


async def _verifier(settings: ApiSettings, parts: Parts, stack: AsyncExitStack) -> TokenVerifier:
    issuers = trusted(settings)
    roots = _roots(issuers.values())
    web = await stack.enter_async_context(httpx.AsyncClient(timeout=_ISSUER_SECONDS, trust_env=False, verify=roots))
    keys = KeyCache(web)
    stack.push_async_callback(keys.close)
    return parts.verifier(issuers, settings.audience, keys, time.time)


def _roots(issuers: Iterable[TrustedIssuer]) -> ssl.SSLContext:
    """Whom to believe when an issuer shows its certificate. Reading the world's roots takes 0.1 s, so only for some."""
    if any(issuer.jwks_uri.startswith("https:") for issuer in issuers):
        return httpx.create_ssl_context(trust_env=False)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _signer(pem: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("a trail is signed with an Ed25519 key; check trail_key in the settings")
    return key
