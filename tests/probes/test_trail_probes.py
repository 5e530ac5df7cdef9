"""The probes of trails find every way in which a log is not one, and nothing wrong with a log that is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tenantproof.clients.exchange import Request
from tenantproof.clients.transparency.heads import HeadBook
from tenantproof.evidence.heads import heads_json, read_heads, remembered
from tenantproof.model.errors import UsageError
from tenantproof.model.heads import Head
from tenantproof.model.outcome import ABSENT, ALIKE, DIFFERENT, PRESENT, Outcome
from tenantproof.probes.trail_integrity import TrailIntegrity
from tenantproof.probes.trail_receipts import TrailReceipts
from tenantproof.probes.trail_sinks import HOSTILE, TrailSinks, _is_hostile
from tenantproof.probes.trail_sizes import TrailSizes
from tests.probes.fake_log import FakeLogs, Json, LogTarget
from tests.transparency.exporting import leaf
from tests.transparency.growing import STRANGER, key_text, note_of, receipt_of

DEPLOYMENT = "deployment=one; product=fake"


class Edited(FakeLogs):
    """Shows other results than were written."""

    def page(self, tenant: str, after: int, limit: int, trace_id: str, reader: str) -> Json:
        page = super().page(tenant, after, limit, trace_id, reader)
        for entry in page["events"]:
            entry["event"]["result"] = {"http_status": 200, "rows": 1}
        return page


class Hiding(FakeLogs):
    """Leaves one entry out."""

    def page(self, tenant: str, after: int, limit: int, trace_id: str, reader: str) -> Json:
        page = super().page(tenant, after, limit, trace_id, reader)
        return {**page, "events": [entry for entry in page["events"] if entry["seq"] != 2]}


class TwoFaced(FakeLogs):
    """Shows another reader other entries."""

    def page(self, tenant: str, after: int, limit: int, trace_id: str, reader: str) -> Json:
        page = super().page(tenant, after, limit, trace_id, reader)
        if reader != "reader":
            page["events"] = [{**entry, "event": {**entry["event"], "actor": None}} for entry in page["events"]]
        return page


class ForkedHead(FakeLogs):
    """Shows another reader another head."""

    def checkpoint(self, tenant: str, reader: str) -> str:
        if reader == "reader":
            return super().checkpoint(tenant, reader)
        return note_of(len(self.entries[tenant]), b"f" * 32, origin=self.origin(tenant), signer=self.signer)


class OtherKey(FakeLogs):
    """Signs with a key that nobody knows."""

    def checkpoint(self, tenant: str, reader: str) -> str:
        return note_of(1, b"r" * 32, origin=self.origin(tenant), signer=STRANGER)


class NoProof(FakeLogs):
    """Proves nothing."""

    def consistency(self, tenant: str, old: int, new: int) -> Json:
        return {"hashes": []}


class Backwards(FakeLogs):
    """Its clock runs backwards."""

    turn = 0

    def now(self) -> str:
        self.turn += 1
        return (datetime.now(UTC) - timedelta(seconds=self.turn)).isoformat()


def held(logs: FakeLogs, heads: HeadBook | None = None, *, provable: bool = True) -> set[Outcome]:
    """What holding a tenant's trail to itself comes to."""
    log = TrailIntegrity(LogTarget(logs, heads, provable=provable))
    for _ in range(4):
        logs.write("acme", {"kind": "earlier"})
    assert log.tampered("acme").outcome is DIFFERENT
    seen = [log.whole("acme"), *log.shown_to_another("acme"), *log.grown("acme")]
    return {observation.outcome for observation in seen}


def test_a_log_that_only_grows_is_alike_in_every_respect() -> None:
    book = HeadBook()
    assert held(FakeLogs(), book) == {ALIKE}
    known = book.known(DEPLOYMENT, "log.example/audit/acme/1")
    assert known is not None
    assert known.size > 4


@pytest.mark.parametrize("logs", [Edited, Hiding, TwoFaced, ForkedHead, OtherKey, NoProof, Backwards])
def test_a_log_that_is_not_one_differs(logs: type[FakeLogs]) -> None:
    assert DIFFERENT in held(logs())


def test_a_log_without_heads_is_still_held_to_its_order() -> None:
    assert held(FakeLogs(), provable=False) == {ALIKE}

    class Reversed(FakeLogs):
        """Shows the newest first."""

        def page(self, tenant: str, after: int, limit: int, trace_id: str, reader: str) -> Json:
            page = super().page(tenant, after, limit, trace_id, reader)
            return {**page, "events": page["events"][::-1]}

    assert DIFFERENT in held(Reversed(), provable=False)


def _known(logs: FakeLogs, size: int, root: bytes) -> HeadBook:
    name = logs.origin("acme")
    key = key_text(logs.signer, name)
    head = Head(log=name, size=size, root=root.hex(), key=key, seen="2026-03-01T00:00:00Z", deployment=DEPLOYMENT)
    return HeadBook([head])


