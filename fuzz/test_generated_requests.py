"""The contract under generated requests (schemathesis, all its checks): nothing else, no fault, no foreign canary.

Every operation is asked by somebody whom it lets in, under its own tenant's path, with requests that fit the contract
and with ones that don't. `--effort N` tries that many examples per operation instead of the few of CI.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, Response
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fuzz.callers import Callers
from tenantproof.clients.canaries import stands_in
from tenantproof.clients.target import Target

CONTRACT = Path(__file__).parents[1] / "fixtures/contract/openapi.yaml"
schema = schemathesis.openapi.from_path(CONTRACT)
BODY = "(body)"
MORE_THAN_SHAPE = {
    # A cursor is good only if we made it; a proof is of a tree that the trail has had; an event has an id of its own,
    # and an instant that the calendar of every time zone has; what support asks for is weighed against limits.
    "listAttributions": "cursor",
    "proveInclusion": "size",
    "proveConsistency": "to",
    "acceptEvents": BODY,
    "askForSupportAccess": BODY,
}
"""Operation to what can be wrong with it that no schema can say."""


@pytest.fixture(scope="session")
def callers(target: Target) -> Callers:
    """Everybody who may ask."""
    made = Callers(target)
    made.prepare()
    return made


@schema.parametrize()
@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_contract(case: Case[Any], target: Target, callers: Callers) -> None:
    if case.operation.definition.raw["operationId"] == "acceptEvents" and target.profile.kafka is None:
        pytest.skip("there are no event streams here, and the service says so: 503")
    response = ask(case, callers)
    for tenant in target.profile.tenants[:-1]:
        for record in tenant.records:
            assert not stands_in(record.canary, response.content), f"{case.method} {case.path} leaked {tenant.id}'s"
    case.validate_response(response, excluded_checks=[positive_data_acceptance] if is_more_than_shape(case) else [])


def is_more_than_shape(case: Case[Any]) -> bool:
    """Whether a request may be refused although it has the shape that the contract asks for."""
    said = MORE_THAN_SHAPE.get(case.operation.definition.raw["operationId"], "")
    return said == BODY or said in (case.query or {})


def ask(case: Case[Any], callers: Callers) -> Response:
    """Send a case as somebody who may, for what is there as often as for what is not.

    What is wrong with a case on purpose is left as it is.
    """
    headers: dict[str, str] = {}
    if not wrong_in(case, ParameterLocation.HEADER):
        headers = authorized(case, callers)
    if not wrong_in(case, ParameterLocation.PATH):
        aim(case, callers)
    return case.call(base_url=callers.target.profile.target.base_url, headers=headers)


def wrong_in(case: Case[Any], place: ParameterLocation) -> bool:
    """Whether a part of the request is one that the contract rules out."""
    return case.meta is not None and case.meta.is_negative_at(place)


def authorized(case: Case[Any], callers: Callers) -> dict[str, str]:
    """The header that lets the request in, where the operation needs one."""
    operation = case.operation.definition.raw
    return {} if operation.get("security") == [] else {"Authorization": f"Bearer {callers.bearer(operation)}"}


def aim(case: Case[Any], callers: Callers) -> None:
    """Point the request at the caller's own tenant, and half of the time at something that is there."""
    if "tenant_id" in case.path_parameters:
        case.path_parameters["tenant_id"] = callers.tenant
    if "id" in case.path_parameters and len(str(case.path_parameters["id"])) % 2:
        case.path_parameters["id"] = callers.known.get(case.operation.path, case.path_parameters["id"])
    if "jurisdiction" in case.path_parameters:
        case.path_parameters["jurisdiction"] = callers.target.tenant(callers.tenant).jurisdiction


@pytest.mark.parametrize("operation", ["read", "list"])
def test_the_profiles_operations_are_in_the_contract(operation: str, target: Target) -> None:
    wanted = target.profile.http.operations[operation]
    paths = CONTRACT.read_text(encoding="utf-8")
    assert wanted.path.replace("{tenant}", "{tenant_id}") in paths
