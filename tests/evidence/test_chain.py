"""The chain of bundles: what is cut off, put in, swapped or written anew is noticed, as far as a chain can show it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantproof.evidence import verify as verifier
from tenantproof.evidence.chain import Chain
from tenantproof.evidence.manifest import MANIFEST, digest_of
from tenantproof.evidence.verify import verify
from tests.evidence.signed_bundles import KEY, both_agree, independent, manifest_of, sign_anew, tiny

RUNS = [f"2025030{day}T020000Z-0a0b0{day}" for day in range(1, 5)]


@pytest.fixture
def chain(tmp_path: Path) -> list[Path]:
    """Four bundles, each of which names the one before."""
    return [tiny(tmp_path / "evidence", run, ended=f"2025-03-0{run[7]}T02:00:41Z") for run in RUNS]


def test_the_whole_chain_is_followed_and_ends_at_the_first(chain: list[Path]) -> None:
    result = both_agree(chain[3])
    assert (result.ok, result.links) == (True, 4)
    assert any(f"begins with {RUNS[0]}" in note for note in result.notes)


def put_another_in_the_place_of_the_second(chain: list[Path]) -> None:
    sign_anew(chain[1], manifest_of(chain[1]) | {"time": "2025-03-02T09:00:00Z"})


def empty_the_second(chain: list[Path]) -> None:
    shutil.rmtree(chain[1])
    chain[1].mkdir()


def swap_the_first_two(chain: list[Path]) -> None:
    aside = chain[0].with_name("aside")
    chain[0].rename(aside)
    chain[1].rename(chain[0])
    aside.rename(chain[1])


def put_one_in_between(chain: list[Path]) -> None:
    """A bundle of the right key that also names the first as the one before."""
    fresh = chain[0].with_name("20250301T120000Z-abcdef")
    shutil.copytree(chain[1], fresh)
    sign_anew(fresh, manifest_of(fresh) | {"run": fresh.name})


SPOILS = {
    "replaced": put_another_in_the_place_of_the_second,
    "emptied": empty_the_second,
    "swapped": swap_the_first_two,
    "inserted": put_one_in_between,
}


@pytest.mark.parametrize("name", SPOILS)
def test_what_is_done_to_an_early_bundle_is_noticed_at_the_newest(chain: list[Path], name: str) -> None:
    SPOILS[name](chain)
    assert not both_agree(chain[3]).ok


@pytest.mark.parametrize("name", SPOILS)
def test_it_is_following_the_chain_that_notices(chain: list[Path], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SPOILS[name](chain)
    monkeypatch.setattr(verifier, "follow", lambda *_: Chain())
    assert verify(chain[3], KEY.public).ok


def test_old_bundles_may_be_deleted_and_that_is_said(chain: list[Path]) -> None:
    shutil.rmtree(chain[0])
    result = both_agree(chain[3])
    assert (result.ok, result.links) == (True, 3)
    assert any(RUNS[0] in note and "not beside" in note for note in result.notes)


def rechained(chain: list[Path]) -> str:
    """The holder of the key takes the third bundle out and lets the fourth follow the second. Gives what was kept."""
    kept = digest_of(chain[2] / MANIFEST)
    shutil.rmtree(chain[2])
    before = {"run": RUNS[1], "manifest_sha256": digest_of(chain[1] / MANIFEST)}
    sign_anew(chain[3], manifest_of(chain[3]) | {"previous": before})
    return kept


def test_only_a_kept_digest_shows_that_the_holder_of_the_key_wrote_the_chain_anew(chain: list[Path]) -> None:
    kept = rechained(chain)
    assert both_agree(chain[3]).ok
    result = both_agree(chain[3], since=kept)
    assert any("does not come from" in problem for problem in result.problems)


def test_only_a_kept_digest_shows_that_the_newest_were_thrown_away(chain: list[Path]) -> None:
    kept = digest_of(chain[3] / MANIFEST)
    shutil.rmtree(chain[3])
    assert both_agree(chain[2]).ok
    assert not both_agree(chain[2], since=kept).ok


@pytest.mark.parametrize("place", range(4))
def test_a_chain_comes_from_each_of_its_bundles(chain: list[Path], place: int) -> None:
    assert both_agree(chain[3], since=digest_of(chain[place] / MANIFEST)).ok


def test_a_chain_comes_from_a_bundle_that_was_deleted_since(chain: list[Path]) -> None:
    kept = digest_of(chain[1] / MANIFEST)
    shutil.rmtree(chain[1])
    assert both_agree(chain[3], since=kept).ok


def test_without_the_key_nobody_can_write_the_chain_anew(chain: list[Path]) -> None:
    attestation = (chain[3] / "attestation.dsse.json").read_bytes()
    rechained(chain)
    (chain[3] / "attestation.dsse.json").write_bytes(attestation)
    assert not both_agree(chain[3]).ok


def move(source: Path, name: str, to: Path) -> None:
    (to / name).write_bytes((source / name).read_bytes())


@pytest.mark.parametrize("name", ["junit.xml", "record.json", MANIFEST, "attestation.dsse.json"])
def test_a_file_of_another_bundle_is_noticed_even_where_the_same_key_signed_it(chain: list[Path], name: str) -> None:
    (chain[1] / "junit.xml").write_bytes(b"<testsuites />")  # else the two bundles hold the same
    move(chain[1], name, chain[2])
    assert not both_agree(chain[2]).ok


def test_a_clock_that_went_back_between_two_runs_is_said_and_breaks_nothing(tmp_path: Path) -> None:
    tiny(tmp_path, RUNS[1], ended="2025-03-02T02:00:41Z")
    late = tiny(tmp_path, RUNS[0], ended="2025-03-01T02:00:41Z")
    result = both_agree(late)
    assert result.ok
    assert any("clock went backwards" in note for note in result.notes)


NEWER: dict[str, Callable[[dict[str, object]], dict[str, object]]] = {
    "another number": lambda manifest: manifest | {"schema": "tenantproof.manifest/2"},
    "another number and members": lambda manifest: manifest | {"schema": "tenantproof.manifest/2", "tree": "00"},
    "other members": lambda manifest: manifest | {"tree": "00"},
}


@pytest.mark.parametrize("name", NEWER)
def test_a_bundle_of_a_newer_version_is_refused_for_what_it_is(chain: list[Path], name: str) -> None:
    sign_anew(chain[3], NEWER[name](manifest_of(chain[3])))
    result = both_agree(chain[3])
    assert not result.ok
    assert result.is_newer == ("number" in name)
    assert "this version" in independent(chain[3])[1]


def test_a_newer_bundle_before_ends_the_walk_with_a_note(chain: list[Path]) -> None:
    sign_anew(chain[2], manifest_of(chain[2]) | {"schema": "tenantproof.manifest/2", "tree": "00"})
    before = {"run": RUNS[2], "manifest_sha256": digest_of(chain[2] / MANIFEST)}
    sign_anew(chain[3], manifest_of(chain[3]) | {"previous": before})
    result = both_agree(chain[3])
    assert result.ok
    assert any("not followed beyond" in note for note in result.notes)
