"""The cross-tenant checks are satisfied by an API that keeps tenants apart, and by none that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checks import cross_tenant as checks
from tenantproof.clients.exchange import Answer
from tenantproof.model.outcome import ALIKE, DIFFERENT, UNANSWERED
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant, CrossTenantTrail
from tenantproof.probes.likeness import compare
from tenantproof.probes.strangers import stranger_record, stranger_tenant
from tenantproof.probes.trail_events import Sought, untold
from tests.clients.profiles import MISMATCH
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused

REFUSAL = checks.check_a_token_of_another_tenant_is_refused_as_the_contract_says
NOTHING = checks.check_nothing_of_another_tenant_comes_back
ID = checks.check_a_known_id_is_no_key_and_a_link_opens_one_door
EXISTENCE = checks.check_existence_can_not_be_inferred
TRAIL = checks.check_every_attempt_stands_in_both_trails
ALL = (REFUSAL, NOTHING, ID, EXISTENCE, TRAIL)


class PrefixApi(FakeApi):
    """Takes a tenant for another whose id it begins."""

    def gate(self, caller: str, tenant: str) -> None:
        if not tenant.startswith(caller):
            super().gate(caller, tenant)


class CurtApi(FakeApi):
    """Leaves the message out of its refusal."""

    def gate(self, caller: str, tenant: str) -> None:
        if caller != tenant:
            raise Refused(403, {"error": "TENANT_MISMATCH"})


class EmptyApi(FakeApi):
    """Filters instead of refusing."""

    def gate(self, caller: str, tenant: str) -> None:
        if caller != tenant:
            raise Refused(200, {"error": None, "items": []})


class LeakyApi(FakeApi):
    """Refuses, and says whom it refuses access to what."""

    def gate(self, caller: str, tenant: str) -> None:
        if caller != tenant:
            canary = next(iter(self.records.get(tenant, {"": ""}).values()))
            raise Refused(403, {**MISMATCH, "hint": canary.encode().hex()})


class UnscopedApi(FakeApi):
    """Looks a record up by its id alone."""

    def read(self, tenant: str, record: str) -> Json:
        owner = next((t for t, rows in self.records.items() if record in rows), tenant)
        return super().read(owner, record)


class WholeListApi(FakeApi):
    """Lists everybody's records."""

    def page(self, tenant: str) -> Json:
        return {"items": [item for each in self.records for item in super(WholeListApi, self).page(each)["items"]]}


class TellingApi(FakeApi):
    """Tells a foreign id from one of nobody."""

    def read(self, tenant: str, record: str) -> Json:
        if any(record in rows for owner, rows in self.records.items() if owner != tenant):
            raise Refused(404, {"error": "NOT_FOUND", "message": "Not yours."})
        return super().read(tenant, record)


class TenantTellingApi(FakeApi):
    """Tells a tenant that exists from one that does not."""

    def gate(self, caller: str, tenant: str) -> None:
        if tenant not in self.records:
            raise Refused(404, {"error": "NOT_FOUND", "message": "No such tenant."})
        super().gate(caller, tenant)


class QuietApi(FakeApi):
    """Tells the attacker alone."""

    def record(self, caller: str, tenant: str, event: Json) -> None:
        self.write(caller, event)


class LoudApi(FakeApi):
    """Tells everybody."""

    def record(self, caller: str, tenant: str, event: Json) -> None:
        for trail in self.trails:
            self.write(trail, event)


class SpillingApi(FakeApi):
    """Writes the token into the trail."""

    def event(self, caller: str, trace: str, route: str, status: int, code: str, token: str) -> Json:
        return {**super().event(caller, trace, route, status, code, token), "authorization": f"Bearer {token}"}


class ForgetfulApi(FakeApi):
    """Leaves the route out of the trail."""

    def event(self, caller: str, trace: str, route: str, status: int, code: str, token: str) -> Json:
        return {**super().event(caller, trace, route, status, code, token), "request": {"method": "GET"}}


class DeafApi(FakeApi):
    """Refuses everybody everything."""

    def gate(self, caller: str, tenant: str) -> None:
        raise Refused(403, MISMATCH)


def run(api: FakeApi, check: Callable[..., None], folder: Path, patch: pytest.MonkeyPatch) -> Finding:
    return examine(api, check, CrossTenantTrail if check is TRAIL else CrossTenant, folder, patch)


