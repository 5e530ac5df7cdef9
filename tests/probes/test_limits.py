"""A quota for each tenant satisfies the check; a shared one does not, and one that nobody reaches proves nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checks.cross_tenant import check_existence_can_not_be_inferred as check
from tenantproof.model.profile import Profile
from tenantproof.model.quota_profile import Quota
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant, Limits
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused


class Counting(FakeApi):
    """Takes so many requests of each tenant, and then none until the harness has rested."""

    most = 60

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def gate(self, caller: str, tenant: str) -> None:
        self.counted[self.account(caller)] += 1
        if self.counted[self.account(caller)] > self.most:
            raise Refused(429, {"error": "TOO_MANY_REQUESTS", "message": "no"})
        super().gate(caller, tenant)

    def account(self, caller: str) -> str:
        """On whose account a request goes."""
        return caller


class Shared(Counting):
    """Counts the requests of a region together."""

    most = 150

    def account(self, caller: str) -> str:
        return "eu" if caller.startswith("acme") else caller


class Unlimited(Counting):
    """Counts, and takes them all."""

    most = 10**9


class Locking(Counting):
    """Locks everybody out as soon as somebody has used up what is his."""

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        status, said = super().answer(method, url, headers, body)
        return (
            (429, said)
            if "/attributions/" in url and max(self.counted.values(), default=0) > self.most
            else (status, said)
        )


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def with_quota(profile: Profile, host: str) -> Profile:
        del host
        return msgspec.structs.replace(profile, quota=Quota(requests=200, seconds=0))

    def run(api: Counting, edited: Any = with_quota) -> Finding:
        def rested(self: Limits) -> None:
            del self
            api.counted.clear()

        monkeypatch.setattr(Limits, "rest", rested)
        return examine(api, check, CrossTenant, tmp_path, monkeypatch, edited)

    return run


def test_a_quota_for_each_tenant_satisfies_the_claim(examined: Any) -> None:
    found: Finding = examined(Counting())
    assert found.verdict is Verdict.SATISFIED, found.because
    # Each of the six pairs: what exists can't be told, and what one uses up is not missing to the other.
    assert found.units == found.tried == 6 * 2


@pytest.mark.parametrize("api", [Shared, Locking])
def test_what_another_used_up_is_found_missing(examined: Any, api: type[Counting]) -> None:
    found: Finding = examined(api())
    assert found.verdict is Verdict.NOT_SATISFIED
    assert "while the quota of acme is used up" in found.because


def test_a_limit_that_nobody_reaches_proves_nothing(examined: Any) -> None:
    found: Finding = examined(Unlimited())
    assert found.verdict is Verdict.NOT_ASSESSED
    assert "uses its quota up" in found.because


def test_without_the_table_nobody_uses_anything_up(examined: Any) -> None:
    assert examined(Unlimited(), lambda profile, _: profile).verdict is Verdict.SATISFIED
