"""Profiles of small targets on the loopback, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tenantproof.model.profile import Profile

CANARIES = {
    "acme": "cnry-aaaaaaaaaaaaaaaaaaaaaaaa",
    "acme-eu": "cnry-bbbbbbbbbbbbbbbbbbbbbbbb",
    "globex": "cnry-cccccccccccccccccccccccc",
}
MISMATCH = {"error": "TENANT_MISMATCH", "message": "Token tenant does not match the requested tenant."}


def profile_of(
    host: str, principals: Mapping[str, Mapping[str, Any]], *, issuer: str = "", more: Mapping[str, Any] | None = None
) -> Profile:
    """A profile of three tenants at `host`; `principals` gives the reader of each. Any: it is TOML-able."""
    root = "/v1/tenants/{tenant}"
    table: dict[str, Any] = {
        "schema": "tenantproof.profile/1",
        "target": {
            "name": "fake",
            "base_url": f"http://{host}",
            "identity": {"path": "/identity", "expect": {"product": "fake", "deployment": "one"}},
        },
        "safety": {"hosts": [host], "requests_per_second": 0, "timeout_seconds": 5, "allow_listener": True},
        "http": {
            "operations": {
                "read": {"method": "GET", "path": f"{root}/attributions/{{id}}"},
                "list": {"method": "GET", "path": f"{root}/attributions"},
                "trail": {"method": "GET", "path": f"{root}/audit/events"},
            },
            "refusals": {
                "mismatch": {"status": 403, "code": "TENANT_MISMATCH", "body": MISMATCH},
                "token": {"status": 401, "code": "INVALID_TOKEN"},
                "absent": {"status": 404, "code": "NOT_FOUND"},
            },
        },
        "tokens": {
            "audience": "https://api.fake.example",
            "jwks": {
                f"{issuer or f'http://{host}'}/issuers/{tenant}": f"http://{host}/issuers/{tenant}/jwks"
                for tenant in CANARIES
            },
        },
        "tenants": [
            {
                "id": tenant,
                "principals": {"reader": principals[tenant]},
                "records": [{"id": f"att_{index:016x}", "canary": canary}],
            }
            for index, (tenant, canary) in enumerate(CANARIES.items(), start=0xA1B2)
        ],
        **(more or {}),
    }
    return msgspec.convert(table, Profile)


def client_of(host: str, tenant: str, env: str) -> dict[str, Any]:
    """A reader by client credentials, whose secret is in the environment variable `env`."""
    url = f"http://{host}/issuers/{tenant}/token"
    return {"client": {"url": url, "client_id": f"{tenant}.reader", "client_secret": {"env": env}}}
