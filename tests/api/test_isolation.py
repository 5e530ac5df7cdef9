"""No request of one tenant reaches another, in whatever spelling."""

from __future__ import annotations

import socket

import pytest

from tests.api.served import TENANTS, Service
from venturi.trail.event import RESERVED, _plainly_spelled, hashed

MISMATCH = {"error": "TENANT_MISMATCH", "message": "Token tenant does not match the requested tenant."}
TRACE = "4bf92f3577b34da6a3ce929d0e0e47%02x"
PAIRS = [(actor, target) for actor in TENANTS for target in TENANTS if actor != target]
ROUTES = [
    "attributions/att_{target}_0",
    "attributions/att_nobody_0",
    "attributions",
    "attributions?limit=5",
    "attributions?limit=nonsense",
    "audit/events",
    "audit/checkpoint",
    "audit/proofs/inclusion?seq=0&size=1",
    "audit/proofs/consistency?from=1&to=1",
    "support/requests",
    "support/requests/req_1/approve",
    "nothing/here",
    "",
]


def traced(number: int) -> tuple[str, str]:
    """A trace id and the traceparent that carries it."""
    trace = TRACE % number
    return trace, f"00-{trace}-00f067aa0ba902b7-01"


def test_a_tenant_reads_its_own_record(api: Service) -> None:
    answer = api.get("/v1/tenants/alder/attributions/att_alder_0")
    assert answer.status_code == 200
    assert answer.json()["note"] == "cnry-alder-0"
    assert answer.json().keys() == {
        "id", "subject_id", "touchpoint", "conversion", "channel", "weight", "note", "created_at"
    }  # fmt: skip


@pytest.mark.parametrize(("actor", "target"), PAIRS)
@pytest.mark.parametrize("route", ROUTES)
def test_another_tenants_path_is_refused_with_the_published_body(
    api: Service, actor: str, target: str, route: str
) -> None:
    answer = api.get(f"/v1/tenants/{target}/{route.format(target=target)}", who=actor)
    assert (answer.status_code, answer.json()) == (403, MISMATCH)
    assert "cnry" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "SEARCH", "get"])
def test_another_method_is_no_way_in(api: Service, method: str) -> None:
    answer = api.send(method, "/v1/tenants/birch/attributions/att_birch_0")
    assert answer.status_code == 403
    assert "allow" not in answer.headers


def test_a_tenant_that_does_not_exist_is_refused_alike(api: Service) -> None:
    absent, foreign = api.get("/v1/tenants/cedar/attributions"), api.get("/v1/tenants/birch/attributions")
    assert absent.status_code == foreign.status_code == 403
    assert absent.content == foreign.content
    assert set(absent.headers) == set(foreign.headers)


@pytest.mark.parametrize(
    "segment",
    ["Birch", "BIRCH", "birch.", "birch%20", "b%69rch", "birch;a=alder", "birch%00", "birch%2f", "%62irch", "*", "all",
     "me", "null", "alder%2f..%2fbirch", "alder%252f..%252fbirch", "alder,birch", "alder;birch", "ald%65r", "alder ",
     "", ".", "..", "%2e%2e", "\\birch", "venturi", "alder-", "alde", "alder-eu", "a"],
)  # fmt: skip
def test_a_strange_spelling_of_a_tenant_is_another_tenant(api: Service, segment: str) -> None:
    path = f"/v1/tenants/{segment}/attributions/att_birch_0".replace(" ", "%20")
    answer = api.raw(path, ("Authorization", f"Bearer {api.token('alder')}"))
    assert (answer.status_code, answer.json()) == (403, MISMATCH)


