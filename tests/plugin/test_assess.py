"""Checks are collected, made and turned into findings, whatever they do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tenantproof.model.fidelity import Answer, Answers
from tenantproof.model.sweep import SweepChoice
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.plugin.cards import load_cards
from tenantproof.plugin.plugin import IsolationPlugin
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


def run(
    folder: Path, checks: str, *, ids: tuple[str, ...] = ("A-1", "A-2"), name: str = "my checks", **more: Any
) -> Assessment:
    return _run(folder, _write(folder / name, checks, ids), **more)


def _write(home: Path, checks: str, ids: tuple[str, ...] = ("A-1", "A-2")) -> Path:
    home.mkdir(parents=True)
    (home / "area.toml").write_text("\n".join(CARD.format(id=ident) for ident in ids))
    (home / "area.py").write_text(HEAD + checks)
    return home


def _run(folder: Path, home: Path, **more: Any) -> Assessment:
    with Journal.create(folder / "journal.sqlite", {}) as journal:
        return _assess(home, journal, **more)


def _assess(home: Path, journal: Journal, **more: Any) -> Assessment:
    target: Any = SimpleNamespace(capabilities=frozenset({"http"}), sweep=SweepChoice())
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


@pytest.mark.parametrize(
    ("held", "outcome", "verdict"),
    [
        (True, "REFUSED", Verdict.SATISFIED),
        (False, "REFUSED", Verdict.NOT_ASSESSED),
        (False, "PERMITTED", Verdict.NOT_SATISFIED),
    ],
)
def test_a_pass_counts_only_where_the_facts_hold_that_it_rests_on_and_a_refutation_stands_anyhow(
    held: bool, outcome: str, verdict: Verdict, tmp_path: Path
) -> None:
    home = _write(tmp_path / "home", good("A-1", outcome=outcome) + good("A-2", "other", outcome))
    card = (home / "area.toml").read_text().replace("[A-2]", 'rests_on = ["kms.tamper"]\n\n[A-2]')
    (home / "area.toml").write_text(card)
    answers = Answers(answers=(Answer(id="kms.tamper", shows="", page="", held=held),))
    found = _run(tmp_path, home, fidelity=lambda: answers).by_claim
    assert found["A-1"].verdict is verdict
    assert found["A-2"].verdict is not Verdict.NOT_ASSESSED, "it rests on nothing"
    if verdict is Verdict.NOT_ASSESSED:
        assert found["A-1"].reason is Reason.FIDELITY_MISSING
        assert "kms.tamper" in found["A-1"].because


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
    "a parameter without annotation": ('@claim("A-1")\ndef check_it(ledger) -> None: ...\n', "asks for ['ledger']"),
    "an unknown annotation": ('@claim("A-1")\ndef check_it(ledger: "Nope") -> None: ...\n', "'Nope' is not defined"),
    "a check that stands twice": (good("A-1") + good("A-1"), "check_it stands there 2 times"),
    "a claim that stands twice": ('@claim("A-1", "A-1")\ndef check_it(ledger: Ledger) -> None: ...\n', "rename one"),
    "a bare decorator": ("@claim\ndef check_it(ledger: Ledger) -> None: ...\n", "@claim needs the ids"),
    "a coroutine": ('@claim("A-1")\nasync def check_it(ledger: Ledger) -> None: ...\n', "is no plain function"),
    "a check that something else hides": (good("A-1") + "\ncheck_it = print\n", "is no plain function"),
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


def test_pytest_alone_says_in_one_sentence_how_checks_are_run(tmp_path: Path) -> None:
    home = _write(tmp_path / "checks", good("A-1"))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "tenantproof.plugin.plugin", "-p", "no:cacheprovider", str(home)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "nox -s isolation" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert "plugin.py" not in result.stdout


def test_the_plugin_leaves_tests_alone(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_one.py").write_text("def test_one(): pass\ndef check_two(): raise AssertionError\n")
    command = [sys.executable, "-m", "pytest", "-p", "tenantproof.plugin.plugin", "-p", "no:cacheprovider", "-q"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, "1 passed" in result.stdout) == (0, True)


@pytest.mark.parametrize("name", ["a b", "a[1]", "x::y", "build", ".hidden", "venv", "node_modules", "test_x"])
def test_the_name_of_the_folder_decides_nothing(tmp_path: Path, name: str) -> None:
    assert run(tmp_path, good("A-1"), name=name).by_claim["A-1"].verdict is Verdict.SATISFIED


def test_checks_behind_a_link_are_made(tmp_path: Path) -> None:
    _write(tmp_path / "real", good("A-1"))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert _run(tmp_path, tmp_path / "link").by_claim["A-1"].verdict is Verdict.SATISFIED


def test_a_folder_given_relative_to_the_current_one_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path / "checks", good("A-1"))
    monkeypatch.chdir(tmp_path)
    assert _run(tmp_path, Path("checks")).by_claim["A-1"].verdict is Verdict.SATISFIED


def test_a_folder_that_is_not_there_is_no_run_without_checks(tmp_path: Path) -> None:
    target: Any = SimpleNamespace(capabilities=frozenset({"http"}), sweep=SweepChoice())
    with Journal.create(tmp_path / "j", {}) as journal, pytest.raises(UsageError, match="is no folder"):
        assess(RunContext(cards={}, checks_dir=tmp_path / "gone", target=target, journal=journal))


def test_a_run_leaves_nothing_among_the_checks_and_believes_no_compiled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    home = _write(tmp_path / "checks", good("A-1"))
    before = sorted(home.rglob("*"))
    assert _run(tmp_path, home).by_claim["A-1"].verdict is Verdict.SATISFIED
    assert sorted(home.rglob("*")) == before


def test_a_conftest_and_an_init_beside_the_checks_are_not_run(tmp_path: Path) -> None:
    home = _write(tmp_path / "checks", good("A-1"))
    for name in ("conftest.py", "__init__.py", "test_own.py"):
        (home / name).write_text("raise AssertionError\n")
    assert _run(tmp_path, home).by_claim["A-1"].verdict is Verdict.SATISFIED


def test_two_files_can_not_have_the_same_check_of_a_claim(tmp_path: Path) -> None:
    home = _write(tmp_path / "checks", good("A-1", outcome="PERMITTED"))
    (home / "later.py").write_text(HEAD + good("A-1"))
    with pytest.raises(UsageError, match=r"later\.py: check_it decides A-1, and so does the check_it of area\.py"):
        _run(tmp_path, home)


CUT = """
@claim("A-1")
def check_it(ledger: Ledger) -> None:
    ledger.calibrate(seen(PERMITTED), is_=PERMITTED)
    ledger.expect(seen({outcome}), is_=REFUSED)
    {end}
