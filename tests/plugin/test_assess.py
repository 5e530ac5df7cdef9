"""Checks are collected, made and turned into findings, whatever they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.plugin.cards import load_cards
from tenantproof.plugin.run import Assessment, Event, RunContext, assess

CARD = """\
[{id}]
says = "It holds."
section = "Somewhere"
state = "ga"
answers = ["Q1"]
criteria = {{ gdpr = ["32(1)(b)"] }}
strength = "D"
limit = "Little."
"""
HEAD = """\
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import Outcome
from tenantproof.plugin.kit import PERMITTED, REFUSED, Ledger, claim
from tenantproof.probes.probe import Probe

def seen(outcome):
    return Observation(probe="0" * 32, what="somebody reads", outcome=outcome)

class Free(Probe):
    made = 0
    def __init__(self, target):
        super().__init__(target)
        Free.made += 1
        assert Free.made == 1, "a probe is built once a run"

class Needy(Probe):
    needs = frozenset({"kms"})
"""
GOOD = """
@claim("{id}")
def check_{name}(probe: Free, ledger: Ledger) -> None:
    ledger.calibrate(seen(PERMITTED), is_=PERMITTED)
    ledger.expect(seen({outcome}), is_=REFUSED)
"""


def run(folder: Path, checks: str, *, ids: tuple[str, ...] = ("A-1", "A-2"), **more: Any) -> Assessment:
    home = folder / "my checks"
    home.mkdir(parents=True)
    (home / "area.toml").write_text("\n".join(CARD.format(id=ident) for ident in ids))
    (home / "area.py").write_text(HEAD + checks)
    target: Any = SimpleNamespace(capabilities=frozenset({"http"}))
    with Journal.create(folder / "journal.sqlite", {}) as journal:
        return assess(RunContext(cards=load_cards(home), checks_dir=home, target=target, journal=journal, **more))


def good(ident: str, name: str = "it", outcome: str = "REFUSED") -> str:
    return GOOD.format(id=ident, name=name, outcome=outcome)


def test_a_claim_is_satisfied_by_its_check_and_another_has_none(tmp_path: Path) -> None:
    found = run(tmp_path, good("A-1")).by_claim
    assert (found["A-1"].verdict, found["A-1"].trials) == (Verdict.SATISFIED, 1)
    assert found["A-2"].reason is Reason.NO_CHECK


def test_the_worst_of_two_checks_is_the_claims(tmp_path: Path) -> None:
    found = run(tmp_path, good("A-1", "one") + good("A-1", "two", "PERMITTED")).by_claim["A-1"]
    assert (found.verdict, found.reason) == (Verdict.NOT_SATISFIED, Reason.REFUTED)
    assert found.trials == 2
    assert len(found.counterexamples) == 1


def test_a_probe_is_built_once_for_all_checks(tmp_path: Path) -> None:
    found = run(tmp_path, good("A-1") + good("A-2", "other")).by_claim
    assert {each.verdict for each in found.values()} == {Verdict.SATISFIED}


def test_a_missing_capability_is_named_with_its_table(tmp_path: Path) -> None:
    checks = '@claim("A-1")\ndef check_it(probe: Needy, ledger: Ledger) -> None:\n    raise AssertionError\n'
    found = run(tmp_path, checks).by_claim["A-1"]
    assert found.reason is Reason.CAPABILITY_MISSING
    assert "[aws]" in found.because


def test_a_broken_check_is_not_assessed_and_the_others_go_on(tmp_path: Path) -> None:
    broken = '@claim("A-1")\ndef check_first(probe: Free, ledger: Ledger) -> None:\n    raise ValueError("oops")\n'
    result = run(tmp_path, broken + good("A-2", "second"))
    assert result.by_claim["A-1"].reason is Reason.BROKEN
    assert result.by_claim["A-2"].verdict is Verdict.SATISFIED
    assert "oops" in "".join(result.broken.values())


def test_an_interrupt_keeps_what_was_found(tmp_path: Path) -> None:
    stop = '@claim("A-2")\ndef check_second(ledger: Ledger) -> None:\n    raise KeyboardInterrupt\n'
    result = run(tmp_path, good("A-1", "first") + stop)
    assert result.interrupted
    assert result.by_claim["A-1"].verdict is Verdict.SATISFIED
    assert result.by_claim["A-2"].reason is Reason.INTERRUPTED


def test_a_claim_that_was_not_asked_for_is_not_selected(tmp_path: Path) -> None:
    found = run(tmp_path, good("A-1") + good("A-2", "b", "PERMITTED"), only=frozenset({"A-1"})).by_claim
    assert found["A-2"].reason is Reason.NOT_SELECTED


def test_progress_tells_of_work_and_of_findings(tmp_path: Path) -> None:
    events: list[Event] = []
    run(tmp_path, good("A-1"), progress=events.append)
    assert events[0].finding is None
    assert events[-1].finding


COLLECTION = {
    "an unknown claim": (good("A-9"), "A-9, which no card declares"),
    "no claim": ("def check_it(ledger: Ledger) -> None: ...\n", "decides no claim"),
    "a strange parameter": ('@claim("A-1")\ndef check_it(ledger: Ledger, n: int) -> None: ...\n', "asks for ['n']"),
    "a syntax error": ("def check_it(:\n", "can't be imported"),
}


@pytest.mark.parametrize(("checks", "message"), COLLECTION.values(), ids=COLLECTION.keys())
def test_what_cannot_be_collected_is_one_sentence(tmp_path: Path, checks: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(tmp_path, checks)
    assert message in str(caught.value)


def test_a_finding_that_is_there_already_is_not_made_again(tmp_path: Path) -> None:
    first = run(tmp_path / "one", good("A-1"))
    again = run(tmp_path / "two", good("A-1", outcome="PERMITTED"), resume=first.by_check)
    assert again.by_claim["A-1"].verdict is Verdict.SATISFIED


def test_a_users_pytest_settings_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only -k nothing")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    assert run(tmp_path, good("A-1")).by_claim["A-1"].verdict is Verdict.SATISFIED


@pytest.mark.skipif(not (Path(__file__).parents[2] / "checks").is_dir(), reason="no checks yet")
def test_pytest_alone_says_how_checks_are_run(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "checks", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 4
    assert "nox -s isolation" in result.stdout + result.stderr


BAD_CARDS = {
    "a missing key": (CARD.format(id="A-1").replace('limit = "Little."', ""), "limit"),
    "an unknown state": (CARD.format(id="A-1").replace('"ga"', '"soon"'), "soon"),
    "the same id twice": (CARD.format(id="A-1") + CARD.format(id="A-1"), "can't be read"),
    "no TOML": ("[A-1", "can't be read"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CARDS.values(), ids=BAD_CARDS.keys())
def test_a_wrong_card_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "area.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_cards(tmp_path)
    assert message in str(caught.value)
    assert "area.toml" in str(caught.value)


def test_an_id_in_two_cards_names_both(tmp_path: Path) -> None:
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(CARD.format(id="A-1"))
    with pytest.raises(UsageError, match=r"two\.toml declares A-1, and so does .*one\.toml"):
        load_cards(tmp_path)
