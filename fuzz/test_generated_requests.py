"""The contract under generated requests (schemathesis): no answer outside it, and no foreign canary in any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case

from tenantproof.clients.canaries import stands_in
from tenantproof.clients.target import Target

CONTRACT = Path(__file__).parents[1] / "fixtures/contract/openapi.yaml"
schema = schemathesis.openapi.from_path(CONTRACT)


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_contract(case: Case[Any], target: Target) -> None:
    own = target.profile.tenants[0]
    headers = {"Authorization": f"Bearer {target.bearer(own.id)}"}
    response = case.call(base_url=target.profile.target.base_url, headers=headers)
    for tenant in target.profile.tenants[1:]:
        for record in tenant.records:
            assert not stands_in(record.canary, response.content), f"{case.method} {case.path} leaked to {own.id}"
    case.validate_response(response)


@pytest.mark.parametrize("operation", ["read", "list"])
def test_the_profiles_operations_are_in_the_contract(operation: str, target: Target) -> None:
    wanted = target.profile.http.operations[operation]
    paths = CONTRACT.read_text(encoding="utf-8")
    assert wanted.path.replace("{tenant}", "{tenant_id}") in paths
