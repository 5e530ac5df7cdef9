"""The thin layer over the support desk: who may come in, what is passed on, and how refusals are worded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.served import Service
from tests.api.test_isolation import traced
from venturi.support.errors import SupportError, refusal

ASKS = "/v1/support/requests"
ANSWERS = "/v1/tenants/alder/support/requests"
FACTOR = {"challenge": "Yw", "signature": "cw"}
STEPS: list[tuple[str, str, str, Any]] = [
    ("support-1", "challenge", f"{ASKS}/req_1/challenges", {"verb": "activate"}),
    ("support-1", "activate", f"{ASKS}/req_1/activate", {"mfa": FACTOR}),
    ("support-1", "withdraw", f"{ASKS}/req_1/withdraw", None),
    ("support-1", "revoke", f"{ASKS}/req_1/revoke", {}),
    ("approver", "approve", f"{ANSWERS}/req_1/approve", {"digest": "d", "mfa": FACTOR}),
    ("approver", "deny", f"{ANSWERS}/req_1/deny", None),
    ("approver", "revoke", f"{ANSWERS}/req_1/revoke", None),
]
ASK = {
    "tenant_id": "alder",
    "scope": ["attributions:read"],
    "duration_seconds": 60,
    "reason": "a listing stays empty",
    "ticket": "TICKET-1",
}


def as_(name: str) -> str:
    return "venturi" if name.startswith("support") else "alder"


@pytest.mark.parametrize(("name", "step", "path", "body"), STEPS)
def test_every_step_is_passed_to_the_desk(api: Service, name: str, step: str, path: str, body: Any) -> None:
    answer = api.send("POST", path, as_(name), name, json=body)
    assert (answer.status_code, answer.json()) == (200, api.behind.desk.answer)
    ((asked, arguments),) = api.behind.desk.asked
    assert asked == step
    assert arguments[0].id == f"{as_(name)}.{name}"
    assert "req_1" in arguments


@pytest.mark.parametrize(
    "refused",
    [
        refusal("CONFLICT", "as told"),
        refusal("MFA_REQUIRED", "as told"),
        refusal("NOT_APPROVED", "as told"),
        refusal("NOT_FOUND", "as told"),
        refusal("INVALID_REQUEST", "as told"),
        refusal("NOTICE_UNAVAILABLE", "as told"),
    ],
    ids=lambda refused: str(refused.code),
)
@pytest.mark.parametrize(("name", "step", "path", "body"), STEPS)
def test_a_refusal_of_the_desk_is_worded_here(
    api: Service, name: str, step: str, path: str, body: Any, refused: SupportError
) -> None:
    api.behind.desk.refuses = refused
    trace, parent = traced(32)
    answer = api.send("POST", path, as_(name), name, json=body, traceparent=parent)
    assert (answer.status_code, answer.json()["error"]) == (refused.status, refused.code)
    assert api.events(as_(name), trace)[-1]["decision"]["rule"] == refused.code


def test_a_request_is_asked_for(api: Service) -> None:
    answer = api.send("POST", ASKS, "venturi", "support-1", json=ASK)
    assert answer.status_code == 201
    ((_, arguments),) = api.behind.desk.asked
    assert arguments[1:6] == ("alder", ["attributions:read"], 60, ASK["reason"], ASK["ticket"])
    assert api.send("POST", ASKS, "venturi", "support-1", json={**ASK, "tenant_id": "cedar"}).status_code == 404
    assert api.send("POST", ASKS, "venturi", "support-1", json={**ASK, "duration_seconds": "60"}).status_code == 400


def test_requests_can_be_looked_at(api: Service) -> None:
    assert api.get(f"{ASKS}/req_1", "venturi", "support-1").json() == api.behind.desk.answer
    assert api.get(ANSWERS, "alder", "approver").json() == {"items": [api.behind.desk.answer]}


def test_the_vendor_cannot_answer_for_the_tenant_nor_read_its_trail(api: Service) -> None:
    for path in (f"{ANSWERS}/req_1/approve", "/v1/tenants/alder/audit/events"):
        for method in ("GET", "POST"):
            answer = api.send(method, path, "venturi", "support-1")
            assert (answer.status_code, answer.json()["error"]) == (403, "TENANT_MISMATCH")
    assert not api.behind.desk.asked


def test_a_tenant_cannot_ask_for_support_access(api: Service) -> None:
    assert api.send("POST", ASKS, "alder", "approver", json=ASK).json()["error"] == "INSUFFICIENT_SCOPE"


@pytest.mark.parametrize("tenant", ["alder", "birch", "cedar"])
@pytest.mark.parametrize("grant", [None, "req_none", "%00", "req_birch"])
def test_support_has_no_standing_access(api: Service, tenant: str, grant: str | None) -> None:
    api.behind.desk.grants["req_birch"] = ("venturi.support-1", "somebody")
    trace, parent = traced(33)
    headers = {"Support_Grant": grant} if grant else {}
    answer = api.get(f"/v1/tenants/{tenant}/attributions", "venturi", "support-1", traceparent=parent, **headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "NO_GRANT")
    if tenant != "cedar":
        event = api.events(tenant, trace)[-1]
        assert event["decision"]["rule"] == "NO_GRANT"
        assert event["actor"] == {"type": "support"}


def test_a_grant_lets_in_and_stands_in_both_trails(api: Service) -> None:
    api.behind.desk.grants["req_1"] = ("venturi.support-1", "alder")
    trace, parent = traced(34)
    path = "attributions/att_alder_0"
    granted = {"traceparent": parent, "Support_Grant": "req_1"}
    answer = api.get(f"/v1/tenants/alder/{path}", "venturi", "support-1", **granted)
    assert answer.json()["note"] == "cnry-alder-0"
    for home in ("alder", "venturi"):
        (event,) = api.events(home, trace)
        assert event["actor"]["person"] == "p:venturi.support-1"
        assert (event["grant"]["request_id"], event["grant"]["ticket"]) == ("req_1", "T-1")
    assert api.get(f"/v1/tenants/birch/{path}", "venturi", "support-1", Support_Grant="req_1").status_code == 403


def test_a_grant_that_cannot_be_recorded_with_the_tenant_shows_nothing(api: Service) -> None:
    api.behind.desk.grants["req_1"] = ("venturi.support-1", "alder")
    api.behind.trails["alder"].broken = True
    answer = api.get("/v1/tenants/alder/attributions", "venturi", "support-1", Support_Grant="req_1")
    assert answer.status_code == 503
    assert "cnry" not in answer.text


def test_a_grant_does_nothing_for_a_tenants_own_people(api: Service) -> None:
    api.behind.desk.grants["req_1"] = ("alder.reader", "birch")
    assert api.get("/v1/tenants/birch/attributions", Support_Grant="req_1").json()["error"] == "TENANT_MISMATCH"