def test_a_log_that_went_back_since_the_last_run_differs_and_stays_known_by_what_it_was() -> None:
    logs = FakeLogs()
    book = _known(logs, 1_000, b"r" * 32)
    assert DIFFERENT in held(logs, book)
    known = book.known(DEPLOYMENT, logs.origin("acme"))
    assert known is not None
    assert known.size == 1_000


def test_a_log_with_another_past_than_at_the_last_run_differs_and_the_same_past_does_not() -> None:
    logs = FakeLogs()
    logs.write("acme", {"kind": "first"})
    assert DIFFERENT in held(logs, _known(logs, 1, b"r" * 32))
    assert held(logs, _known(logs, 1, leaf(logs.entries["acme"][0]))) == {ALIKE}
    other = Head(log=logs.origin("acme"), size=9_999, root="00" * 32, key="", seen="", deployment="deployment=two")
    assert held(logs, HeadBook([other])) == {ALIKE}, "another deployment's log is another log"


def test_a_head_that_was_found_wrong_does_not_become_the_one_that_later_runs_trust() -> None:
    logs = ForkedHead()
    book = _known(logs, 2, b"r" * 32)
    held(logs, book)
    known = book.known(DEPLOYMENT, logs.origin("acme"))
    assert known is not None
    assert known.size == 2


class Forgetting(FakeLogs):
    """Does not record lists."""

    def record(self, tenant: str, request: Request, status: int) -> str:
        return "" if request.target.endswith("/attributions") else super().record(tenant, request, status)


class Doubling(FakeLogs):
    """Records everything twice."""

    def record(self, tenant: str, request: Request, status: int) -> str:
        super().record(tenant, request, status)
        return super().record(tenant, request, status)


class Elsewhere(FakeLogs):
    """Records everything in a neighbour's trail too."""

    def record(self, tenant: str, request: Request, status: int) -> str:
        self.write("acme-eu", self.event(tenant, request, status))
        return super().record(tenant, request, status)


class LocalTime(FakeLogs):
    """Its events say another time than its answers."""

    def event(self, tenant: str, request: Request, status: int) -> Json:
        later = datetime.now(UTC) + timedelta(minutes=4)
        return {**super().event(tenant, request, status), "ts_event": later.isoformat()}


class ForgedReceipt(FakeLogs):
    """Its receipts are signed by somebody else."""

    def receipt(self, tenant: str, seq: int) -> str:
        return receipt_of(seq, leaf(self.entries[tenant][seq]), STRANGER, self.origin(tenant))


class NeighboursReceipt(FakeLogs):
    """Its receipts are for the entry before."""

    def receipt(self, tenant: str, seq: int) -> str:
        return super().receipt(tenant, max(seq - 1, 0))


class StaleHead(FakeLogs):
    """Shows its first head for ever."""

    kept = ""

    def checkpoint(self, tenant: str, reader: str) -> str:
        self.kept = self.kept or super().checkpoint(tenant, reader)
        return self.kept


class WrongPath(FakeLogs):
    """Proves the leaf before."""

    def inclusion(self, tenant: str, seq: int, size: int) -> Json:
        return super().inclusion(tenant, seq - 1, size)


def looked_up(logs: FakeLogs, check: str = "") -> bool:
    """Whether all that a tenant did stands where it should."""
    acts = TrailReceipts(LogTarget(logs))
    acts.acted("acme")
    found = {
        "at once": all(acts.at_once("acme", operation).outcome is PRESENT for operation in acts.operations),
        "once": all(event.outcome is PRESENT for event in acts.each_once("acme")),
        "receipts": all(receipt.outcome is ALIKE for receipt in acts.receipts("acme")),
        "elsewhere": all(event.outcome is ABSENT for event in acts.nowhere_else("acme", "acme-eu")),
    }
    return found[check] if check else all(found.values())


def test_what_was_answered_stands_in_the_trail_once() -> None:
    assert looked_up(FakeLogs())


@pytest.mark.parametrize(
    ("logs", "check"),
    [
        (Doubling, "once"),
        (LocalTime, "once"),
        (Elsewhere, "elsewhere"),
        (ForgedReceipt, "receipts"),
        (NeighboursReceipt, "receipts"),
        (StaleHead, "receipts"),
        (WrongPath, "receipts"),
    ],
)
def test_a_record_that_is_not_as_it_should_be_is_found(logs: type[FakeLogs], check: str) -> None:
    assert not looked_up(logs(), check)


def test_an_act_without_a_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenantproof.probes.trail_events.PATIENCE", 0.0)
    assert not looked_up(Forgetting(), "at once")
    assert not looked_up(Forgetting(), "receipts")