def test_a_path_that_is_not_ascii_leads_nowhere(api: Service) -> None:
    request = f"GET /v1/tenants/b\xefrch/attributions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token('alder')}"
    with socket.create_connection((api.web.base_url.host, api.web.base_url.port or 0)) as wire:
        wire.sendall(f"{request}\r\nConnection: close\r\n\r\n".encode("latin-1"))
        answer = wire.makefile("rb").read()
    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))
    assert b"cnry" not in answer


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/tenants/alder/../birch/attributions", 400),
        ("/v1/tenants/alder/%2e%2e/birch/attributions", 400),
        ("/v1/tenants/alder//attributions", 400),
        ("//v1/tenants/birch/attributions", 400),
        ("/v1//tenants/birch/attributions", 400),
        ("/v1/./tenants/birch/attributions", 400),
        ("/v1%2ftenants/birch/attributions", 400),
        ("/v1/tenants/alder/attributions/att_birch_0%00", 400),
        ("/v1/tenants/alder/attributions/%61tt_alder_0", 400),
        ("/v1/tenants/alder\\..\\birch/attributions", 403),
        ("/v1/tenants/alder/attributions/", 404),
        ("/v1/tenants/alder/attributions.json", 404),
        ("/v1/tenants/alder", 404),
        ("/V1/tenants/birch/attributions", 404),
        ("/v0/tenants/birch/attributions", 404),
        ("/admin/v1/tenants/birch/attributions", 404),
        ("/", 404),
    ],
)
def test_an_ambiguous_path_leads_nowhere(api: Service, path: str, status: int) -> None:
    answer = api.raw(path, ("Authorization", f"Bearer {api.token('alder')}"))
    assert answer.status_code == status
    assert "cnry" not in answer.text


@pytest.mark.parametrize(
    "record", ["att_birch_0", "att_alder-eu_0", "att_alder_99", "0", "a" * 65, "null", "*", "att_alder_0,att_birch_0"]
)
def test_a_known_id_is_not_a_key(api: Service, record: str) -> None:
    answer = api.get(f"/v1/tenants/alder/attributions/{record}")
    if "*" in record or "," in record:
        assert answer.status_code == 400
        return
    assert answer.status_code == 404
    assert answer.json() == {"error": "NOT_FOUND", "message": "No such resource."}


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Tenant_Id": "birch"},
        {"X_Original_URL": "/v1/tenants/birch/attributions"},
        {"X_Rewrite_URL": "/v1/tenants/birch/attributions"},
        {"X_HTTP_Method_Override": "DELETE"},
        {"Host": "birch.example"},
        {"X_Forwarded_Host": "birch.example"},
        {"Baggage": "tenant=birch"},
        {"If_None_Match": "*"},
        {"Range": "bytes=0-10"},
    ],
    ids=str,
)
def test_no_header_leads_elsewhere(api: Service, headers: dict[str, str]) -> None:
    own = api.get("/v1/tenants/alder/attributions/att_alder_0", **headers)
    assert (own.status_code, own.json()["id"]) == (200, "att_alder_0")
    assert api.get("/v1/tenants/birch/attributions/att_birch_0", **headers).status_code == 403


@pytest.mark.parametrize(
    "query",
    ["tenant=birch", "tenant_id=birch", "limit=1&limit=2", "limit=1;limit=2", "limit[]=1", "cursor", "limit=%ff",
     "limit=-1", "limit=0", "limit=101", "limit=1.0", "limit=%D9%A1", "limit=", "limit=01", "Limit=1", "&"],
)  # fmt: skip
def test_a_query_that_is_not_known_is_refused(api: Service, query: str) -> None:
    answer = api.raw(f"/v1/tenants/alder/attributions?{query}", ("Authorization", f"Bearer {api.token('alder')}"))
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")


def test_pages_hold_each_own_record_once(api: Service) -> None:
    seen, cursor = [], ""
    while True:
        page = api.get(f"/v1/tenants/alder/attributions?limit=2{cursor}").json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"att_alder_{number}" for number in range(5)]


def test_a_cursor_is_good_for_its_own_tenant_only(api: Service) -> None:
    cursor = api.get("/v1/tenants/birch/attributions?limit=1", who="birch").json()["next_cursor"]
    assert api.get(f"/v1/tenants/birch/attributions?cursor={cursor}", who="birch").status_code == 200
    assert api.get(f"/v1/tenants/alder/attributions?cursor={cursor}").status_code == 400
    assert api.get(f"/v1/tenants/birch/attributions?cursor={cursor[:-2]}AA", who="birch").status_code == 400


def test_a_refused_attempt_stands_in_both_trails(api: Service) -> None:
    trace, parent = traced(1)
    answer = api.get("/v1/tenants/birch/attributions/att_birch_0", traceparent=parent)
    (own,), (theirs,) = api.events("alder", trace), api.events("birch", trace)
    assert own["log_id"] == theirs["log_id"]
    assert own["actor"]["id"] == "alder.reader"
    assert own["tenant_target"] == theirs["tenant_target"] == "birch"
    for event in (own, theirs):
        assert event["decision"] == {"outcome": "deny", "rule": "TENANT_MISMATCH", "reason": "another tenant"}
        assert event["result"]["http_status"] == 403
        assert event["request"]["route_template"] == "/v1/tenants/{tenant_id}/attributions/{id}"
    assert "alder" not in str(theirs).replace("alder/", "")
    assert answer.headers["audit-receipt"].startswith(f"{own['seq']}.")
    assert not api.events("venturi", trace)


