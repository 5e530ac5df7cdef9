"""`tenantproof trail verify` finds every attack on a log, and nothing wrong with a log that is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from click.testing import CliRunner

from tenantproof.cli import group
from tenantproof.model.errors import UsageError
from tests.transparency.exporting import NOW, edited, events_of, export_of, head_of, leaf, root_of
from tests.transparency.growing import SIGNER, STRANGER, key_text, note_of, receipt_of

ENTRIES = events_of(40)
DECOMPOSED = "e\u0301"
OTHER = "log.example/audit/globex/1"


def verify(*arguments: object) -> tuple[int, dict[str, Any]]:
    words = [str(word) for word in arguments]
    done = CliRunner().invoke(group, ["trail", "verify", "--json", "--at", NOW, *words], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.return_value, json.loads(done.stdout)


def faults(*arguments: object) -> set[str]:
    code, said = verify(*arguments)
    found = {kind for log in said["logs"] for kind in log["faults"]}
    assert code == bool(found)
    return found


def test_a_whole_log_is_whole(tmp_path: Path) -> None:
    receipts = [receipt_of(seq, leaf(ENTRIES[seq])) for seq in (0, 17, 39)]
    path = export_of(tmp_path / "a", ENTRIES, heads=[head_of(ENTRIES[:9]), head_of(ENTRIES)], receipts=receipts)
    code, said = verify(path, "--key", key_text())
    assert code == 0
    assert said["logs"][0] | {"heads": 0} == {
        "file": str(path),
        "log": "log.example/audit/acme/1",
        "whole": True,
        "size": 40,
        "root": root_of(ENTRIES).hex(),
        "heads": 0,
        "faults": {},
        "first": [],
        "notes": [],
    }


def test_at_first_sight_the_key_is_the_exports_own_and_the_answer_says_so(tmp_path: Path) -> None:
    _, said = verify(export_of(tmp_path / "a", ENTRIES))
    assert "agrees with itself" in said["logs"][0]["notes"][0]


def _swap(a: int, b: int) -> Callable[[list[bytes]], None]:
    def swap(entries: list[bytes]) -> None:
        entries[a], entries[b] = entries[b], entries[a]

    return swap


def _put(at: int, entry: bytes) -> Callable[[list[bytes]], None]:
    return lambda entries: entries.__setitem__(at, entry)


ATTACKS: dict[str, tuple[Callable[[list[bytes]], object], set[str]]] = {
    "one entry edited": (_put(7, edited(ENTRIES[7], result={"http_status": 403})), {"unchained", "rewritten"}),
    "a denial made an allowance": (_put(39, edited(ENTRIES[39], result=None)), {"rewritten"}),
    "one deleted": (lambda e: e.pop(7), {"gap", "unchained", "truncated"}),
    "one doubled": (lambda e: e.insert(7, e[7]), {"repeated", "unchained", "uncovered", "rewritten"}),
    "two swapped": (_swap(7, 8), {"gap", "repeated", "unchained", "backwards", "rewritten"}),
    "the tail cut off": (lambda e: e.__delitem__(slice(30, None)), {"truncated"}),
    "one put behind the head": (lambda e: e.append(events_of(41)[40]), {"uncovered"}),
    "one of another log": (_put(7, events_of(40, origin=OTHER)[7]), {"foreign", "unchained", "rewritten"}),
    "one of another log, relabelled": (
        _put(7, edited(events_of(40, origin=OTHER)[7], log="log.example/audit/acme/1")),
        {"unchained", "rewritten"},
    ),
    "no object": (_put(7, b"[]"), {"unreadable", "unchained", "rewritten"}),
    "no JSON": (_put(7, b"{"), {"unreadable", "unchained", "rewritten"}),
    "another order of members": (
        _put(7, json.dumps(json.loads(ENTRIES[7]), separators=(",", ":")).encode()[:-1] + b',"a":1}'),
        {"uncanonical", "unchained", "rewritten"},
    ),
    "a member named twice": (_put(7, b'{"actor":1,' + ENTRIES[7][1:]), {"uncanonical", "unchained", "rewritten"}),
    "a whole number with a point": (
        _put(7, ENTRIES[7].replace(b'"rows":7', b'"rows":7.0')),
        {"uncanonical", "unchained", "rewritten"},
    ),
    "a number too big for JSON readers": (
        _put(7, ENTRIES[7].replace(b'"rows":7', b'"rows":9007199254740993')),
        {"uncanonical", "unchained", "rewritten"},
    ),
    "not a number": (_put(7, ENTRIES[7].replace(b'"rows":7', b'"rows":NaN')), {"unreadable", "unchained", "rewritten"}),
    "a name that looks like another": (
        _put(39, rfc8785.dumps({**json.loads(ENTRIES[39]), DECOMPOSED: 1})),
        {"uncanonical", "rewritten"},
    ),
}


@pytest.mark.parametrize(("attack", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_on_the_entries_is_found(
    attack: Callable[[list[bytes]], object], expected: set[str], tmp_path: Path
) -> None:
    entries = list(ENTRIES)
    attack(entries)
    assert faults(export_of(tmp_path / "a", entries, heads=[head_of(ENTRIES)]), "--key", key_text()) == expected


def _set(at: int, **members: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda events: events[at].update(members)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set(7, ts_logged="2026-02-28T23:00:00+00:00"), {"backwards", "late"}),
        (_set(7, ts_logged="2026-03-01T00:00:07"), {"timeless"}),
        (_set(7, ts_logged="2026-03-01T00:00:60Z"), {"timeless"}),
        (_set(7, ts_event="2026-03-01T00:00:07"), {"timeless"}),
        (_set(7, ts_event="2026-03-01T02:00:07+00:00"), {"late"}),
        (_set(39, ts_logged="2027-03-01T00:00:07Z", ts_event="2027-03-01T00:00:07Z"), {"future"}),
        (_set(7, seq="7"), {"unreadable"}),
        (_set(7, seq=True), {"unreadable"}),
        (_set(7, seq=6), {"repeated"}),
        (lambda events: events[7].pop("log"), {"foreign"}),
        (lambda events: events[7].update(actor={"score": 0.5, "name": "\u00e9"}), set()),
    ],
    ids=range(11),
)
def test_structure_and_time_hold_even_in_a_log_that_was_signed_as_it_is(
    change: Callable[[list[dict[str, Any]]], None], expected: set[str], tmp_path: Path
) -> None:
    assert faults(export_of(tmp_path / "a", events_of(40, change=change)), "--key", key_text()) == expected


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([], {"unsigned"}),
        ([note_of(40, root_of(ENTRIES), signer=STRANGER)], {"unsigned"}),
        ([note_of(40, root_of(ENTRIES), origin=OTHER)], {"unsigned"}),
        ([head_of(ENTRIES).replace("\n40\n", "\n41\n")], {"unsigned"}),
        ([note_of(40, root_of(ENTRIES[:39]))], {"rewritten"}),
        ([note_of(41, root_of(events_of(41)))], {"truncated"}),
        ([head_of(ENTRIES), note_of(20, root_of(events_of(20, change=_set(3, a=1))))], {"rewritten"}),
        ([head_of(ENTRIES[:20])], {"uncovered"}),
    ],
    ids=range(8),
)
def test_a_head_that_is_not_signed_over_these_entries_is_found(
    heads: Sequence[str], expected: set[str], tmp_path: Path
) -> None:
    assert faults(export_of(tmp_path / "a", ENTRIES, heads=heads), "--key", key_text()) == expected


@pytest.mark.parametrize(
    ("receipt", "expected"),
    [
        (receipt_of(7, leaf(ENTRIES[7]), STRANGER), {"receipt"}),
        (receipt_of(7, leaf(ENTRIES[7]), origin=OTHER), {"receipt"}),
        (receipt_of(7, leaf(ENTRIES[8])), {"receipt"}),
        (receipt_of(8, leaf(ENTRIES[7])), {"receipt"}),
        (receipt_of(40, leaf(ENTRIES[7])), {"truncated"}),
        ("7.x.y", {"receipt"}),
    ],
    ids=range(6),
)
def test_a_receipt_is_held_to_the_log(receipt: str, expected: set[str], tmp_path: Path) -> None:
    path = export_of(tmp_path / "a", ENTRIES, receipts=[receipt])
    assert faults(path, "--key", key_text()) == expected


def test_a_log_is_held_to_what_it_was_when_it_was_last_seen(tmp_path: Path) -> None:
    heads = tmp_path / "heads.json"
    first = export_of(tmp_path / "first", ENTRIES[:30])
    assert faults(first, "--heads", heads) == set()
    grown = export_of(tmp_path / "grown", ENTRIES)
    assert faults(grown, "--heads", heads) == set()
    assert faults(first, "--heads", heads) == {"rollback"}
    rewritten = events_of(45, change=_set(3, a="other"))
    assert faults(export_of(tmp_path / "fork", rewritten), "--heads", heads) == {"fork"}
    rekeyed = note_of(40, root_of(ENTRIES), signer=STRANGER)
    other = export_of(tmp_path / "key", ENTRIES, heads=[rekeyed], key=key_text(STRANGER))
    assert faults(other, "--heads", heads) == {"unsigned"}
    assert faults(other, "--heads", heads, "--key", key_text(STRANGER)) == {"key"}
    assert json.loads(heads.read_text())["heads"][0]["size"] == 40, "only what was whole is remembered"


def test_two_readers_are_shown_one_log(tmp_path: Path) -> None:
    one = export_of(tmp_path / "one", ENTRIES)
    assert faults(one, export_of(tmp_path / "two", ENTRIES[:25]), "--key", key_text()) == set()
    forked = [*ENTRIES[:20], *events_of(42, change=_set(20, a=1))[20:]]
    assert faults(one, export_of(tmp_path / "fork", forked), "--key", key_text()) == {"fork"}
    elsewhere = events_of(5, origin=OTHER)
    note = note_of(5, root_of(elsewhere), origin=OTHER)
    another = export_of(tmp_path / "other", elsewhere, heads=[note], origin=OTHER)
    assert faults(one, another, "--key", key_text(), "--key", key_text(SIGNER, OTHER)) == set()


def test_a_file_that_was_cut_is_told_from_a_log_that_was_cut(tmp_path: Path) -> None:
    path = export_of(tmp_path / "a", ENTRIES)
    whole = path.read_bytes()
    for keep in (len(whole) - 4, len(whole) - 60, whole.index(b"leaf ") + 100):
        path.write_bytes(whole[:keep])
        assert "truncated" in faults(path, "--key", key_text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing\n",
        "tenantproof-trail/1\n",
        "tenantproof-trail/1\nlog a\nlog b\nend 0\n",
        "tenantproof-trail/1\nx y\n",
    ]
    + [f"tenantproof-trail/1\nlog a\nhead {head}\nend 0\n" for head in ("x", "1")]
    + ['tenantproof-trail/1\nlog a\nleaf {}\nhead "x"\nend 1\n', "tenantproof-trail/1\nlog a\nend 0\nleaf {}\n"],
)
def test_what_is_no_export_is_wrong_usage(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(text)
    with pytest.raises(UsageError):
        verify(path)


def test_entries_weighed_side_by_side_come_to_the_same(tmp_path: Path) -> None:
    many = events_of(4_100)
    whole, path = head_of(many), export_of(tmp_path / "a", many)
    assert verify(path, "--jobs", 2) == verify(path, "--jobs", 1)
    # The first of the second stretch: the fault shows where two stretches meet.
    del many[4_096]
    broken = export_of(tmp_path / "b", many, heads=[whole])
    assert faults(broken, "--jobs", 1) == faults(broken, "--jobs", 2) == {"gap", "unchained", "truncated"}


def test_hostile_text_of_a_log_does_not_reach_the_terminal(tmp_path: Path) -> None:
    hostile = "evil\x1b[2J\u2028\u202e"
    note = note_of(1, root_of(ENTRIES[:1]), origin=hostile)
    path = export_of(tmp_path / "a", ENTRIES[:1], origin=hostile, heads=[note], key=key_text(SIGNER, "x"))
    done = CliRunner().invoke(group, ["trail", "verify", str(path)], standalone_mode=False)
    assert done.return_value == 1
    assert not set("\x1b\u2028\u202e") & set(done.stdout)


def test_a_log_is_held_to_what_a_witness_saw_of_it_whose_file_stays_as_it_is(tmp_path: Path) -> None:
    witness = tmp_path / "witness.json"
    assert faults(export_of(tmp_path / "seen", ENTRIES[:30]), "--heads", witness) == set()
    before = witness.read_bytes()
    rewritten = export_of(tmp_path / "rewritten", events_of(45, change=_set(3, a="other")))
    assert faults(rewritten) == set()
    assert faults(rewritten, "--witness", witness) == {"fork"}
    assert faults(export_of(tmp_path / "short", ENTRIES[:20]), "--witness", witness) == {"rollback"}
    assert faults(export_of(tmp_path / "grown", ENTRIES), "--witness", witness) == set()
    assert witness.read_bytes() == before