"""
ENDS = {
    "an exception": ('raise ValueError("oops")', Reason.BROKEN),
    "an exit": ("raise SystemExit(0)", Reason.BROKEN),
    "a skip": ('__import__("pytest").skip("not today")', Reason.BROKEN),
    "a failed assertion": ("assert False", Reason.BROKEN),
    "pytest's own exit": ('__import__("pytest").exit("bye")', Reason.BROKEN),
    "a target that is gone": (
        'raise __import__("tenantproof.model.errors", fromlist=["x"]).TargetError("gone")',
        Reason.UNREACHABLE,
    ),
    "Ctrl-C": ("raise KeyboardInterrupt", Reason.INTERRUPTED),
}


@pytest.mark.parametrize(("end", "reason"), ENDS.values(), ids=ENDS.keys())
def test_a_check_that_ends_early_keeps_its_numbers_and_what_it_refuted(
    tmp_path: Path, end: str, reason: Reason
) -> None:
    held = run(tmp_path / "held", CUT.format(outcome="REFUSED", end=end))
    leaked = run(tmp_path / "leaked", CUT.format(outcome="PERMITTED", end=end))
    first, second = held.by_claim["A-1"], leaked.by_claim["A-1"]
    assert (first.verdict, first.reason) == (Verdict.NOT_ASSESSED, reason)
    assert (first.calibrations, first.trials) == (1, 1)
    assert (second.verdict, second.reason) == (Verdict.NOT_SATISFIED, Reason.REFUTED)
    assert len(second.counterexamples) == 1
    with Journal.read(tmp_path / "held" / "journal.sqlite") as journal:
        assert journal.findings() == {}, "a resumed run makes it anew"
    assert held.interrupted == leaked.interrupted == (reason is Reason.INTERRUPTED)
    assert list(held.broken) == list(leaked.broken) == (["check_it[A-1]"] if reason is Reason.BROKEN else [])


def test_a_full_disk_is_no_interrupt_and_names_itself(tmp_path: Path) -> None:
    full = 'raise __import__("tenantproof.ledger.journal", fromlist=["x"]).JournalError("no space")'
    result = run(tmp_path, CUT.format(outcome="REFUSED", end=full) + good("A-2", "second"))
    assert (result.interrupted, result.stopped) == (False, "no space")
    assert {each.reason for each in result.by_claim.values()} == {Reason.INTERRUPTED}
    assert {each.because for each in result.by_claim.values()} == {"no space"}


def test_an_interrupt_while_checks_are_read_leaves_no_claim_without_a_check(tmp_path: Path) -> None:
    result = run(tmp_path, good("A-1") + "\nraise KeyboardInterrupt\n")
    assert result.interrupted
    assert {each.reason for each in result.by_claim.values()} == {Reason.INTERRUPTED}


def test_the_journal_says_whether_the_run_is_complete(tmp_path: Path) -> None:
    for name, end, answer in (("one", "pass", "yes"), ("two", "raise KeyboardInterrupt", "no")):
        run(tmp_path / name, CUT.format(outcome="REFUSED", end=end))
        with Journal.read(tmp_path / name / "journal.sqlite") as journal:
            assert journal.meta()["complete"] == answer


RESUMED = {
    "held so far": ("REFUSED", Verdict.SATISFIED, Reason.PROVEN),
    "leaked before": ("PERMITTED", Verdict.NOT_SATISFIED, Reason.REFUTED),
}


@pytest.mark.parametrize(("outcome", "verdict", "reason"), RESUMED.values(), ids=RESUMED.keys())
def test_a_resumed_run_makes_anew_what_was_cut_short_but_loses_no_leak(
    tmp_path: Path, outcome: str, verdict: Verdict, reason: Reason
) -> None:
    run(tmp_path, CUT.format(outcome=outcome, end="raise KeyboardInterrupt"))
    home = _write(tmp_path / "mended", CUT.format(outcome="REFUSED", end="pass"))
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        assert journal.findings() == {}
        found = _assess(home, journal).by_claim["A-1"]
        assert len(list(journal.entries(check="check_it[A-1]"))) == 2
    assert (found.verdict, found.reason, found.trials) == (verdict, reason, 1)


def test_a_finding_of_another_run_part_is_not_hidden_by_a_selection(tmp_path: Path) -> None:
    first = run(tmp_path / "one", good("A-1", outcome="PERMITTED"))
    again = run(tmp_path / "two", good("A-1"), resume=first.by_check, only=frozenset({"A-2"}))
    assert again.by_claim["A-1"].verdict is Verdict.NOT_SATISFIED


def test_the_harness_is_not_led_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    assert run(tmp_path, good("A-1")).by_claim["A-1"].verdict is Verdict.SATISFIED
    assert os.environ["PYTEST_PLUGINS"] == "no_such_plugin"


def test_a_run_prints_nothing_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, good("A-1", outcome="PERMITTED") + CUT.format(outcome="REFUSED", end="x").replace("it(", "b("))
    assert capfd.readouterr() == ("", "")


def test_a_plugin_that_breaks_before_a_check_leaves_it_broken_not_missing(tmp_path: Path) -> None:
    home = _write(tmp_path / "checks", good("A-1"))
    with Journal.create(tmp_path / "j", {}) as journal:
        target: Any = SimpleNamespace(capabilities=frozenset({"http"}), sweep=SweepChoice())
        plugin = IsolationPlugin(RunContext(load_cards(home), home, target, journal))
        plugin.pytest_runtest_logreport(
            pytest.TestReport(
                nodeid="n",
                location=("n", 1, "n"),
                keywords={},
                outcome="failed",
                longrepr="setup fell over",
                when="setup",
                user_properties=[("check", "check_it[A-1]"), ("claim", "A-1")],
            )
        )
    assert plugin.findings["check_it[A-1]"].reason is Reason.BROKEN
    assert plugin.broken == {"check_it[A-1]": "setup fell over"}


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