class Summing(FakeLogs):
    """Tells the size of all trails together."""

    def page(self, tenant: str, after: int, limit: int, trace_id: str, reader: str) -> Json:
        size = sum(map(len, self.entries.values()))
        return {**super().page(tenant, after, limit, trace_id, reader), "size": size}


class Sizing(FakeLogs):
    """Tells the size of the trail."""

    def page(self, tenant: str, after: int, limit: int, trace_id: str, reader: str) -> Json:
        return {**super().page(tenant, after, limit, trace_id, reader), "size": len(self.entries[tenant])}


class Listing(FakeLogs):
    """Names the other logs in each head."""

    def checkpoint(self, tenant: str, reader: str) -> str:
        leaves = self.leaves(tenant)
        more = "".join(f"{self.origin(other)}\n" for other in self.entries if other != tenant)
        return note_of(len(leaves), b"r" * 32, origin=self.origin(tenant), signer=self.signer, more=more)


def test_the_growth_of_ones_own_trail_shows_and_that_of_anothers_does_not() -> None:
    sizes = TrailSizes(LogTarget(Sizing()))
    assert sizes.own_growth("acme").outcome is PRESENT
    assert sizes.foreign_growth("acme", "globex").outcome is ABSENT
    assert sizes.foreign_heads("acme", "globex").outcome is ABSENT


def test_a_size_and_a_head_that_show_through_are_seen() -> None:
    assert TrailSizes(LogTarget(Summing())).foreign_growth("acme", "globex").outcome is PRESENT
    assert TrailSizes(LogTarget(Listing())).foreign_heads("acme", "globex").outcome is PRESENT


class Keeping(FakeLogs):
    """Writes down everything it was sent, each time in another encoding."""

    def event(self, tenant: str, request: Request, status: int) -> Json:
        sent = "\n".join([request.target, *(value for _, value in request.headers), request.body.decode()])
        return {**super().event(tenant, request, status), "sent": sent.encode("utf-8", "replace").hex()}


def test_a_secret_in_any_part_of_a_request_is_found_in_a_trail_that_keeps_it_and_in_no_other() -> None:
    kept = list(TrailSinks(LogTarget(Keeping())).spilled("acme", "acme"))
    assert len(kept) == 9
    assert {observation.outcome for observation in kept} == {PRESENT}
    clean = TrailSinks(LogTarget(FakeLogs()))
    assert {observation.outcome for observation in clean.spilled("acme", "acme")} == {ABSENT}
    assert {observation.outcome for observation in clean.disturbed("acme")} == {ABSENT}


@pytest.mark.parametrize("name", ["ANSI", "line separator", "direction", "NUL", "CRLF", "lookup"])
def test_hostile_text_that_comes_out_as_it_went_in_is_hostile(name: str) -> None:
    assert _is_hostile(f"/x/mark{HOSTILE[name]}", "mark", HOSTILE[name])
    assert not _is_hostile("/x/mark", "mark", HOSTILE[name])
    assert not _is_hostile(HOSTILE[name], "mark", HOSTILE[name]), "somebody else's"


def test_a_text_that_a_spreadsheet_would_run_is_hostile() -> None:
    assert _is_hostile("=HYPERLINK(1)mark", "mark", HOSTILE["formula"])
    assert not _is_hostile("a=HYPERLINK(1)mark", "mark", HOSTILE["formula"])


def _head(seen: str, size: int = 1) -> Head:
    return Head(log=f"log {seen}", size=size, root="00", key="", seen=seen)


def test_heads_are_read_back_from_the_newest_signed_bundle_that_has_some(tmp_path: Path) -> None:
    assert remembered(tmp_path / "none") == ()
    for run, heads, signed in (
        ("1", [_head("a")], True),
        ("2", [_head("b")], True),
        ("3", [], True),
        ("4", [_head("c")], False),
    ):
        folder = tmp_path / run
        folder.mkdir()
        (folder / "heads.json").write_bytes(heads_json(heads))
        if signed:
            (folder / "attestation.dsse.json").touch()
    (tmp_path / "latest").symlink_to("4")
    assert remembered(tmp_path) == (_head("b"),)


def test_a_file_of_heads_keeps_the_newest_and_is_not_taken_for_one_when_it_is_none(tmp_path: Path) -> None:
    path = tmp_path / "heads.json"
    path.write_bytes(heads_json(_head(f"{number:04}") for number in range(300)))
    assert len(read_heads(path)) == 200
    assert read_heads(path)[0].seen == "0299"
    for text in ("{", json.dumps({"schema": "other/1"})):
        path.write_text(text)
        with pytest.raises(UsageError):
            read_heads(path)


def test_the_largest_head_of_a_log_is_the_one_that_is_kept() -> None:
    book = HeadBook([_head("a", 5)])
    book.note(_head("a", 3))
    assert [head.size for head in book.all()] == [5]
    book.note(_head("a", 7))
    assert [head.size for head in book.all()] == [7]
