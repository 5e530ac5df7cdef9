"""Who has used a key, as trails tell it: like calls together, refused ones apart, the rest by whose account it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tenantproof.probes.key_uses import LATEST_PAGES, beyond, by_others, is_used_by, uses
from tenantproof.probes.permissions.facts import KeyFacts
from tenantproof.probes.permissions.principals import Caller
from tests.probes.fake_keys import ROLE, VENDOR, WORKLOAD

Json = dict[str, Any]
"""A page, an event, a use."""
OWNER = "100000000001"
ALLOWED = frozenset({"kms:decrypt", "kms:generatedatakey"})


class Trail:
    """Gives the pages it was given."""

    def __init__(self, *pages: Json | None) -> None:
        self.pages, self.given = pages, 0

    def walk(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[Json | None]:
        assert (service, operation) == ("cloudtrail", "lookup_events")
        assert arguments["LookupAttributes"] == [{"AttributeKey": "ResourceName", "AttributeValue": "k"}]
        for page in self.pages:
            self.given += 1
            yield page


def event(identity: Json, name: str = "Decrypt", **more: str) -> Json:
    said = {"userIdentity": identity, "eventName": name, "eventSource": "kms.amazonaws.com", **more}
    return {"CloudTrailEvent": json.dumps(said)}


def page(*events: Json) -> Json:
    return {"Events": list(events)}


def use(account: str, event: str = "Decrypt", principal: str = "", **more: str) -> Json:
    return {"account": account, "principal": principal, "service": "", "event": event, "error": "", "times": 1} | more


def key(*used: Json, vendor: tuple[Json, ...] = ()) -> KeyFacts:
    return KeyFacts(arn="k", uses=used, vendor_uses=vendor)


def exceeds(facts: KeyFacts) -> list[str]:
    return beyond(facts, VENDOR, Caller.of(WORKLOAD), ALLOWED)


def test_like_calls_are_counted_together_over_all_pages() -> None:
    mine = {"type": "IAMUser", "accountId": OWNER, "arn": "arn:me"}
    told = uses(Trail(page(event(mine)), page(event(mine), event(mine, errorCode="AccessDenied"))), "k")
    base = {"account": OWNER, "principal": "arn:me", "service": "", "event": "Decrypt"}
    assert told == [base | {"error": "", "times": 2}, base | {"error": "AccessDenied", "times": 1}]


def test_a_role_is_named_by_itself_and_a_service_by_what_it_is() -> None:
    session = {"sessionContext": {"sessionIssuer": {"arn": ROLE}}, "arn": WORKLOAD, "accountId": VENDOR}
    service = {"type": "AWSService", "invokedBy": "rds.amazonaws.com"}
    told = uses(Trail(page(event(session), event(service))), "k")
    assert told is not None
    assert [(one["principal"], one["service"]) for one in told] == [("", "rds.amazonaws.com"), (ROLE, "")]


def test_a_call_on_another_service_that_names_the_key_is_no_use_of_it() -> None:
    storing = event({"type": "AssumedRole", "accountId": VENDOR}, "PutObject", eventSource="s3.amazonaws.com")
    assert uses(Trail(page(storing)), "k") == []


@pytest.mark.parametrize("wrong", [None, {}, {"Events": "x"}])
def test_a_page_that_can_not_be_read_leaves_the_uses_unknown(wrong: Json | None) -> None:
    assert uses(Trail(page(), wrong), "k") is None


@pytest.mark.parametrize("wrong", [{}, "x", {"CloudTrailEvent": "{"}, {"CloudTrailEvent": "[" * 100_000}])
def test_an_event_that_can_not_be_read_is_a_use_by_nobody_we_know(wrong: Any) -> None:
    told = uses(Trail(page(wrong)), "k")
    assert told is not None
    assert by_others(key(*told), OWNER, VENDOR) == ["account unknown: an event that can't be read, 1 times"]


def test_no_more_pages_are_asked_for_than_will_be_read() -> None:
    trail = Trail(*[page()] * (LATEST_PAGES + 5))
    assert uses(trail, "k") == []
    assert trail.given == LATEST_PAGES


def test_the_owner_the_vendor_and_services_are_no_others() -> None:
    fine = key(use(OWNER), use(VENDOR), use("", service="rds.amazonaws.com"), use("1" * 12, error="AccessDenied"))
    assert by_others(fine, OWNER, VENDOR) == []
    assert by_others(key(use("1" * 12)), OWNER, VENDOR) == [f"account {'1' * 12}: Decrypt, 1 times"]


def test_the_vendors_workload_may_do_what_it_may_and_nobody_of_the_vendor_more() -> None:
    own = use(VENDOR, principal=WORKLOAD)
    assert exceeds(key(use(VENDOR), vendor=(own, use(VENDOR, principal=ROLE)))) == []
    assert exceeds(key(use(VENDOR, "CreateGrant"))) == [f"{VENDOR}: CreateGrant, 1 times"]
    assert exceeds(key(vendor=(use(VENDOR, "CreateGrant", WORKLOAD),))) == [f"{WORKLOAD}: CreateGrant, 1 times"]
    admin = f"arn:aws:iam::{VENDOR}:role/admin"
    assert exceeds(key(vendor=(use(VENDOR, principal=admin),))) == [f"{admin}: Decrypt, 1 times"]
    assert exceeds(key(vendor=(use(VENDOR),))) == [f"{VENDOR}: Decrypt, 1 times"]
    assert exceeds(key(vendor=(use(VENDOR, principal=admin, error="AccessDenied"),))) == []


def test_a_trail_that_shows_no_use_by_the_vendor_shows_nothing() -> None:
    assert is_used_by(key(use(VENDOR)), VENDOR)
    assert not is_used_by(key(use(OWNER), use(VENDOR, error="AccessDenied")), VENDOR)
    assert not is_used_by(KeyFacts(arn="k"), VENDOR)
