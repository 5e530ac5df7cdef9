"""Every byte of every file of a bundle counts, and each guard of the verifier is what notices some change."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantproof.evidence import sealed
from tenantproof.evidence import verify as verifier
from tenantproof.evidence.manifest import ATTESTATION, MANIFEST, canonical
from tenantproof.evidence.verify import verify
from tests.evidence.signed_bundles import KEY, both_agree, make, manifest_of, tiny

MASKS = (0x01, 0x20, 0x80)  # the lowest bit, upper for lower case, and out of ASCII


@pytest.mark.parametrize("name", [MANIFEST, ATTESTATION, "record.json", "junit.xml"])
def test_flipping_any_byte_is_noticed_by_both_verifiers(tmp_path: Path, name: str) -> None:
    path = tiny(tmp_path / "evidence") / name
    good = path.read_bytes()
    unnoticed = []
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ MASKS[at % 3]]) + good[at + 1 :])
        if both_agree(path.parent).ok:
            unnoticed.append(at)
    assert unnoticed == []


def cut(bundle: Path) -> None:
    path = bundle / "journal.sqlite"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def drop_observations(bundle: Path) -> None:
    with contextlib.closing(sqlite3.connect(bundle / "journal.sqlite")) as journal, journal:
        journal.execute("DELETE FROM entries WHERE seq > 1")


def reorder_observations(bundle: Path) -> None:
    with contextlib.closing(sqlite3.connect(bundle / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE entries SET seq = -seq")
        journal.execute("UPDATE entries SET seq = 4 + seq")


def add_an_observation(bundle: Path) -> None:
    with contextlib.closing(sqlite3.connect(bundle / "journal.sqlite")) as journal, journal:
        journal.execute("INSERT INTO entries VALUES (4)")


JOURNALS = {"cut": cut, "dropped": drop_observations, "reordered": reorder_observations, "added": add_an_observation}


@pytest.mark.parametrize("name", JOURNALS)
def test_a_journal_is_kept_as_it_was(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "evidence")
    JOURNALS[name](folder)
    assert [problem for problem in both_agree(folder).problems if "journal.sqlite was changed" in problem]


def append(bundle: Path) -> None:
    (bundle / "junit.xml").write_bytes(b"<testsuites/> ")


def replace_alike(bundle: Path) -> None:
    (bundle / "junit.xml").write_bytes(b"<testsuiteS/>")


def add(bundle: Path) -> None:
    (bundle / "more.txt").write_bytes(b"")


def unsign(bundle: Path) -> None:
    (bundle / MANIFEST).write_bytes(canonical(manifest_of(bundle) | {"complete": False}))


def respell(bundle: Path) -> None:
    (bundle / MANIFEST).write_bytes((bundle / MANIFEST).read_bytes() + b"\n")


def _nothing(*_: object) -> str:
    return ""


GUARDS: dict[str, tuple[Callable[[Path], None], object, str, object]] = {
    "the files": (add, verifier, "_check_files", _nothing),
    "each file": (append, verifier, "_differs", _nothing),
    "the digest": (
        replace_alike,
        verifier,
        "_differs",
        lambda path, entry: "" if path.stat().st_size == entry.size else "x",
    ),
    "the signature": (unsign, verifier, "_check_attestation", _nothing),
    "what was signed": (unsign, verifier, "_check_statement", _nothing),
    "the spelling": (respell, sealed, "_is_canonical", lambda *_: True),
}


@pytest.mark.parametrize("name", GUARDS)
def test_without_a_guard_a_change_goes_unnoticed(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no guard stands there for show: what it is for is noticed with it, and by nothing else without it."""
    spoil, place, guard, removed = GUARDS[name]
    folder = tiny(tmp_path / "evidence")
    spoil(folder)
    assert not both_agree(folder).ok
    monkeypatch.setattr(place, guard, removed)
    assert verify(folder, KEY.public).ok
