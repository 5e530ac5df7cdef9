"""The target profile of a deployment that was just built; secrets go into files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venturi.provision.aws import AwsAccounts, TenantAws
from venturi.provision.factors import credential_of
from venturi.provision.keys import SUPPORT_ROLE
from venturi.provision.plan import (
    AUDIENCE,
    CONFORMANCE,
    DRILL,
    ENCRYPTION_KEY_ALIAS,
    HOME_REGION,
    ROTATION,
    VENDOR,
    VENDOR_ACCOUNT,
    AwsUser,
    Plan,
    PrincipalPlan,
    TenantPlan,
)
from venturi.provision.surroundings import EXPORTS
from venturi.settings import SupportSettings
from venturi.streams.build import Streams
from venturi.streams.settings import StreamLogin
from venturi.streams.tenancy import SUPPORT
from venturi.trail.checkpoint import origin_of, verifier_key
from venturi.trail.heads import ORIGIN as HEADS

Table: TypeAlias = dict[str, Any]
"""A TOML table on its way out; its values are strings, numbers, lists and tables."""

_CONTRACT = Path(__file__).parents[3] / "fixtures" / "contract" / "openapi.yaml"
MISMATCH = {"error": "TENANT_MISMATCH", "message": "Token tenant does not match the requested tenant."}


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of the deployment listen."""

    api: str
    issuer: str
    aws: str
    database: tuple[str, int]
    """Host and port."""
    database_ca: str
    """File with the certificate (PEM) that the database shows."""
    databases: dict[str, tuple[str, int, str]] = {}
    """Tenant to host, port and certificate of its own cluster, where that is another."""
    logs: str = ""
    """Folder of the processes' logs, if there are any."""
    brokers: list[str] = []
    """host:port of the event streams' broker, where there is one."""
    files: list[str] = []
    """Where the databases keep their pages and the processes their logs."""


