"""Keeping tenants apart over HTTP/2 satisfies the check; each way of mixing them up is found by its vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from checks.cross_tenant import check_nothing_of_another_tenant_comes_back as check
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tenantproof.probes.http2_vectors import VECTORS
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi
from tests.probes.http2_api import Ask, Http2Api, Lax

PAIRS = 6
WITHOUT = PAIRS * 2
"""Units of the check at a target without HTTP/2: every pair, read and list."""


class LastPath(Lax):
    """Decides by the first path, serves the last."""

    def served(self, ask: Ask) -> str:
        return ask.all(":path")[-1]


def speaking(profile: Profile, host: str) -> Profile:
    del host
    return replace(profile, http=replace(profile.http, http2=True))


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(api: FakeApi, edited: Any = speaking) -> Finding:
        return examine(api, check, CrossTenant, tmp_path, monkeypatch, edited)

    return run


def test_a_target_that_keeps_streams_apart_satisfies_the_claim(examined: Any) -> None:
    found: Finding = examined(Http2Api())
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == found.tried == WITHOUT + PAIRS * 2 * len(VECTORS)


@pytest.mark.parametrize(("api", "vector"), [(LastPath, "two paths, another's last")])
def test_each_way_to_mix_tenants_up_is_found_by_its_vector(examined: Any, api: type[FakeApi], vector: str) -> None:
    found: Finding = examined(api())
    assert found.verdict is Verdict.NOT_SATISFIED
    assert f"HTTP/2: {vector}" in found.because


def test_without_a_word_of_it_nothing_is_tried_over_http2(examined: Any) -> None:
    found: Finding = examined(Http2Api(), lambda profile, _: profile)
    assert found.verdict is Verdict.SATISFIED
    assert found.units == WITHOUT
