"""The contract under generated requests (schemathesis, all its checks and ours): no fault, and nobody gets across.

Every operation is asked by somebody whom it lets in, on the paths of their own tenant and on those of another one, with
requests that fit the contract and with ones that don't. `--effort N` tries that many examples per operation instead of
the few of CI.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, CheckContext, CheckFunction, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fuzz.callers import Callers, wrong_in
from fuzz.providers import Other, Own, exchange
from tenantproof.clients.canaries import stands_in
from tenantproof.clients.exchange import Answer
from tenantproof.clients.target import Target
from tenantproof.probes.sighting import refusal_name

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
    """Everybody who may ask on the paths of the last tenant, of whom other tests want the least."""
    Own.callers, Other.callers = (Callers(target, target.profile.tenants[place].id) for place in (-1, 0))
    Own.callers.prepare()
    return Own.callers


def no_foreign_canary(asking: str) -> CheckFunction:
    """A check: nothing planted at another tenant than the one that asks comes back."""

    def check(context: CheckContext, response: Response, case: Case[Any]) -> None:
        del context
        for tenant, canaries in Own.callers.target.canaries.items():
            came = [canary for canary in canaries if tenant != asking and stands_in(canary, response.content)]
            assert not came, f"{case.method} {case.path} gave {asking} what is {tenant}'s"

    return check


def nobody_gets_across(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """A check: another tenant is refused, by name where nothing else is wrong with the request."""
    del context
    assert not 200 <= response.status_code < 300, f"{case.method} {case.path} let {Other.callers.tenant} in"
    if not any(wrong_in(case, place) for place in (ParameterLocation.HEADER, ParameterLocation.PATH)):
        answer = Answer(status=response.status_code, body=response.content)
        seen = refusal_name(answer, Other.callers.target.profile.http)
        assert seen == "mismatch", f"{response.status_code} {response.content[:200]!r} is no refusal of a mismatch"


@schema.auth(Own, refresh_interval=None)
@schema.parametrize()
@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_contract(case: Case[Any], target: Target, callers: Callers) -> None:
    if case.operation.definition.raw["operationId"] == "acceptEvents" and target.profile.kafka is None:
        pytest.skip("there are no event streams here, and the service says so: 503")
    response = ask(case, callers)
    case.validate_response(
        response,
        additional_checks=[no_foreign_canary(Own.callers.tenant)],
        excluded_checks=[positive_data_acceptance] if is_more_than_shape(case) else [],
    )


@schema.auth(Other, refresh_interval=None)
@schema.include(path_regex=r"/tenants/\{tenant_id\}").parametrize()
@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_of_another_tenant_gets_across(case: Case[Any], callers: Callers) -> None:
    response = ask(case, callers)
    case.validate_response(
        response, checks=[not_a_server_error, no_foreign_canary(Other.callers.tenant), nobody_gets_across]
    )


def is_more_than_shape(case: Case[Any]) -> bool:
    """Whether a request may be refused although it has the shape that the contract asks for."""
    said = MORE_THAN_SHAPE.get(case.operation.definition.raw["operationId"], "")
    return said == BODY or said in (case.query or {})


def ask(case: Case[Any], callers: Callers) -> Response:
    """Send a case, for what is there as often as for what is not. What is wrong with it on purpose is left as it is."""
    if not wrong_in(case, ParameterLocation.PATH):
        aim(case, callers)
    exchange(case)
    return case.call(base_url=callers.target.profile.target.base_url)


def aim(case: Case[Any], callers: Callers) -> None:
    """Point the request at the tenant of `callers`, and half of the time at something that is there."""
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
