"""What is asked of a request before anything is looked up: one token in one place, a scope, a method, a body."""

from __future__ import annotations

import pytest

from tests.api.served import Service
from tests.api.test_isolation import traced

PATH = "/v1/tenants/alder/attributions"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer  x", "Basic YTpi", "bearer a b", "Bearer \u00e9", "token", "Bearer a,Bearer b"],
)
def test_every_fault_of_a_token_has_one_answer(api: Service, header: str) -> None:
    trace, parent = traced(16)
    before = api.size("alder")
    answer = api.raw(PATH, ("Authorization", header), ("traceparent", parent))
    garbled = api.raw(PATH, ("Authorization", f"Bearer {api.token('alder')[:-4]}AAAA"))
    assert answer.status_code == garbled.status_code == 401
    assert answer.content == garbled.content
    assert answer.json()["error"] == "INVALID_TOKEN"
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "audit-receipt" not in answer.headers
    assert api.size("alder") == before
    assert api.events("venturi", trace)[-1]["actor"] == {"type": "unauthenticated"}


def test_a_request_without_a_token_is_told_so(api: Service) -> None:
    for path in (PATH, "/v1/tenants/cedar/attributions", "/v1/support/requests", "/nothing"):
        answer = api.raw(path)
        assert (answer.status_code, answer.json()["error"]) == (401, "MISSING_TOKEN")


def test_a_token_for_another_audience_or_of_an_unknown_subject_is_a_fault_too(api: Service) -> None:
    for token in (
        api.token("alder", audience="https://elsewhere.example"),
        api.token("alder", "stranger"),
    ):
        answer = api.raw(PATH, ("Authorization", f"Bearer {token}"))
        assert (answer.status_code, answer.json()["error"]) == (401, "INVALID_TOKEN")


def test_two_tokens_are_refused(api: Service) -> None:
    one, other = (("Authorization", f"Bearer {api.token(who)}") for who in ("alder", "birch"))
    for pair in ((one, other), (other, one), (one, one)):
        answer = api.raw(PATH, *pair)
        assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("name", ["Support-Grant", "Content-Type"])
def test_a_header_that_decides_something_stands_once(api: Service, name: str) -> None:
    bearer = ("Authorization", f"Bearer {api.token('alder')}")
    assert api.raw(PATH, bearer, (name, "a")).status_code == 200
    assert api.raw(PATH, bearer, (name, "a"), (name, "a")).status_code == 400


@pytest.mark.parametrize("with_header", [True, False])
def test_a_token_in_the_query_is_refused(api: Service, with_header: bool) -> None:
    headers = [("Authorization", f"Bearer {api.token('alder')}")] if with_header else []
    answer = api.raw(f"{PATH}?access_token={api.token('alder')}", *headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")


def test_a_scope_that_the_token_lacks_is_missed(api: Service) -> None:
    for path, name in ((PATH, "approver"), ("/v1/tenants/alder/support/requests", "reader")):
        answer = api.get(path, name=name)
        assert (answer.status_code, answer.json()["error"]) == (403, "INSUFFICIENT_SCOPE")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE"])
def test_another_method_is_not_allowed_on_ones_own_path(api: Service, method: str) -> None:
    answer = api.send(method, PATH)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


def test_a_body_where_none_belongs_is_refused(api: Service) -> None:
    assert api.send("GET", PATH, json={"tenant_id": "birch"}).status_code == 400


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x" * 65_537, "application/json", 413),
        (b"{}", "text/plain", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"verb":"approve","verb":"activate"}', "application/json", 400),
        (b'{"verb":"revoke"}', "application/json", 400),
        (b'{"verb":"activate","tenant_id":"birch"}', "application/json", 400),
        (b'{"verb":NaN}', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"", "application/json", 400),
    ],
)
def test_a_body_that_is_not_what_is_needed_is_refused(api: Service, content: bytes, kind: str, status: int) -> None:
    answer = api.raw(
        "/v1/support/requests/req_1/challenges",
        ("Authorization", f"Bearer {api.token('venturi', 'support-1')}"), ("Content-Type", kind),
        method="POST", content=content,
    )  # fmt: skip
    assert answer.status_code == status
    assert not api.behind.desk.asked


def test_anybody_may_ask_whether_it_lives_and_which_it_is(api: Service) -> None:
    assert api.raw("/healthz").json() == {"status": "ok"}
    assert api.raw("/readyz").json() == {"status": "ready"}
    identity = api.raw("/.well-known/venturi-deployment").json()
    assert identity == {"product": "venturi", "deployment": "d", "environment": "embedded", "version": "1"}
    assert api.raw("/healthz", method="POST").status_code == 405


def test_a_trail_can_be_read_by_its_own_tenant(api: Service) -> None:
    trace, parent = traced(17)
    api.get(PATH, traceparent=parent)
    found = api.get(f"/v1/tenants/alder/audit/events?trace_id={trace}&limit=1").json()
    assert found["events"][0]["event"]["trace"]["trace_id"] == trace
    assert found["size"] == api.size("alder") - 1
    first = api.get("/v1/tenants/alder/audit/events?limit=1").json()
    assert first["next"] == 0
    assert api.get("/v1/tenants/alder/audit/events?after=0&limit=1").json()["events"][0]["seq"] == 1


def test_a_trail_proves_itself(api: Service) -> None:
    root = "/v1/tenants/alder/audit"
    note = api.get(f"{root}/checkpoint")
    assert note.headers["content-type"].startswith("text/plain")
    size = int(note.text.splitlines()[1])
    assert api.get(f"{root}/proofs/inclusion?seq=0&size={size}").status_code == 200
    assert api.get(f"{root}/proofs/consistency?from=1&to={size}").json()["to"] == size
    for wrong in (f"inclusion?seq={size}&size={size}", "inclusion?seq=0", "consistency?from=0&to=1", "inclusion"):
        assert api.get(f"{root}/proofs/{wrong}").status_code == 400