def test_an_attempt_on_a_tenant_that_does_not_exist_is_written_twice_too(api: Service) -> None:
    trace, parent = traced(2)
    api.get("/v1/tenants/cedar/attributions", traceparent=parent)
    assert len(api.events("alder", trace)) == len(api.events("venturi", trace)) == 1


def test_the_event_of_a_refusal_is_spelled_the_quick_way_in_both_trails(api: Service) -> None:
    trace, parent = traced(31)
    api.get("/v1/tenants/birch/attributions/att_birch_0", traceparent=parent)
    for name in ("alder", "birch"):
        (event,) = api.events(name, trace)
        assert _plainly_spelled({member: event[member] for member in event.keys() - RESERVED}, {})


def test_an_answered_request_leaves_one_event_in_its_own_trail(api: Service) -> None:
    trace, parent = traced(3)
    answer = api.get("/v1/tenants/alder/attributions/att_alder_0", traceparent=parent)
    (event,) = api.events("alder", trace)
    assert event["decision"]["outcome"] == "allow"
    assert event["result"]["rows"] == 1
    assert event["trace"]["parent_id"] == "00f067aa0ba902b7"
    assert answer.headers["audit-receipt"].startswith(f"{event['seq']}.")
    assert not [name for name in ("alder-eu", "birch", "venturi") if api.events(name, trace)]


def test_the_trail_keeps_no_value(api: Service) -> None:
    trace, parent = traced(4)
    secret = "cnry-in-the-request"
    api.get(
        f"/v1/tenants/alder/attributions/{secret}?{secret}={secret}",
        traceparent=parent, User_Agent=secret, Cookie=secret, X_Forwarded_For=secret, Content_Type=secret,
    )  # fmt: skip
    (event,) = api.events("alder", trace)
    assert secret not in str(event)
    assert api.token("alder") not in str(event)


def test_nobody_chooses_where_the_trail_says_that_it_came_from(api: Service) -> None:
    elsewhere = "192.0.2.1"
    for number, said in enumerate(({"X_Forwarded_For": elsewhere}, {"Forwarded": f"for={elsewhere}"}, {})):
        trace, parent = traced(40 + number)
        assert api.get("/v1/tenants/alder/attributions", traceparent=parent, **said).status_code == 200
        (event,) = api.events("alder", trace)
        assert event["source"]["ip_hash"] == hashed("127.0.0.1")
        assert event["source"]["forwarded_hops"] == len(said)


def test_a_request_with_very_many_parameters_is_recorded_too(api: Service) -> None:
    trace, parent = traced(5)
    query = "&".join(f"p{number}=1" for number in range(600))
    assert api.get(f"/v1/tenants/alder/attributions?{query}", traceparent=parent).status_code == 400
    (event,) = api.events("alder", trace)
    assert event["request"]["query_count"] == 600


@pytest.mark.parametrize("broken", ["alder", "birch"])
def test_what_cannot_be_recorded_is_not_answered(api: Service, broken: str) -> None:
    api.behind.trails[broken].broken = True
    foreign = api.get("/v1/tenants/birch/attributions")
    own = api.get("/v1/tenants/alder/attributions/att_alder_0")
    assert (foreign.status_code, foreign.json()["error"]) == (503, "TRAIL_UNAVAILABLE")
    assert own.status_code == (503 if broken == "alder" else 200)
    if broken == "alder":
        assert "cnry" not in own.text
        assert "audit-receipt" not in own.headers


def test_a_tenant_whose_key_is_disabled_is_told_so_and_nobody_else_notices(api: Service) -> None:
    # A subject whose data key is in no cache yet: the service has read none of this tenant's records before.
    api.behind.kms.disabled.add("alder-eu")
    api.behind.forget("alder-eu")
    answer = api.get("/v1/tenants/alder-eu/attributions/att_alder-eu_4", who="alder-eu")
    assert (answer.status_code, answer.json()["error"]) == (503, "KEY_UNAVAILABLE")
    assert api.get("/v1/tenants/alder/attributions/att_alder_4").status_code == 200


def test_no_answer_may_be_kept_by_a_cache(api: Service) -> None:
    for answer in (api.get("/v1/tenants/alder/attributions"), api.get("/v1/tenants/birch/attributions")):
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
