"""Keeping tenants apart over HTTP/2 satisfies the check; each way of mixing them up is found by its vector."""

from __future__ import annotations

import re
import ssl
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from checks.cross_tenant import check_nothing_of_another_tenant_comes_back as check
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Profile
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.cross_tenant import CrossTenant
from tenantproof.probes.http2_vectors import VECTORS, Vector
from tests.probes import http2_broken as broken
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi
from tests.probes.http2_api import Http2Api
from tests.probes.test_names_in_tls import trusted_context

PAIRS = 6
WITHOUT = PAIRS * 2
"""Units of the check at a target without HTTP/2: every pair, read and list."""


def speaking(profile: Profile, host: str) -> Profile:
    del host
    safety = replace(profile.safety, allow_destructive=True)
    return replace(profile, http=replace(profile.http, http2=True), safety=safety)


def over_tls(profile: Profile, host: str) -> Profile:
    text = msgspec.json.encode(profile).replace(f"http://{host}".encode(), f"https://{host}".encode())
    return msgspec.json.decode(text, type=Profile)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    return trusted_context(tmp_path, monkeypatch)


@pytest.fixture
def examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(api: FakeApi, edited: Any = speaking, tls: ssl.SSLContext | None = None) -> Finding:
        return examine(api, check, CrossTenant, tmp_path, monkeypatch, edited, tls)

    return run


@pytest.mark.parametrize("api", [Http2Api, broken.Lax, broken.Filtering, broken.GivingUp])
def test_a_target_that_keeps_streams_apart_satisfies_the_claim(examined: Any, api: type[Http2Api]) -> None:
    found: Finding = examined(api())
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == found.tried == WITHOUT + PAIRS * 2 * len(VECTORS)


def test_what_may_disturb_strangers_is_tried_only_where_the_profile_allows_it(examined: Any) -> None:
    def careful(profile: Profile, host: str) -> Profile:
        made = speaking(profile, host)
        return replace(made, safety=replace(made.safety, allow_destructive=False))

    found: Finding = examined(broken.LetsLengths(), careful)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == WITHOUT + PAIRS * 2 * (len(VECTORS) - 4)


CASES: list[tuple[type[Http2Api], str]] = [
    (broken.NoGate, "another's path"),
    (broken.ByHost, "own authority, another's host, own path"),
    (broken.ByAuthority, "another's authority, own host, own path"),
    (broken.GatedByHost, "another's authority, own host, another's path"),
    (broken.GatedByAuthority, "own authority, another's host, another's path"),
    (broken.LastPath, "two paths, another's last"),
    (broken.LastPath, "two paths, another's behind the headers"),
    (broken.FirstPath, "two paths, another's first"),
    (broken.PathBehind, "another's path behind the headers"),
    (broken.Absolute, "another's path in absolute form"),
    (broken.LowersNames, "tenant header in upper case"),
    (broken.BelievingUpper, "second authorization in upper case"),
    (broken.Believing, "two authorizations, a forged one last"),
    (broken.BelievingFirst, "two authorizations, a forged one first"),
    (broken.LetsLengths, "request in a body of no length"),
    (broken.LetsCodings, "request behind a body in chunks"),
    (broken.LetsValues, "request in the value of a header"),
    (broken.LetsValues, "tenant header in the value of a header"),
    (broken.LetsNames, "tenant header in the name of a header"),
    (broken.LetsPaths, "request in the path"),
    (broken.SharedPath, "own path while another's stream is open"),
    (broken.SharedToken, "another's path while its stream is open"),
    (broken.Swapped, "own path beside another's stream"),
    (broken.SharedTokenAtOnce, "another's path beside its stream"),
]


@pytest.mark.parametrize(("api", "vector"), CASES)
def test_each_way_to_mix_tenants_up_is_found_by_its_vector_alone(
    examined: Any, api: type[Http2Api], vector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, vector)
    if api is broken.LetsLengths:
        monkeypatch.setattr("h2.stream.H2Stream._initialize_content_length", lambda *_: None)
    found: Finding = examined(api())
    assert found.verdict is Verdict.NOT_SATISFIED, found.because
    assert f"HTTP/2: {vector}" in found.because


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.label)
def test_every_vector_has_a_way_to_be_mixed_up_by(vector: Vector) -> None:
    assert vector.label in {label for _, label in CASES}


