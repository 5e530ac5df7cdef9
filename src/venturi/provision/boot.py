"""Boots a whole deployment: draws the plan, starts the parts side by side, provisions, seeds, opens the API."""

from __future__ import annotations

import asyncio
import base64
import secrets
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from venturi.parts import Parts, load_overlay
from venturi.provision import aws, clusters, conformance, databases
from venturi.provision.clusters import Topology
from venturi.provision.factors import enrolled
from venturi.provision.plan import (
    AUDIENCE,
    CONFORMANCE,
    ROTATION,
    VENDOR,
    Plan,
    PrincipalPlan,
    StorePlan,
    TenantPlan,
    draw,
)
from venturi.provision.profile import Addresses, SecretFiles, Table, planted_event, profile, stream_tables
from venturi.provision.seed import seed
from venturi.resolution.settings import ResolverTenant, StageASettings
from venturi.runtime.supervisor import Supervisor
from venturi.settings import (
    ApiSettings,
    AwsClientSettings,
    AwsIdentity,
    AwsMemory,
    AwsSettings,
    ClientSettings,
    DatabaseSettings,
    IssuerSettings,
    StoreSettings,
    TenantSettings,
)
from venturi.streams.build import Streams
from venturi.streams.build import build as build_streams
from venturi.streams.errors import NoBroker


class _Cluster(Protocol):
    """What the settings need to know of a running PostgreSQL server."""

    host: str
    port: int
    ca: str


def boot(
    supervisor: Supervisor,
    *,
    tenants: int,
    overlay: str,
    note: Callable[[str], None],
    with_streams: bool = True,
    topology: Topology = "pool",
    traces: str = "",
) -> Table:
    """Start everything and return the target profile. `note` is told what is left out, and why.

    `traces` is where the API sends its spans (settings.ApiSettings.traces).

    Raises OverlayError for an overlay that can't be loaded, ValueError for fewer than three tenants.
    """
    plan = draw(tenants, deployment=str(uuid.uuid4()))
    parts = load_overlay(overlay)(Parts())
    accounts = aws.draw_accounts(plan)
    with ThreadPoolExecutor(6) as together:
        # Kafka takes longer than all the rest, which therefore waits for it last.
        streaming = together.submit(_streams, supervisor, plan, parts, note) if with_streams else None
        stored = together.submit(clusters.build, supervisor, plan, parts.doors(), topology)
        issuing = together.submit(_issuer, supervisor, plan, overlay)
        clouded = together.submit(_aws, supervisor, plan, accounts, parts, overlay)
        homes = stored.result()
        issuer, (endpoint, built) = issuing.result(), clouded.result()
        surrounding = together.submit(aws.surround, endpoint, plan, accounts, built, parts)
        asyncio.run(databases.enrol(supervisor.postgres.admin(), plan, issuer, _second_factors(plan), enrolled(plan)))
        settings = _api_settings(supervisor.postgres, homes, plan, accounts, built, issuer, endpoint, overlay)
        seeding = together.submit(asyncio.run, seed(settings, plan, parts))
        streams = streaming.result() if streaming else None
        settings = msgspec.structs.replace(settings, streams=streams.ingest if streams else None, traces=traces)
        serving = together.submit(supervisor.child, "api", settings)
        if streams:
            supervisor.child("stage-a", _stage_a(settings, streams))
        else:
            supervisor.dismiss("stage-a")
        api, built = serving.result(), surrounding.result()
        seeding.result()
    where = _addresses(supervisor, homes, api=api.url, issuer=issuer, endpoint=endpoint, streams=streams)
    secrets = SecretFiles(supervisor.rundir / "secrets")
    tables = profile(plan, accounts, built, where, secrets)
    if streams:
        tables |= stream_tables(streams, secrets)
        tables["erasure"]["event"] = planted_event(streams)
    return tables


def _addresses(
    supervisor: Supervisor,
    homes: clusters.Clusters,
    *,
    api: str,
    issuer: str,
    endpoint: str,
    streams: Streams | None,
) -> Addresses:
    shared, below = supervisor.postgres, supervisor.rundir
    return Addresses(
        api=api,
        issuer=issuer,
        aws=endpoint,
        database=(shared.host, shared.port),
        database_ca=str(shared.ca_file),
        databases={tenant: (home.host, home.port, str(home.ca_file)) for tenant, home in homes.items()},
        logs=str(below),
        brokers=[streams.broker.address] if streams else [],
        files=[*map(str, sorted(below.glob("pg*"))), *map(str, sorted(below.glob("*.log")))],
    )


def _streams(supervisor: Supervisor, plan: Plan, parts: Parts, note: Callable[[str], None]) -> Streams | None:
    """Every tenant's stream, or None where there is no broker to be had."""
    try:
        streams = build_streams(
            supervisor.rundir / "kafka",
            [tenant.id for tenant in plan.tenants],
            parts.streams(),
            supervisor.register,
            supervisor.forget,
        )
    except NoBroker as missing:
        note(f"no event streams: {missing}")
        return None
    supervisor.mind("kafka", streams.broker)
    return streams


