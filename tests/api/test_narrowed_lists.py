"""Lists that are narrowed, and several records at once: each of its own tenant, and no word about anybody else's."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.served import Service
from tests.api.test_isolation import traced

PLACE = "/v1/tenants/birch"
LIST, LOOKUPS = f"{PLACE}/attributions", f"{PLACE}/attribution-lookups"


@pytest.fixture(scope="module")
def channel(running: Service) -> str:
    """A channel in which birch and alder-eu have three records each, of weights 0, 0.5 and 1, of two subjects."""
    name = f"channel {secrets.token_hex(6)} & +%"
    for tenant in ("birch", "alder-eu"):
        for number in range(3):
            record = {
                "id": f"nl-{secrets.token_hex(6)}",
                "subject_id": f"nl-subject-{number % 2}",
                "touchpoint": f"nl-tp-{number}",
                "conversion": f"nl-cv-{number}",
                "channel": name,
                "weight": number / 2,
                "note": f"of {tenant}",
            }
            answer = running.send("POST", f"/v1/tenants/{tenant}/imports", tenant, "steward", json=record)
            assert answer.status_code == 201, answer.text
    return name


def listed(api: Service, channel: str, more: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"{LIST}?channel={quote(channel)}{more}", "birch")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_a_channel_holds_the_tenants_own_records_alone(api: Service, channel: str) -> None:
    found = listed(api, channel)
    assert [each["note"] for each in found] == ["of birch"] * 3
    assert [each["id"] for each in found] == sorted(each["id"] for each in found)


@pytest.mark.parametrize(
    ("more", "weights"),
    [
        ("&min_weight=0.5", {0.5, 1}),
        ("&max_weight=0.5", {0, 0.5}),
        ("&min_weight=5e-1&max_weight=0.50", {0.5}),
        ("&min_weight=0.75&max_weight=0.25", set()),
        ("&touchpoint=nl-tp-1", {0.5}),
        ("&conversion=nl-cv-2", {1}),
        ("&subject_id=nl-subject-0", {0, 1}),
        ("&subject_id=nl-subject-0&max_weight=0", {0}),
        ("&created_from=2000-01-01T00:00:00Z", {0, 0.5, 1}),
        ("&created_before=2000-01-01T00:00:00%2B02:00", set()),
        ("&created_from=0001-01-01T00:00:00%2B23:59", {0, 0.5, 1}),
        ("&created_from=9999-12-31T23:59:59-23:59", set()),
        ("&created_from=2000-01-01T00:00:00Z&created_before=2150-01-01T00:00:00Z", {0, 0.5, 1}),
        ("&subject_id=%27%20OR%201%3D1%20--", set()),
    ],
)
def test_every_filter_lets_through_what_it_says(api: Service, channel: str, more: str, weights: set[float]) -> None:
    assert {each["weight"] for each in listed(api, channel, more)} == weights


@pytest.mark.parametrize(
    "query",
    [
        "min_weight=2",
        "min_weight=-0.1",
        "max_weight=x",
        "max_weight=nan",
        "min_weight=1_0",
        "min_weight=",
        "created_from=2026-01-01",
        "created_from=2026-01-01T00:00:00",
        "created_before=yesterday",
        "channel=",
        "channel=a%00",
        "subject_id=" + "x" * 129,
        "channel=a&channel=b",
        "note=anything",
        "created_at=2026-01-01T00:00:00Z",
    ],
)
def test_a_filter_that_can_not_be_is_refused(api: Service, query: str) -> None:
    answer = api.get(f"{LIST}?{query}", "birch")
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")
    assert "anything" not in answer.text


def test_a_narrowed_list_is_paged_to_its_end(api: Service, channel: str) -> None:
    seen, cursor = [], ""
    for _ in range(4):
        answer = api.get(f"{LIST}?channel={quote(channel)}&limit=1{cursor}", "birch").json()
        seen += [each["id"] for each in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert seen == [each["id"] for each in listed(api, channel)]


def test_a_cursor_goes_with_its_filters(api: Service, channel: str) -> None:
    page = api.get(f"{LIST}?channel={quote(channel)}&limit=1", "birch").json()
    for query in ("", f"channel={quote(channel)}&min_weight=0&", "channel=other&"):
        answer = api.get(f"{LIST}?{query}cursor={page['next_cursor']}", "birch")
        assert answer.json()["error"] == "INVALID_REQUEST"
    whole = api.get(f"{LIST}?limit=1", "birch").json()
    answer = api.get(f"{LIST}?channel={quote(channel)}&cursor={whole['next_cursor']}", "birch")
    assert answer.json()["error"] == "INVALID_REQUEST"


def test_several_records_come_in_the_order_of_their_ids(api: Service, channel: str) -> None:
    own = [each["id"] for each in listed(api, channel)]
    asked = [own[2], "nobody", own[0]]
    answer = api.send("POST", LOOKUPS, "birch", json={"ids": asked})
    assert answer.status_code == 200
    assert [each and each["id"] for each in answer.json()["items"]] == [own[2], None, own[0]]
    assert answer.json()["items"][0] == api.get(f"{LIST}/{own[2]}", "birch").json()


def test_a_foreign_id_is_as_absent_as_one_of_nobody(api: Service) -> None:
    answers = [
        api.send("POST", LOOKUPS, "birch", json={"ids": ["att_birch_0", each]})
        for each in ("att_alder_0", "att_alder_9", "att_cedar_0")
    ]
    assert [each.status_code for each in answers] == [200] * 3
    assert len({each.content for each in answers}) == 1
    assert [each is None for each in answers[0].json()["items"]] == [False, True]
    passing = {"date", "audit-receipt"}
    assert len({tuple((k, v) for k, v in each.headers.items() if k not in passing) for each in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["a"] * 2},
        {"ids": [f"a{number}" for number in range(101)]},
        {"ids": "att_birch_0"},
        {"ids": [1]},
        {"ids": [None]},
        {"ids": ["a b"]},
        {"ids": ["a\n"]},
        {"ids": ["a" * 65]},
        {"ids": ["a"], "tenant_id": "alder"},
    ],
)
def test_a_batch_that_can_not_be_is_refused(api: Service, body: Any) -> None:
    answer = api.send("POST", LOOKUPS, "birch", json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")


def test_a_hundred_ids_are_one_batch(api: Service) -> None:
    answer = api.send("POST", LOOKUPS, "birch", json={"ids": [f"a{number}" for number in range(100)]})
    assert answer.json()["items"] == [None] * 100


def test_another_tenants_batch_is_refused_and_stands_in_both_trails(api: Service) -> None:
    trace, parent = traced(48)
    answer = api.send("POST", LOOKUPS, json={"ids": ["att_birch_0"]}, traceparent=parent)
    assert (answer.status_code, answer.json()["error"]) == (403, "TENANT_MISMATCH")
    assert len(api.events("alder", trace)) == len(api.events("birch", trace)) == 1


def test_a_batch_and_a_narrowed_list_are_recorded_with_their_counts_and_without_their_values(api: Service) -> None:
    trace, parent = traced(49)
    answer = api.send("POST", LOOKUPS, "birch", json={"ids": ["att_birch_0", "nobody"]}, traceparent=parent)
    assert answer.headers["Audit-Receipt"]
    answer = api.get(f"{LIST}?subject_id=subject-0", "birch", traceparent=parent)
    assert answer.headers["Audit-Receipt"]
    batch, narrowed = api.events("birch", trace)
    assert (batch["object"]["type"], batch["object"]["count"]) == ("attribution-lookups", 1)
    assert narrowed["request"]["query_keys"] == ["subject_id"]
    assert "subject-0" not in str(narrowed)
    assert "att_birch_0" not in str(batch)


def test_a_batch_needs_the_scope_of_a_reader(api: Service) -> None:
    answer = api.send("POST", LOOKUPS, "birch", "approver", json={"ids": ["att_birch_0"]})
    assert answer.json()["error"] == "INSUFFICIENT_SCOPE"


def test_a_key_that_can_not_be_used_leaves_no_half_answer(api: Service, channel: str) -> None:
    api.behind.kms.disabled.add("birch")
    api.behind.forget("birch")
    own = api.send("POST", LOOKUPS, "birch", json={"ids": ["att_birch_0", "nobody"]})
    assert (own.status_code, own.json()["error"]) == (503, "KEY_UNAVAILABLE")
    assert api.get(f"{LIST}?channel={quote(channel)}", "birch").json()["error"] == "KEY_UNAVAILABLE"
