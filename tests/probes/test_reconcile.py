"""Requests and records are matched both ways, by probe, tenant by tenant, and on every backend alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tenantproof.clients.scent import Scent
from tenantproof.clients.target import Target
from tenantproof.clients.tokens import base64url
from tenantproof.clients.transparency.notes import NoteKey, key_ident
from tenantproof.model.outcome import ABSENT, ALIKE, DIFFERENT, PRESENT, Outcome
from tenantproof.model.reconciliation_profile import Reconciliation as ReconciliationTable
from tenantproof.probes.reading import Sent
from tenantproof.probes.reconcile import Reconciliation
from tests.clients.profiles import CANARIES, client_of, profile_of

BACKENDS = [
    "",
    "duckdb://",
    pytest.param(
        "pyspark://?spark.master=local[1]&spark.sql.shuffle.partitions=1",
        marks=pytest.mark.skipif(find_spec("pyspark") is None, reason="Spark comes with the extra `spark`: 300 MB"),
    ),
]
LOG = Ed25519PrivateKey.generate()
A, B, C = "acme", "acme-eu", "globex"
P1, P2 = "1" * 32, "2" * 32


def sent(probe: str, expects: str, *, tries: int = 1, receipt: str = "") -> Sent:
    return Sent(probe, A, B, expects, 403, tries, receipt, "read", "X001")


def event(probe: str, seq: int = 0, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "leaf_hash": "ab", "event": {"trace": {"trace_id": probe}, **more}}


class Swept:
    """What a sweep leaves for the trails to be held against."""

    def __init__(self, requests: Sequence[Sent]) -> None:
        self.requests, self.trails = requests, dict.fromkeys(CANARIES, 0)
        self.ground = self
        self.tenants = tuple(CANARIES)
        self.scent = Scent({tenant: [canary] for tenant, canary in CANARIES.items()})

    def sent(self) -> Iterator[Sent]:
        return iter(self.requests)


class Told(Reconciliation):
    """Reads trails that are at hand."""

    key: NoteKey | None = None

    def _key(self, tenant: str) -> NoteKey | None:
        return self.key

    def __init__(self, trails: Mapping[str, list[dict[str, Any]]], where: ReconciliationTable) -> None:
        host = "127.0.0.1:9"
        profile = profile_of(host, {tenant: client_of(host, tenant, "X") for tenant in CANARIES})
        super().__init__(Target(msgspec.structs.replace(profile, reconciliation=where)))
        self.told_by = dict(trails)

    def _enter(self, tenant: str, start: int) -> None:
        assert self._books is not None
        self._books.enter("told", self._told(tenant, list(self.told_by.pop(tenant, []))))

    def _missing(self) -> bool:
        return False


@pytest.fixture(params=BACKENDS)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    made: list[Told] = []
    where = ReconciliationTable(backend=request.param, folder=str(tmp_path) if request.param else "")

    def tell(requests: Sequence[Sent], **trails: list[dict[str, Any]]) -> Told:
        made.append(Told({name.replace("_", "-"): events for name, events in trails.items()}, where))
        made[-1].compare(Swept(requests))  # type: ignore[arg-type]  # the few members that it asks for
        return made[-1]

    yield tell
    for each in made:
        each.close()
    assert list(tmp_path.iterdir()) == []


def test_a_refused_request_needs_one_record_in_both_trails(told: Any) -> None:
    whole = told([sent(P1, "both")], acme=[event(P1)], acme_eu=[event(P1)])
    assert [each.outcome for each in whole.records()] == [PRESENT, PRESENT]
    lacking = told([sent(P1, "both")], acme=[event(P1)])
    assert sorted(each.outcome.value for each in lacking.records()) == ["absent", "present"]
    doubled = told([sent(P1, "both")], acme=[event(P1), event(P1)], acme_eu=[event(P1)])
    assert DIFFERENT in {each.outcome for each in doubled.records()}


def test_what_was_asked_twice_may_stand_twice_and_an_act_may_have_more_records(told: Any) -> None:
    twice = told([sent(P1, "own", tries=2), sent(P2, "some")], acme=[event(P1), event(P1), *[event(P2)] * 3])
    assert {each.outcome for each in twice.records()} == {PRESENT}


def test_a_record_in_the_trail_of_a_third_is_a_stray(told: Any) -> None:
    strays = told([sent(P1, "both")], acme=[event(P1)], acme_eu=[event(P1)], globex=[event(P1)])
    assert [each.outcome for each in strays.strays(CANARIES)] == [ABSENT, ABSENT, PRESENT]


def test_what_is_asked_of_the_own_tenant_concerns_nobody_else(told: Any) -> None:
    strays = told([sent(P1, "own")], acme=[event(P1)], acme_eu=[event(P1)])
    assert [each.outcome for each in strays.strays(CANARIES)] == [ABSENT, PRESENT, ABSENT]


def test_a_token_or_anothers_canary_in_a_record_is_found(told: Any) -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"
    spilled = told(
        [], acme=[event(P1, note=token)], acme_eu=[event(P1, note=CANARIES[C])], globex=[event(P1, note=CANARIES[C])]
    )
    assert [each.outcome for each in spilled.secrets(CANARIES)] == [PRESENT, PRESENT, ABSENT]


def test_a_receipt_names_the_record_that_is_there(told: Any) -> None:
    good = told([sent(P1, "both", receipt="0.ab.sig")], acme=[event(P1)], acme_eu=[event(P1)])
    assert [each.outcome for each in good.receipts([A])] == [ALIKE]
    bad = told([sent(P1, "both", receipt="1.cd.sig")], acme=[event(P1)], acme_eu=[event(P1)])
    assert [each.outcome for each in bad.receipts([A])] == [DIFFERENT]


@pytest.mark.parametrize(("signer", "outcome"), [(LOG, ALIKE), (Ed25519PrivateKey.generate(), DIFFERENT)])
def test_a_receipt_is_signed_by_the_log_whose_key_the_profile_has(
    told: Any, monkeypatch: pytest.MonkeyPatch, signer: Ed25519PrivateKey, outcome: Outcome
) -> None:
    raw = LOG.public_key().public_bytes_raw()
    monkeypatch.setattr(Told, "key", NoteKey("log", key_ident("log", raw), raw))
    leaf = "ab" * 32
    signature = base64url(signer.sign(f"log\nreceipt\n0\n{leaf}\n".encode()))
    held = told([sent(P1, "both", receipt=f"0.{leaf}.{signature}")], acme=[{**event(P1), "leaf_hash": leaf}])
    (seen,) = held.receipts([A])
    assert seen.outcome is outcome, seen.notes


def test_refusals_answered_and_refusals_told_are_counted(told: Any) -> None:
    same = told([sent(P1, "both"), sent(P2, "both")], acme=[event(P1), event(P2)])
    assert [each.outcome for each in same.counts([A])] == [ALIKE]
    fewer = told([sent(P1, "both"), sent(P2, "both")], acme=[event(P1)])
    assert [each.outcome for each in fewer.counts([A])] == [DIFFERENT]