class SecretFiles:
    """Writes secrets one to a file, readable by the owner alone, and hands back the profile's reference to it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder

    def keep(self, name: str, secret: str) -> Table:
        """Write `secret` and return `{file: path}`."""
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(secret)
        return {"file": str(path)}


def profile(
    plan: Plan, accounts: AwsAccounts, built: Mapping[str, TenantAws], where: Addresses, secrets: SecretFiles
) -> Table:
    """The profile as a TOML-able table (schema tenantproof.profile/1)."""
    return {
        "schema": "tenantproof.profile/1",
        "target": {
            "name": "venturi, embedded",
            "base_url": where.api,
            "identity": {
                "path": "/.well-known/venturi-deployment",
                "expect": {"product": "venturi", "deployment": plan.deployment},
            },
        },
        "safety": {
            "hosts": [urlsplit(url).netloc for url in (where.api, where.issuer, where.aws)] + where.brokers,
            "requests_per_second": 0.0,
            "connections": 24,
            "timeout_seconds": 10.0,
            "allow_writes": True,
            "allow_destructive": True,
            "allow_listener": True,
        },
        "http": {**_http(), "heads_key": _key_of(HEADS, plan.trail_keys[VENDOR])},
        "logs": [where.logs] if where.logs else [],
        "tokens": _tokens(plan, where.issuer, secrets),
        "aws": {
            "endpoint": where.aws,
            "region": HOME_REGION,
            "workload": _aws_user(accounts.workload, "workload", secrets),
            "auditor": _aws_user(accounts.vendor_auditor, "vendor.auditor", secrets),
            "laboratory": _aws_user(accounts.laboratory, "laboratory", secrets),
            "disposable_keys": True,
            "export_prefix": EXPORTS,
        },
        "support": _support(plan, where.issuer, secrets),
        "aggregation": _aggregation(plan, where, secrets),
        "erasure": _erasure(plan, accounts, built, where, secrets),
        "links": {
            "operation": _operation("POST", "/v1/tenants/{tenant}/exports"),
            "body": {"link_seconds": 60},
            "brief": {"link_seconds": 1},
            "seconds": 1.0,
        },
        "tenants": [
            {
                **_tenant(tenant, built[tenant.id], accounts.auditors[tenant.id], where, secrets),
                "trail_key": _trail_key(tenant.id, plan.trail_keys[tenant.id]),
            }
            for tenant in plan.tenants
            if not tenant.is_drill
        ],
    }


def stream_tables(streams: Streams, secrets: SecretFiles) -> Table:
    """The tables of a deployment that has event streams."""
    ca = secrets.keep("kafka.pem", streams.ingest.broker.ca)["file"]
    tenants = {
        tenant: {
            "topic": writer.topic,
            "group": streams.resolver.consumers[tenant].group,
            "producer": _stream_login(writer, secrets),
            "consumer": _stream_login(streams.resolver.consumers[tenant], secrets),
        }
        for tenant, writer in streams.ingest.producers.items()
        if tenant != DRILL
    }
    return {
        "kafka": {
            "bootstrap": streams.broker.address,
            "ca": ca,
            "tenants": tenants,
            "auditor": _stream_login(streams.auditor, secrets),
            "support": [SUPPORT],
        },
        "resolution": {"writer": "collector", "reader": "reader"},
    }


def planted_event(streams: Streams) -> Table:
    """How a subject of the tenant for drills comes into its stream, and where that lies."""
    touchpoint = {"kind": "touchpoint", "id": "{canary}", "subject_id": "{subject}", "channel": "search"}
    return {
        "operation": _operation("POST", "/v1/tenants/{tenant}/events"),
        "body": {"events": [{**touchpoint, "occurred_at": "2026-01-01T00:00:00Z"}]},
        "principal": "collector",
        "files": [str(streams.broker.data)],
    }


def _stream_login(login: StreamLogin, secrets: SecretFiles) -> Table:
    return {"user": login.user, "password": secrets.keep(f"{login.user}.kafka", login.password)}


def _erasure(
    plan: Plan, accounts: AwsAccounts, built: Mapping[str, TenantAws], where: Addresses, secrets: SecretFiles
) -> Table:
    root, (drill,) = "/v1/tenants/{tenant}", [tenant for tenant in plan.tenants if tenant.is_drill]
    tenant = _tenant(drill, built[drill.id], accounts.auditors[drill.id], where, secrets)
    tenant["aws"]["keyadmin"] = _aws_user(accounts.key_admins[drill.id], f"{drill.id}.keyadmin", secrets)
    return {
        "tenant": tenant,
        "operations": {
            "write": _operation("POST", f"{root}/imports"),
            "shred": _operation("DELETE", f"{root}/subjects/{{id}}"),
            "begin": _operation("POST", f"{root}/erasure"),
            "certificates": _operation("GET", f"{root}/erasure/certificates"),
            "export": _operation("POST", f"{root}/exports"),
        },
        "files": where.files,
        "template": {"touchpoint": "drill", "conversion": "drill", "channel": "search", "weight": 1.0},
    }


def _http() -> Table:
    root = "/v1/tenants/{tenant}"
    return {
        **({"contract": str(_CONTRACT)} if _CONTRACT.is_file() else {}),
        "operations": {
            "read": _operation("GET", f"{root}/attributions/{{id}}"),
            "list": _operation("GET", f"{root}/attributions"),
            "model": _operation("GET", f"{root}/scoring/model"),
            "score": _operation("POST", f"{root}/scoring/scores"),
            "scoring_settings": _operation("GET", f"{root}/scoring/settings"),
            "configure_scoring": _operation("PUT", f"{root}/scoring/settings"),
            "trail": _operation("GET", f"{root}/audit/events"),
            "ingest": _operation("POST", f"{root}/events"),
            "write": _operation("POST", f"{root}/imports"),
            "checkpoint": _operation("GET", f"{root}/audit/checkpoint"),
            "inclusion": _operation("GET", f"{root}/audit/proofs/inclusion"),
            "consistency": _operation("GET", f"{root}/audit/proofs/consistency"),
            "heads": _operation("GET", f"{root}/audit/heads"),
        },
        "refusals": {
            "mismatch": {"status": 403, "code": "TENANT_MISMATCH", "body": MISMATCH},
            "token": {"status": 401, "code": "INVALID_TOKEN"},
            "absent": {"status": 404, "code": "NOT_FOUND"},
            "scope": {"status": 403, "code": "INSUFFICIENT_SCOPE"},
            "grant": {"status": 403, "code": "NO_GRANT"},
            "mfa": {"status": 403, "code": "MFA_REQUIRED"},
            "approval": {"status": 403, "code": "NOT_APPROVED"},
            "conflict": {"status": 409, "code": "CONFLICT"},
            "invalid": {"status": 400, "code": "INVALID_REQUEST"},
            "key": {"status": 503, "code": "KEY_UNAVAILABLE"},
        },
    }


def _tokens(plan: Plan, issuer: str, secrets: SecretFiles) -> Table:
    names = [tenant.id for tenant in plan.tenants] + ["venturi", CONFORMANCE, ROTATION]
    return {
        "test_key": {
            "issuer": f"{issuer}/issuers/{CONFORMANCE}",
            "subject": plan.examiner.subject,
            "tenant": plan.examiner.tenant,
            "key": secrets.keep("conformance.pem", plan.examiner_key),
            "rsa_key": secrets.keep("conformance-rsa.pem", plan.examiner_rsa_key),
            "claims": {"client_id": plan.examiner.client_id, "scope": " ".join(plan.examiner.scopes)},
        },
        "rotation": {
            "tenant": plan.turner.tenant,
            "principal": _principal(plan.turner, issuer, secrets),
            "url": f"{issuer}/issuers/{ROTATION}/admin/rotate",
            "secret": secrets.keep("rotation.secret", plan.turning_secret),
        },
        "audience": AUDIENCE,
        "jwks": {f"{issuer}/issuers/{name}": f"{issuer}/issuers/{name}/jwks" for name in names},
    }


def _support(plan: Plan, issuer: str, secrets: SecretFiles) -> Table:
    asks, answers = "/v1/support/requests", "/v1/tenants/{tenant}/support/requests/{id}"
    return {
        "max_seconds": 3600,
        "shortest_seconds": 1,
        "arns": [f"arn:aws:iam::{VENDOR_ACCOUNT}:role/{SUPPORT_ROLE}"],
        "notice_word": "activated",
        "principals": {person.name: _principal(person, issuer, secrets) for person in plan.support},
        "operations": {
            "request": _operation("POST", asks),
            "state": _operation("GET", f"{asks}/{{id}}"),
            "challenge": _operation("POST", f"{asks}/{{id}}/challenges"),
            "activate": _operation("POST", f"{asks}/{{id}}/activate"),
            "approve": _operation("POST", f"{answers}/approve"),
            "deny": _operation("POST", f"{answers}/deny"),
            "withdraw": _operation("POST", f"{asks}/{{id}}/withdraw"),
            "revoke": _operation("POST", f"{answers}/revoke"),
        },
    }


def _aggregation(plan: Plan, where: Addresses, secrets: SecretFiles) -> Table:
    tenant, releases = "/v1/tenants/{tenant}/aggregation", "/v1/aggregation/{jurisdiction}"
    return {
        "operator": _principal(plan.operator, where.issuer, secrets),
        "operations": {
            "state": _operation("GET", f"{tenant}/consent"),
            "give": _operation("PUT", f"{tenant}/consent"),
            "revoke": _operation("DELETE", f"{tenant}/consent"),
            "contribute": _operation("POST", f"{tenant}/contribute"),
            "releases": _operation("GET", f"{releases}/releases"),
            "release": _operation("GET", f"{releases}/releases/{{id}}"),
            "run": _operation("POST", f"{releases}/runs"),
            "train": _operation("POST", "/v1/scoring/trainings"),
        },
        "refusals": {
            "consent": {"status": 403, "code": "NO_CONSENT"},
            "release": {"status": 409, "code": "NO_RELEASE"},
            "absent": {"status": 404, "code": "NOT_FOUND"},
        },
        "stores": {
            store.jurisdiction: {
                kind: _login(
                    where, store.database, store.role(kind), secrets.keep(store.role(kind), store.passwords[kind])
                )
                for kind in ("auditor", "pipeline", "egress")
            }
            for store in plan.stores
        },
    }


def _tenant(tenant: TenantPlan, built: TenantAws, auditor: AwsUser, where: Addresses, secrets: SecretFiles) -> Table:
    return {
        "id": tenant.id,
        "name": tenant.name,
        "region": tenant.region,
        "jurisdiction": tenant.jurisdiction,
        "disposable": True,
        "account": tenant.account,
        "key_arn": built.key_arn,
        "key_alias": ENCRYPTION_KEY_ALIAS,
        "notices": built.queue_url,
        "bucket": built.bucket,
        "database_instance": built.database_instance,
        "principals": {person.name: _principal(person, where.issuer, secrets) for person in tenant.principals},
        "aws": {"auditor": _aws_user(auditor, f"{tenant.id}.auditor", secrets)},
        "database": _database(tenant, where, secrets),
        "service_roles": [tenant.app_role, tenant.guard_role],
        "records": [{"id": record.id, "canary": record.canary} for record in tenant.records],
    }


def _database(tenant: TenantPlan, where: Addresses, secrets: SecretFiles) -> Table:
    password = secrets.keep(f"{tenant.id}.database", tenant.app_password)
    host, port, ca = where.databases.get(tenant.id, (*where.database, where.database_ca))
    return {**_login(where, tenant.database, tenant.app_role, password), "host": host, "port": port, "ca": ca}


def _login(where: Addresses, database: str, role: str, password: Table) -> Table:
    return {
        "host": where.database[0],
        "port": where.database[1],
        "database": database,
        "user": role,
        "password": password,
        "ca": where.database_ca,
    }


def _principal(person: PrincipalPlan, issuer: str, secrets: SecretFiles) -> Table:
    table: Table = {
        "client": {
            "url": f"{issuer}/issuers/{person.issuer}/token",
            "client_id": person.client_id,
            "client_secret": secrets.keep(f"{person.client_id}.secret", person.client_secret),
            "scope": " ".join(person.scopes),
        }
    }
    if person.mfa_key:
        key = secrets.keep(f"{person.client_id}.mfa.pem", person.mfa_key)
        table["mfa"] = {"kind": "assertion-es256", "key": key}
    if person.totp:
        table["mfa"] = {"kind": "totp", "key": secrets.keep(f"{person.client_id}.totp", person.totp)}
    if person.passkey:
        table["mfa"] = {
            "kind": "webauthn",
            "key": secrets.keep(f"{person.client_id}.passkey.pem", person.passkey),
            "credential": credential_of(person),
            "relying_party": SupportSettings().relying_party,
            "origin": SupportSettings().origin,
        }
    return table


def _aws_user(user: AwsUser, name: str, secrets: SecretFiles) -> Table:
    return {
        "arn": user.arn,
        "access_key_id": user.access_key_id,
        "secret_access_key": secrets.keep(f"{name}.aws", user.secret_access_key),
    }


def _trail_key(tenant: str, private_pem: str) -> str:
    return _key_of(origin_of(tenant, 1), private_pem)


def _key_of(name: str, private_pem: str) -> str:
    """The public half, as the note tools write it."""
    key = load_pem_private_key(private_pem.encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return verifier_key(name, key.public_key())


def _operation(method: str, path: str) -> Table:
    return {"method": method, "path": path}
