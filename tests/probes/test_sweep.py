"""The sweep finds what a small API lets through, in whatever guise, and nothing where there is nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tenantproof.clients.target import Target
from tenantproof.model.sweep import SweepChoice
from tenantproof.model.verdict import Verdict
from tenantproof.probes.ground import differing, lasting
from tenantproof.probes.sweep import Sweep
from tests.clients.profiles import CANARIES, MISMATCH, client_of, profile_of
from tests.probes.fake_api import FakeApi, Json, Refused, serving_api
from tests.probes.sweeping import NOT_FOUND, SECRET_ENV, PlainApi, verdicts


class HeaderApi(PlainApi):
    """Lets a header outrank the path."""

    def gate(self, caller: str, tenant: str) -> None:
        if caller != tenant and caller != "acme":
            raise Refused(403, MISMATCH)

    def meant(self, tenant: str, headers: dict[str, str], query: dict[str, list[str]]) -> str:
        return headers.get("x-tenant-id", tenant) or tenant


class FoldingApi(PlainApi):
    """Compares tenants as they are sent and looks them up in lower case."""

    def gate(self, caller: str, tenant: str) -> None:
        if tenant in self.records and caller != tenant:
            raise Refused(403, MISMATCH)

    def page(self, tenant: str) -> Json:
        return super().page(tenant.lower()) if tenant.lower() in self.records else {"items": []}

    def read(self, tenant: str, record: str) -> Json:
        return super().read(tenant.lower() if tenant.lower() in self.records else "acme", record)


class EncodingApi(PlainApi):
    """Refuses, and says whose it is in base64."""

    def gate(self, caller: str, tenant: str) -> None:
        if caller != tenant:
            hint = "".join(f"%{ord(each):02x}" for each in CANARIES.get(tenant, "nobody"))
            raise Refused(403, {**MISMATCH, "hint": hint})


class VaryingApi(PlainApi):
    """Refuses one operation otherwise than the contract says."""

    def gate(self, caller: str, tenant: str) -> None:
        if caller != tenant:
            raise Refused(404, NOT_FOUND)


class DownApi(PlainApi):
    """Refuses everybody."""

    def gate(self, caller: str, tenant: str) -> None:
        raise Refused(403, MISMATCH)


@contextmanager
def sweeping(api: FakeApi, patch: pytest.MonkeyPatch, **choice: int) -> Iterator[Sweep]:
    patch.setenv(SECRET_ENV, "not a secret")
    with serving_api(api) as host:
        profile = profile_of(host, {tenant: client_of(host, tenant, SECRET_ENV) for tenant in CANARIES})
        with closing(Target(profile, SweepChoice(**choice))) as target:  # type: ignore[arg-type]  # budget and seed
            yield Sweep(target)


GOOD, BAD, OPEN = Verdict.SATISFIED, Verdict.NOT_SATISFIED, Verdict.NOT_ASSESSED


@pytest.mark.parametrize(
    ("api", "wanted"),
    [
        (PlainApi, (GOOD, GOOD)),
        (HeaderApi, (BAD, BAD)),
        (FoldingApi, (GOOD, BAD)),
        (EncodingApi, (BAD, BAD)),
        (VaryingApi, (BAD, GOOD)),
        (DownApi, (OPEN, OPEN)),
    ],
)
def test_the_sweep_tells_a_good_api_from_a_broken_one(
    api: type[FakeApi], wanted: tuple[Verdict, Verdict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweeping(api(), monkeypatch, budget=260) as sweep:
        assert verdicts(sweep, tmp_path) == wanted


def test_the_second_look_sends_nothing_and_sees_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with sweeping(PlainApi(), monkeypatch, budget=120) as sweep:
        first, second = list(sweep.seen()), list(sweep.seen())
    assert first == second
    roles = Counter(each.role for each in first)
    assert roles["leak"] == 120
    assert all(each.observation.unit for each in first if each.role in {"leak", "refusal"})


def test_what_a_tenant_can_read_is_compared_operation_by_operation() -> None:
    assert differing({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}) == ["b", "c"]
    assert differing({"a": "1"}, {"a": "1"}) == []


def test_what_ends_by_itself_is_no_change_of_a_tenants_state_and_what_begins_is_one() -> None:
    def told(*items: Mapping[str, object]) -> bytes:
        return lasting(json.dumps({"items": items}).encode())

    waiting = {"id": "a", "state": "requested", "ends_at": None}
    active, over = ({"id": "b", "state": state, "ends_at": "2026-01-01T00:00:00Z"} for state in ("active", "expired"))
    assert told(waiting, active) == told(waiting, over)
    assert told(waiting) != told(waiting | {"state": "approved", "ends_at": "2026-01-01T00:00:00Z"})
    assert told(waiting) != told(waiting | {"state": "denied"})
    page = {"items": [active], "next_cursor": "c"}
    assert lasting(json.dumps(page).encode()) != lasting(json.dumps(page | {"next_cursor": "d"}).encode())
    assert lasting(b"{") == b"{"