def only(patch: pytest.MonkeyPatch, label: str) -> None:
    """Let one vector be tried."""
    patch.setattr("tenantproof.probes.http2.VECTORS", tuple(each for each in VECTORS if each.label == label))


def test_without_a_word_of_it_nothing_is_tried_over_http2(examined: Any) -> None:
    found: Finding = examined(Http2Api(), lambda profile, _: profile)
    assert found.verdict is Verdict.SATISFIED
    assert found.units == WITHOUT


@pytest.mark.parametrize(
    ("api", "vector", "verdict", "because"),
    [
        (broken.Silent, "another's path", Verdict.NOT_ASSESSED, "none of its own canaries"),
        (broken.EachOthers, "another's path", Verdict.NOT_ASSESSED, "the target reset the stream: PROTOCOL_ERROR"),
        # As in the sweep: nobody knows what a target does that breaks, or grants what it does not show.
        (broken.Breaking, "two paths, another's last", Verdict.NOT_SATISFIED, "the target broke: 500"),
        (broken.Hollow, "another's path", Verdict.NOT_SATISFIED, "nothing of the attacker's own is in it"),
    ],
)
def test_what_neither_serves_nor_refuses_is_no_good_news(
    examined: Any, monkeypatch: pytest.MonkeyPatch, api: type[Http2Api], vector: str, verdict: Verdict, because: str
) -> None:
    only(monkeypatch, vector)
    found: Finding = examined(api())
    assert found.verdict is verdict
    assert because in str(found)


def test_a_stream_that_is_reset_when_it_has_told_is_a_leak(examined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "two paths, another's last")
    found: Finding = examined(broken.LeaksAndResets())
    assert found.verdict is Verdict.NOT_SATISFIED
    assert "the target reset the stream" in str(found)


@pytest.mark.parametrize(
    ("api", "because"),
    [
        (broken.GoesAway, "the target ended the connection: NO_ERROR"),
        (broken.EndlessHeaders, "against the protocol"),
        (broken.EndlessBody, "the body is longer"),
    ],
)
def test_a_hostile_target_proves_nothing_and_breaks_nothing(
    examined: Any, api: type[Http2Api], because: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "another's path")
    monkeypatch.setattr("tenantproof.clients.http2_line.BODY_LIMIT", 400_000)
    found: Finding = examined(api())
    assert found.verdict is Verdict.NOT_ASSESSED
    assert because in str(found)


def test_where_tls_agrees_on_it_http2_is_tried(
    tls: ssl.SSLContext, examined: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls.set_alpn_protocols(["h2", "http/1.1"])
    only(monkeypatch, "another's path")
    found: Finding = examined(Http2Api(), over_tls, tls)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == found.tried == WITHOUT + PAIRS * 2


def test_a_leak_over_tls_is_found(tls: ssl.SSLContext, examined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tls.set_alpn_protocols(["h2"])
    only(monkeypatch, "two paths, another's last")
    assert examined(broken.LastPath(), over_tls, tls).verdict is Verdict.NOT_SATISFIED


def test_where_tls_does_not_agree_on_it_nothing_is_tried(tls: ssl.SSLContext, examined: Any) -> None:
    tls.set_alpn_protocols(["http/1.1"])
    found: Finding = examined(broken.NoGate(), over_tls, tls)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.units == WITHOUT


def test_nothing_is_tried_where_the_profile_leaves_it_out(tls: ssl.SSLContext, examined: Any) -> None:
    tls.set_alpn_protocols(["h2", "http/1.1"])

    def without(profile: Profile, host: str) -> Profile:
        made = over_tls(profile, host)
        return replace(made, http=replace(made.http, http2=False))

    assert examined(broken.NoGate(), without, tls).units == WITHOUT


@pytest.mark.parametrize("speaks", [True, False])
def test_where_the_library_is_missing_it_is_named_if_it_is_needed(
    speaks: bool, examined: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tenantproof.clients.http2_line", None)
    if speaks:
        with pytest.raises(UsageError, match=re.escape("pip install 'tenantproof[http2]'")):
            examined(Http2Api())
    else:
        assert examined(Http2Api(), lambda profile, _: profile).verdict is Verdict.SATISFIED


def test_evidence_holds_no_token(tmp_path: Path, examined: Any) -> None:
    examined(Http2Api())
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"authorization: sha256:" in written
    assert b":path: /v1/tenants/" in written
    assert not re.search(rb"eyJ[A-Za-z0-9_-]{8,}\.", written)
