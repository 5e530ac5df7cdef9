"""Erasure in depth: certificates that are wrong in one thing, keys out of place, files, and hollow targets."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantproof.clients.aws import AwsAnswer
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.transparency.notes import key_ident
from tenantproof.model.erasure_profile import PlantedEvent
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR
from tenantproof.model.profile import Operation
from tenantproof.probes.erasing.certificates import Wanted, subject_hash, troubles_of
from tenantproof.probes.erasing.depth import DeepErasure
from tenantproof.probes.erasing.files import scan
from tenantproof.probes.erasing.wrapped import displacements
from tests.probes.test_erasure import DEAD, DENIED, GONE, GRANTED, KEY, FakeTarget, Respond, says

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SIGNER = Ed25519PrivateKey.generate()


def _named(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"trail+{key_ident('trail', raw).hex()}+{base64.b64encode(bytes([1]) + raw).decode()}"


WANTED = Wanted("alder", "s1", KEY, _named(SIGNER))


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def certificate(**changed: Any) -> dict[str, Any]:
    """A good certificate of the subject s1, with members changed before it is signed."""
    body = {
        "schema": "venturi.erasure-certificate/1",
        "tenant": "alder",
        "kind": "subject",
        "subject_hash": subject_hash("s1"),
        "key_arn": KEY,
        "key_state": "usable",
        "requested_at": _stamp(NOW - timedelta(minutes=2)),
        "unreadable_since": _stamp(NOW - timedelta(minutes=1)),
        "unrecoverable_from": _stamp(NOW + timedelta(days=7)),
        "until_then": "Backups.",
        "covers": ["note"],
        "readers": ["vault"],
        "receipt": "r",
    } | changed
    signature = SIGNER.sign(b"venturi.erasure-certificate/1\n" + rfc8785.dumps(body))
    return {"certificate": body, "signer": _named(SIGNER), "signature": base64.b64encode(signature).decode()}


def test_a_good_certificate_has_nothing_wrong_with_it() -> None:
    assert troubles_of(certificate(), WANTED, NOW) == []
    gone = certificate(kind="tenant", subject_hash=None, key_state="gone", unrecoverable_from=_stamp(NOW - timedelta(
        minutes=1)))  # fmt: skip
    assert troubles_of(gone, Wanted("alder", "", KEY, _named(SIGNER)), NOW) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tenant": "birch"}, "tenant"),
        ({"kind": "tenant"}, "kind"),
        ({"subject_hash": subject_hash("s2")}, "subject_hash"),
        ({"key_arn": KEY + "2"}, "key_arn"),
        ({"readers": []}, "readers"),
        ({"receipt": ""}, "receipt"),
        ({"until_then": ""}, "until_then"),
        ({"unrecoverable_from": None}, "unrecoverable_from is no date"),
        ({"unreadable_since": "soon"}, "unreadable_since is no date"),
        ({"unrecoverable_from": _stamp(NOW - timedelta(minutes=1))}, "unrecoverable"),
        ({"unrecoverable_from": _stamp(NOW - timedelta(days=1))}, "unrecoverable"),
        ({"unreadable_since": _stamp(NOW + timedelta(hours=1))}, "unreadable"),
        ({"requested_at": _stamp(NOW)}, "unreadable"),
    ],
)
def test_a_certificate_that_is_wrong_in_one_thing_is_told_by_it(changed: dict[str, Any], said: str) -> None:
    troubles = troubles_of(certificate(**changed), WANTED, NOW)
    assert len(troubles) == 1
    assert said in troubles[0]


def test_a_signature_is_the_trails_over_this_very_certificate() -> None:
    altered = certificate()
    altered["certificate"]["covers"] = ["note", "channel"]
    assert troubles_of(altered, WANTED, NOW) == ["its signature is not the trail's over this certificate"]
    other = Wanted("alder", "s1", KEY, _named(Ed25519PrivateKey.generate()))
    assert len(troubles_of(certificate(), other, NOW)) == 2
    assert troubles_of({"signature": "x"}, WANTED, NOW)
    assert troubles_of(certificate() | {"signature": "!"}, WANTED, NOW)


def test_no_displacement_is_the_place_itself() -> None:
    own = {"tenant": "alder", "subject": "tp_1"}
    ways = list(displacements("alder", "tp_1", "tp_2", "birch", KEY + "2"))
    assert all(way.context != own or way.key_arn for way in ways)
    assert len({way.name for way in ways}) == len(ways) == 11


def test_a_text_is_found_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "base" / "1").mkdir(parents=True)
    (tmp_path / "base" / "1" / "16384").write_bytes(b"\0" * 9000 + "cnry-ä".encode() + b"\0")
    (tmp_path / "empty").touch()
    log = tmp_path / "server.log"
    log.write_text("nothing")
    seen = scan([str(tmp_path)], ["cnry-ä", "absent"])
    assert seen.found == {"cnry-ä": ["1/16384"], "absent": []}
    assert (seen.files, seen.unread) == (3, 0)
    assert scan([str(log)], ["noth"]).found == {"noth": [f"{tmp_path.name}/server.log"]}
    assert scan([str(tmp_path / "missing")], ["x"]).files == 0


def deep(respond: Respond, otherwise: AwsAnswer = GRANTED, files: tuple[str, ...] = (), **answers: AwsAnswer) -> (
    DeepErasure
):  # fmt: skip
    target = FakeTarget(respond, otherwise, **answers)
    ways = target.profile.erasure
    ways.operations["export"] = Operation(method="POST", path="/export")
    ways.files, ways.tenant.trail_key = files, _named(SIGNER)
    target.wire.send = lambda request, **_: respond(request)
    return DeepErasure(cast("Any", target))


@pytest.mark.parametrize(
    "respond", [DEAD, says(200, []), says(403, {"error": "NO"})], ids=["dead", "agreeable", "refuser"]
)
def test_a_hollow_target_shows_nothing_about_erasure(respond: Respond) -> None:
    for aws in (GONE, DENIED, GRANTED):
        probe = deep(respond, aws)
        row = probe.plant()
        seen: list[Observation] = [probe.exported(row), probe.shred_again(row), probe.shred_while_linked()]
        assert {each.outcome for each in seen} <= {UNCLEAR, UNANSWERED, PERMITTED}
        assert probe.certificate(row).outcome in {ABSENT, UNANSWERED}
        assert probe.certificate().outcome in {ABSENT, UNANSWERED}
        calibration, trials = probe.in_place(row), list(probe.out_of_place(row, row))
        assert calibration.outcome is not PERMITTED or {each.outcome for each in trials} == {PERMITTED}


def test_a_profile_without_an_export_is_told_what_to_add() -> None:
    with pytest.raises(UsageError, match="export"):
        DeepErasure(cast("Any", FakeTarget(DEAD, GRANTED)))


def _link(note: str | None, status: int = 200) -> Callable[[str], Respond]:
    """A target whose export holds one record with this note."""

    def of(ident: str) -> Respond:
        def respond(request: Request) -> Answer:
            if request.target == "/export":
                return says(201, {"link": "http://127.0.0.1:9/b/x?X-Amz-Signature=s"})(request)
            line = json.dumps({"id": ident, "note": note}).encode()
            return Answer(status=status, reason="", headers=(), body=line + b"\n", seconds=0.0)

        return respond

    return of


def test_an_export_is_read_through_its_link() -> None:
    row = deep(DEAD).plant()
    assert deep(_link(row.canary)(row.id)).exported(row).outcome is PRESENT
    assert deep(_link(None)(row.id)).exported(row).outcome is ABSENT
    assert deep(_link(None)("another")).exported(row).outcome is UNCLEAR
    assert deep(_link(None, 403)(row.id)).exported(row).outcome is UNCLEAR
    assert deep(says(503, {"error": "KEY_UNAVAILABLE"})).exported(row).outcome is REFUSED


def test_a_link_that_leads_elsewhere_is_not_followed_and_ends_no_check() -> None:
    probe = deep(DEAD)
    row, respond = probe.plant(), _link("x")("y")

    def guarded(request: Request, *, to: str = "") -> Answer:
        if to:
            raise UsageError(f"{to} is not in safety.hosts")
        return respond(request)

    cast("Any", probe.target).wire.send = guarded
    assert probe.exported(row).outcome is UNANSWERED


def test_a_refusal_while_a_link_is_open_is_the_contracts_conflict() -> None:
    assert deep(says(409, {"error": "CONFLICT"})).shred_while_linked().outcome is REFUSED
    assert deep(says(409, {"error": "OTHER"})).shred_while_linked().outcome is UNCLEAR
    # No export was made, so that no link was open: that it was erased is no finding.
    assert deep(says(200, {"certificate": {}})).shred_while_linked().outcome is UNCLEAR


def test_a_wrapped_key_that_is_refused_for_the_keys_sake_is_not_refused_for_its_place() -> None:
    row = deep(DEAD).plant()
    for code, outcome in (("InvalidCiphertextException", REFUSED), ("AccessDeniedException", REFUSED),
                          ("DisabledException", UNCLEAR), ("ThrottlingException", UNCLEAR)):  # fmt: skip
        probe = deep(DEAD, GRANTED, decrypt=AwsAnswer(code=code))
        assert {each.outcome for each in probe.out_of_place(row, row)} == {outcome}


def test_files_are_searched_where_the_profile_lends_them_and_nowhere_else(tmp_path: Path) -> None:
    assert list(deep(DEAD).left_in_files(deep(DEAD).plant())) == []
    probe = deep(DEAD, files=(str(tmp_path),))
    row = probe.plant()
    (tmp_path / "page").write_text(f"{row.id} and no content")
    assert [each.outcome for each in probe.seen_in_files(row)] == [PRESENT]
    assert [each.outcome for each in probe.left_in_files(row)] == [ABSENT]
    (tmp_path / "log").write_text(row.canary)
    assert [each.outcome for each in probe.left_in_files(row)] == [PRESENT]
    nowhere = deep(DEAD, files=(str(tmp_path / "missing"),))
    assert [each.outcome for each in nowhere.left_in_files(row)] == [UNCLEAR]


def test_an_event_has_a_canary_of_its_own_that_is_searched_for_where_events_lie(tmp_path: Path) -> None:
    sent: list[Request] = []
    topics, pages = tmp_path / "topics", tmp_path / "pages"
    for folder in (topics, pages):
        folder.mkdir()

    def respond(request: Request) -> Answer:
        sent.append(request)
        return says(202, {"batch": "b-17"})(request)

    probe = deep(respond, files=(str(pages),))
    cast("Any", probe.ways).event = PlantedEvent(
        operation=Operation(method="POST", path="/events"),
        body={"of": "{subject}", "id": "{canary}"},
        principal="p",
        files=(str(topics),),
    )
    row = probe.plant()
    assert [each.outcome for each in probe.streamed(row)] == [PERMITTED]
    said = json.loads(sent[-1].body)
    assert said["of"] == row.subject
    assert said["id"] not in {row.canary, ""}
    assert ("Idempotency-Key", f"tp-{row.id}") in sent[-1].headers
    (pages / "1").write_text(f"{row.id} {said['id']}")
    (topics / "0.log").write_text("b-17")
    assert [each.outcome for each in probe.seen_in_files(row)] == [PRESENT, PRESENT]
    assert [each.outcome for each in probe.left_in_files(row)] == [ABSENT, ABSENT]
    (topics / "0.log").write_text(said["id"])
    assert [each.outcome for each in probe.seen_in_files(row)] == [PRESENT, ABSENT]
    assert [each.outcome for each in probe.left_in_files(row)] == [ABSENT, PRESENT]


def test_where_no_event_is_described_none_is_sent() -> None:
    probe = deep(DEAD)
    assert list(probe.streamed(probe.plant())) == []
