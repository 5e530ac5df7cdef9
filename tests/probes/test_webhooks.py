"""Events that go to their own tenant alone satisfy the check; each way of sending them to another does not."""

from __future__ import annotations

import http.client
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from checks.cross_tenant import check_a_known_id_is_no_key_and_a_link_opens_one_door as check
from tenantproof.clients.listener import Said, listening
from tenantproof.model.profile import Operation, Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.model.webhooks_profile import Webhooks
from tenantproof.probes.cross_tenant import CrossTenant
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused

ROOT = "/v1/tenants/{tenant}"


class Sender(FakeApi):
    """An API that sends a tenant's events to the URL that the tenant has named."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: dict[str, str] = {}
        self.sent: dict[str, tuple[str, Json]] = {}
        self.numbers = itertools.count(1)

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        steps = urlsplit(url).path.strip("/").split("/")
        if steps[:2] != ["v1", "tenants"] or steps[3] not in {"hooks", "events", "deliveries"}:
            return super().answer(method, url, headers, body)
        try:
            caller = self.verify(headers["authorization"].partition(" ")[2])
            self.gate(caller, steps[2])
            return self.act(method, steps[2], steps[3:], json.loads(body or b"{}"))
        except Refused as refused:
            return refused.status, refused.body

    def act(self, method: str, tenant: str, steps: list[str], said: Json) -> tuple[int, Json]:
        match method, *steps:
            case "POST", "hooks":
                self.urls[tenant] = said["url"]
                return 201, {"id": f"h-{tenant}"}
            case "DELETE", "hooks", ident:
                return (200, {}) if self.urls.pop(tenant, "") and ident == f"h-{tenant}" else (404, {})
            case "POST", "events":
                self.deliver(tenant, {"id": f"d-{next(self.numbers)}", "text": said["text"]})
                return 202, {}
            case _:
                self.again(tenant, steps[1])
                return 202, {}

    def receivers(self, tenant: str) -> list[str]:
        return [tenant]

    def deliver(self, tenant: str, event: Json) -> None:
        self.sent[event["id"]] = tenant, event
        for receiver in self.receivers(tenant):
            self.post(self.urls.get(receiver, ""), event)

    def again(self, tenant: str, delivery: str) -> None:
        owner, event = self.sent.get(delivery, ("", {}))
        if owner != tenant:
            raise Refused(404, {"error": "NOT_FOUND", "message": "no"})
        self.post(self.urls[tenant], event)

    def post(self, url: str, event: Json) -> None:
        if not url:
            return
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
        connection.request("POST", place.path, json.dumps(event).encode(), {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()


class ToAll(Sender):
    """Sends every event to whoever listens."""

    def receivers(self, tenant: str) -> list[str]:
        return list(self.urls)


class ToTheLast(Sender):
    """Keeps one URL for all who have the same first letter."""

    def receivers(self, tenant: str) -> list[str]:
        return [tenant, *[other for other in self.urls if other != tenant and other[0] == tenant[0]]]


class AgainForAnybody(Sender):
    """Sends a delivery again to whoever names it."""

    def again(self, tenant: str, delivery: str) -> None:
        self.post(self.urls[tenant], self.sent[delivery][1])


class AgainWithoutAWord(Sender):
    """Says yes to whoever names it, and sends it to its owner."""

    def again(self, tenant: str, delivery: str) -> None:
        del tenant
        owner, event = self.sent[delivery]
        self.post(self.urls[owner], event)


class AgainThoughRefused(Sender):
    """Sends it, and then looks whose it was."""

    def again(self, tenant: str, delivery: str) -> None:
        self.post(self.urls[tenant], self.sent[delivery][1])
        super().again(tenant, delivery)


class Silent(Sender):
    """Takes the URL, and sends nothing there."""

    def receivers(self, tenant: str) -> list[str]:
        del tenant
        return []


def with_webhooks(profile: Profile, host: str) -> Profile:
    del host
    table = Webhooks(
        register=Operation(method="POST", path=f"{ROOT}/hooks"),
        trigger=Operation(method="POST", path=f"{ROOT}/events"),
        unregister=Operation(method="DELETE", path=f"{ROOT}/hooks/{{id}}"),
        replay=Operation(method="POST", path=f"{ROOT}/deliveries/{{id}}"),
        principal="reader",
        event={"text": "about {canary}"},
        seconds=0.5,
    )
    safety = msgspec.structs.replace(profile.safety, allow_writes=True)
    return msgspec.structs.replace(profile, webhooks=table, safety=safety)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(sender: Sender, edited: Any = with_webhooks) -> Finding:
        return examine(sender, check, CrossTenant, tmp_path, monkeypatch, edited)

    return run


def test_events_that_go_to_their_own_tenant_satisfy_the_claim(examined: Any) -> None:
    found: Finding = examined(served := Sender())
    assert found.verdict is Verdict.SATISFIED, found.because
    # Six pairs: a known id, a stray event, and a replay under either path.
    assert found.units == found.tried == 6 * 4
    assert len(served.sent) == 3
    assert not served.urls, "a URL was left behind"


@pytest.mark.parametrize(
    ("sender", "vector"),
    [
        (ToAll, "looks for an event of"),
        (ToTheLast, "looks for an event of"),
        (AgainForAnybody, "sent again, under its own path"),
        (AgainWithoutAWord, "sent again, under its own path"),
        (AgainThoughRefused, "sent again, under its own path"),
    ],
)
def test_events_that_reach_another_are_found(examined: Any, sender: type[Sender], vector: str) -> None:
    found: Finding = examined(sender())
    assert found.verdict is Verdict.NOT_SATISFIED
    assert vector in found.because


def test_events_that_never_arrive_prove_nothing(examined: Any) -> None:
    assert examined(Silent()).verdict is Verdict.NOT_ASSESSED


def test_no_url_is_named_where_no_listener_is_allowed(examined: Any) -> None:
    def deaf(profile: Profile, host: str) -> Profile:
        made = with_webhooks(profile, host)
        return msgspec.structs.replace(made, safety=msgspec.structs.replace(made.safety, allow_listener=False))

    found: Finding = examined(served := Sender(), deaf)
    assert found.units == found.tried == 6
    assert not served.sent


def test_a_listener_keeps_what_it_is_told_up_to_a_size() -> None:
    with listening(lambda _url, _target: Said()) as heard:
        place = urlsplit(heard.url)
        for body in (b"", b"small", b"x" * 1_200_000):
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
            connection.request("POST", "/hook", body)
            connection.close()
        for _ in range(100):
            if len(heard.told) == 2:
                break
            heard.hears()
        assert [len(body) for _, body in heard.told] == [5, 1_000_000]
