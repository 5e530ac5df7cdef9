"""Boots a whole deployment: draws the plan, starts the parts side by side, provisions, seeds, opens the API."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Protocol

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from venturi.parts import Parts, load_overlay
from venturi.provision import aws, databases
from venturi.provision.plan import AUDIENCE, VENDOR, Plan, PrincipalPlan, StorePlan, TenantPlan, draw
from venturi.provision.profile import Addresses, SecretFiles, Table, profile
from venturi.provision.seed import seed
from venturi.runtime.supervisor import Supervisor
from venturi.settings import (
    ApiSettings,
    AwsClientSettings,
    AwsIdentity,
    AwsSettings,
    ClientSettings,
    DatabaseSettings,
    IssuerSettings,
    StoreSettings,
    TenantSettings,
)


class _Cluster(Protocol):
    """What the settings need to know of a running PostgreSQL server."""

    host: str
    port: int
    ca: str


def boot(supervisor: Supervisor, *, tenants: int, overlay: str) -> Table:
    """Start everything and return the target profile.

    Raises OverlayError for an overlay that can't be loaded, ValueError for fewer than three tenants.
    """
    plan = draw(tenants, deployment=str(uuid.uuid4()))
    parts = load_overlay(overlay)(Parts())
    accounts = aws.draw_accounts(plan)
    with ThreadPoolExecutor(3) as together:
        stored = together.submit(_databases, supervisor, plan, parts)
        issuing = together.submit(_issuer, supervisor, plan, overlay)
        clouded = together.submit(_aws, supervisor, plan, accounts, parts, overlay)
        stored.result()
        issuer, (endpoint, built) = issuing.result(), clouded.result()
    admin = supervisor.postgres.admin()
    asyncio.run(databases.enrol(admin, plan, issuer, _second_factors(plan)))
    settings = _api_settings(supervisor.postgres, plan, accounts, built, issuer, endpoint, overlay)
    asyncio.run(seed(settings, plan, parts))
    api = supervisor.child("api", settings)
    cluster = supervisor.postgres
    where = Addresses(
        api=api.url,
        issuer=issuer,
        aws=endpoint,
        database=(cluster.host, cluster.port),
        database_ca=str(cluster.ca_file),
    )
    return profile(plan, accounts, built, where, SecretFiles(supervisor.rundir / "secrets"))


def _databases(supervisor: Supervisor, plan: Plan, parts: Parts) -> None:
    server, doors = supervisor.postgres, parts.doors()
    server.start()
    server.allow(doors.logins(plan))
    asyncio.run(databases.build(server.admin(), plan, doors))


def _issuer(supervisor: Supervisor, plan: Plan, overlay: str) -> str:
    issuers = {tenant.id: tuple(_client(person) for person in tenant.principals) for tenant in plan.tenants}
    issuers[VENDOR] = tuple(_client(person) for person in (*plan.support, plan.operator))
    settings = IssuerSettings(audience=AUDIENCE, issuers=issuers, admin_secret=plan.admin_secret, overlay=overlay)
    return supervisor.child("issuer", settings).url


def _aws(
    supervisor: Supervisor, plan: Plan, accounts: aws.AwsAccounts, parts: Parts, overlay: str
) -> tuple[str, Mapping[str, aws.TenantAws]]:
    identities = tuple(
        AwsIdentity(access_key_id=user.access_key_id, secret_access_key=user.secret_access_key, arn=user.arn)
        for user in accounts.everyone()
    )
    endpoint = supervisor.child("aws", AwsSettings(identities=identities, overlay=overlay)).url
    return endpoint, aws.build(endpoint, plan, accounts, parts)


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
        issuers=(*(tenant.id for tenant in plan.tenants), VENDOR),
        tenants=tuple(_tenant_settings(cluster, plan, tenant, built[tenant.id]) for tenant in plan.tenants),
        control=_login(cluster, databases.CONTROL, databases.CONTROL, plan.control_password),
        vendor_trail_key=plan.trail_keys[VENDOR],
        aws=AwsClientSettings(
            endpoint=endpoint,
            access_key_id=accounts.workload.access_key_id,
            secret_access_key=accounts.workload.secret_access_key,
        ),
        cursor_key=plan.cursor_key,
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
    )


def _login(cluster: _Cluster, database: str, user: str, password: str) -> DatabaseSettings:
    return DatabaseSettings(
        host=cluster.host, port=cluster.port, database=database, user=user, password=password, ca=cluster.ca
    )