@pytest.mark.parametrize("check", ALL)
def test_a_good_api_satisfies_every_check(
    check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(FakeApi(), check, tmp_path, monkeypatch)
    assert (found.verdict, found.because[:4]) == (Verdict.SATISFIED, "all ")
    assert found.tried == found.units > 0


@pytest.mark.parametrize(
    ("api", "check", "because"),
    [
        (PrefixApi, REFUSAL, "permitted"),
        (PrefixApi, NOTHING, "present"),
        (PrefixApi, TRAIL, ""),
        (CurtApi, REFUSAL, "message"),
        (EmptyApi, REFUSAL, "unclear"),
        (LeakyApi, REFUSAL, "permitted"),
        (LeakyApi, NOTHING, "present"),
        (UnscopedApi, ID, "permitted"),
        (WholeListApi, NOTHING, "present"),
        (TellingApi, EXISTENCE, "different"),
        (TenantTellingApi, EXISTENCE, "different"),
        (QuietApi, TRAIL, "absent"),
        (LoudApi, TRAIL, "present"),
        (SpillingApi, TRAIL, "present"),
        (ForgetfulApi, TRAIL, "the route"),
    ],
)
def test_a_broken_api_is_found_out(
    api: type[FakeApi], check: Callable[..., None], because: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenantproof.probes.trail_events.PATIENCE", 0.1)
    found = run(api(), check, tmp_path, monkeypatch)
    assert found.verdict is Verdict.NOT_SATISFIED
    assert because in found.because


@pytest.mark.parametrize("check", ALL)
def test_an_api_that_refuses_everything_proves_nothing(
    check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(DeafApi(), check, tmp_path, monkeypatch).verdict is Verdict.NOT_ASSESSED


def test_answers_are_alike_but_for_what_passes() -> None:
    one = Answer(status=404, headers=(("Date", "Mon"), ("X-Request-Id", "1")), body=b'{"id": "a1", "request_id": 1}')
    other = Answer(status=404, headers=(("date", "Tue"), ("x-request-id", "2")), body=b'{"id": "b2", "request_id": 2}')
    assert compare(one, other, ["a1"], ["b2"]) == (ALIKE, ())
    assert compare(one, other)[0] is DIFFERENT


@pytest.mark.parametrize(
    "other",
    [
        Answer(status=403, body=b"x"),
        Answer(status=404, reason="Gone", body=b"x"),
        Answer(status=404, headers=(("Audit-Receipt", "1"),), body=b"x"),
        Answer(status=404, headers=(("X-Note", "y"),), body=b"x"),
        Answer(status=404, body=b"x "),
    ],
    ids=["status", "reason", "a receipt more", "a header more", "a space more"],
)
def test_answers_that_differ_are_told_apart(other: Answer) -> None:
    outcome, told = compare(Answer(status=404, body=b"x"), other)
    assert outcome is DIFFERENT
    assert told


def test_no_answer_is_like_no_other() -> None:
    silent = Answer(failure="nobody there")
    assert compare(silent, silent) == (UNANSWERED, ("nobody there",))


def test_a_stranger_has_the_shape_of_what_it_is_like_and_is_nobody() -> None:
    assert stranger_record("att_0a1b2c3d4e5f6071", set()).startswith("att_")
    drawn = stranger_record("0f8fad5b-d9cb-469f-a165-70867728950e", set())
    assert drawn.startswith("0f8fad5b-d9cb-469f-a165-")
    assert set(drawn[24:]) <= set("0123456789abcdef")
    assert all(stranger_tenant("ab", {"ab"}) != "ab" for _ in range(50))
    assert len(stranger_tenant("7", set("0123456789"))) > 1


def test_an_event_tells_all_or_what_it_leaves_out_is_named() -> None:
    sought = Sought("a" * 32, "GET", "/t/{tenant}/x/{id}", Answer(status=403, at=1_700_000_000.0), "TENANT_MISMATCH")
    event = {
        "when": 1_700_000_001_000,
        "principal": "sha256:aa",
        "http": {"request": "GET", "path": "/t/acme/x/1", "status": "403"},
        "decision": "denied",
        "reason": "TENANT_MISMATCH",
    }
    assert untold(event, sought) == []
    assert untold({**event, "when": "2023-11-14T22:13:21"}, sought) == ["the time"]
    assert untold({**event, "principal": ""}, sought) == ["who asked"]
    assert untold({**event, "http": {"request": "GET", "path": "/t/acme", "status": 403}}, sought) == ["the route"]
    assert untold({**event, "decision": "allowed"}, sought) == ["the decision"]