def _stage_a(settings: ApiSettings, streams: Streams) -> StageASettings:
    return StageASettings(
        tenants=tuple(ResolverTenant(id=each.id, app=each.app, key_arn=each.key_arn) for each in settings.tenants),
        aws=settings.aws,
        streams=streams.resolver,
        overlay=settings.overlay,
    )


def _issuer(supervisor: Supervisor, plan: Plan, overlay: str) -> str:
    issuers = {tenant.id: tuple(_client(person) for person in tenant.principals) for tenant in plan.tenants}
    issuers[VENDOR] = tuple(_client(person) for person in (*plan.support, plan.operator))
    issuers[CONFORMANCE] = (_client(plan.examiner),)
    issuers[ROTATION] = (_client(plan.turner),)
    settings = IssuerSettings(
        audience=AUDIENCE,
        issuers=issuers,
        admin_secret=plan.admin_secret,
        keys={CONFORMANCE: plan.examiner_key},
        published={CONFORMANCE: conformance.published(plan.examiner_key, plan.examiner_rsa_key)},
        keepers={ROTATION: plan.turning_secret},
        overlay=overlay,
    )
    return supervisor.child("issuer", settings).url


def _aws(
    supervisor: Supervisor, plan: Plan, accounts: aws.AwsAccounts, parts: Parts, overlay: str
) -> tuple[str, Mapping[str, aws.TenantAws]]:
    identities = tuple(
        AwsIdentity(access_key_id=user.access_key_id, secret_access_key=user.secret_access_key, arn=user.arn)
        for user in accounts.everyone()
    )
    settings = AwsSettings(identities=identities, overlay=overlay, memory=_memory(supervisor))
    endpoint = supervisor.child("aws", settings).url
    return endpoint, aws.build(endpoint, plan, accounts, parts)


def _memory(supervisor: Supervisor) -> AwsMemory | None:
    """A memory for an AWS process that would be started again, and for no other."""
    if not supervisor.restarts:
        return None
    place = supervisor.rundir / "aws"
    place.mkdir(0o700)
    return AwsMemory(directory=str(place), key=base64.b64encode(secrets.token_bytes(32)).decode())


def _client(person: PrincipalPlan) -> ClientSettings:
    return ClientSettings(
        client_id=person.client_id,
        client_secret=person.client_secret,
        subject=person.subject,
        scopes=person.scopes,
    )


def _second_factors(plan: Plan) -> dict[str, str]:
    people = (*plan.support, *(person for tenant in plan.tenants for person in tenant.principals))
    return {databases.principal_id(person): _public(person.mfa_key) for person in people if person.mfa_key}


def _public(private_pem: str) -> str:
    key = load_pem_private_key(private_pem.encode(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _api_settings(
    cluster: _Cluster,
    homes: Mapping[str, _Cluster],
    plan: Plan,
    accounts: aws.AwsAccounts,
    built: Mapping[str, aws.TenantAws],
    issuer: str,
    endpoint: str,
    overlay: str,
) -> ApiSettings:
    return ApiSettings(
        deployment=plan.deployment,
        version=version("tenantproof"),
        audience=AUDIENCE,
        issuer_base=issuer,
        issuers=(*(tenant.id for tenant in plan.tenants), VENDOR, CONFORMANCE, ROTATION),
        algorithms={CONFORMANCE: conformance.ALGORITHMS},
        tenants=tuple(_tenant_settings(homes[tenant.id], plan, tenant, built[tenant.id]) for tenant in plan.tenants),
        control=_login(cluster, databases.CONTROL, databases.CONTROL, plan.control_password),
        vendor_trail_key=plan.trail_keys[VENDOR],
        aws=AwsClientSettings(
            endpoint=endpoint,
            access_key_id=accounts.workload.access_key_id,
            secret_access_key=accounts.workload.secret_access_key,
        ),
        cursor_key=plan.cursor_key,
        factor_key=plan.factor_key,
        aggregation={store.jurisdiction: _store_settings(cluster, store) for store in plan.stores},
        overlay=overlay,
    )


def _store_settings(cluster: _Cluster, store: StorePlan) -> StoreSettings:
    def login(kind: str) -> DatabaseSettings:
        return _login(cluster, store.database, store.role(kind), store.passwords[kind])

    return StoreSettings(egress=login("egress"), pipeline=login("pipeline"), reader=login("reader"), key=store.key)


def _tenant_settings(cluster: _Cluster, plan: Plan, tenant: TenantPlan, built: aws.TenantAws) -> TenantSettings:
    return TenantSettings(
        id=tenant.id,
        name=tenant.name,
        region=tenant.region,
        jurisdiction=tenant.jurisdiction,
        app=_login(cluster, tenant.database, tenant.app_role, tenant.app_password),
        guard=_login(cluster, tenant.database, tenant.guard_role, tenant.guard_password),
        key_arn=built.key_arn,
        topic_arn=built.topic_arn,
        trail_key=plan.trail_keys[tenant.id],
        bucket=built.bucket,
    )


def _login(cluster: _Cluster, database: str, user: str, password: str) -> DatabaseSettings:
    return DatabaseSettings(
        host=cluster.host, port=cluster.port, database=database, user=user, password=password, ca=cluster.ca
    )
