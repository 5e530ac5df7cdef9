"""History, comparison and single observations: what earlier runs left is read back, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from tenantproof.cli import group
from tenantproof.cli.past import past_runs
from tenantproof.clients.again import recorded
from tenantproof.judge.compare import compare
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, REFUSED
from tenantproof.model.run import Attribution, ClaimResult, RunRecord
from tenantproof.model.run_text import encode
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.outputs.summary import summary_json
from tests.outputs.run_samples import ENEMY, entry, failed, hostile, record


def left_behind(evidence: Path, run: str, made: RunRecord | None = None, *, signed: bool = True) -> Path:
    """The folder of a run with its record and summary; signed as far as the history can see."""
    folder = evidence / run
    folder.mkdir(parents=True)
    kept = replace(made or record(), id=run)
    (folder / "record.json").write_bytes(encode(kept))
    (folder / "summary.json").write_bytes(summary_json(kept))
    if signed:
        (folder / "attestation.dsse.json").write_bytes(b"{}")
    return folder


def told(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command; an error of ours counts as the message that `main` prints."""
    result = CliRunner().invoke(group, arguments, standalone_mode=False)
    if isinstance(result.exception, UsageError):
        return 2, str(result.exception)
    assert result.exception is None, result.exception
    return int(result.return_value or 0), result.output


DAYS = [f"202503{day:02}T020000Z-0a0b0{day:x}" for day in (1, 2, 5)]


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    for run in DAYS:
        left_behind(tmp_path / "evidence", run)
    return tmp_path / "evidence"


def test_the_history_shows_every_run_and_every_gap(evidence: Path) -> None:
    killed = evidence / "20250306T020000Z-0a0b0c"
    killed.mkdir()
    code, said = told("history", "--evidence", str(evidence))
    assert code == 0
    assert [said.index(run) for run in (*DAYS, killed.name)] == sorted(said.index(run) for run in (*DAYS, killed.name))
    assert "2 days without a run" in said
    assert "killed; resume it" in said
    page = (evidence / "index.html").read_text()
    assert all(f'href="{run}/report.html"' in page for run in DAYS)
    assert killed.name in page
    # Each leaves the sample's own days behind; the page goes by the day that a run says it began.
    assert "without a run" not in page


def test_the_index_shows_the_days_without_a_run_of_each_target(tmp_path: Path) -> None:
    for day, target in ((1, "one"), (2, "another"), (5, "one"), (6, "one")):
        made = replace(record(), target=target, started=f"2025-03-0{day}T02:00:00Z")
        left_behind(tmp_path, f"2025030{day}T020000Z-0a0b0{day}", made)
    assert told("history", "--evidence", str(tmp_path))[0] == 0
    page = (tmp_path / "index.html").read_text()
    assert page.count("without a run") == 1
    assert "3 days without a run of one" in page
    assert page.index("20250305T") < page.index("3 days without a run of one") < page.index("20250301T")


def test_retention_keeps_the_newest_and_never_a_run_that_may_be_resumed(evidence: Path) -> None:
    left_behind(evidence, "20250201T020000Z-0a0b0c", signed=False)
    (evidence / "notes.txt").write_text("mine")
    code, said = told("history", "--evidence", str(evidence), "--keep", "1", "--yes")
    assert (code, "deleted 2 runs" in said) == (0, True)
    assert sorted(path.name for path in evidence.iterdir()) == [
        "20250201T020000Z-0a0b0c",
        DAYS[2],
        "index.html",
        "notes.txt",
    ]


def test_retention_asks_first(evidence: Path) -> None:
    CliRunner().invoke(group, ["history", "--evidence", str(evidence), "--keep", "1"], input="n\n")
    assert (evidence / DAYS[0]).is_dir()


def test_earlier_runs_are_those_of_the_same_target(evidence: Path) -> None:
    left_behind(evidence, "20250304T020000Z-0a0b0c", replace(record(), target="another"))
    assert [run.id for run in past_runs(evidence, DAYS[2], record().target)] == DAYS[:2]


def test_a_hostile_run_in_the_folder_is_text_on_the_page(tmp_path: Path) -> None:
    left_behind(tmp_path, DAYS[0], hostile())
    code, said = told("history", "--evidence", str(tmp_path))
    page = (tmp_path / "index.html").read_text()
    assert code == 0
    assert not {"\x1b", "\u202e", "\x00"} & set(said + page)
    assert "<img" not in page


def mended() -> ClaimResult:
    """The claim that fails in the sample, satisfied."""
    return replace(failed(), finding=replace(failed().finding, verdict=Verdict.SATISFIED, reason=Reason.PROVEN))


def with_claim(made: RunRecord, result: ClaimResult) -> RunRecord:
    """The record with one claim replaced."""
    return replace(made, claims=tuple(result if each.claim.id == result.claim.id else each for each in made.claims))


BEFORE = with_claim(record(), mended())
CASES = {
    "the same checks": (record(), Attribution.TARGET_CHANGED),
    "another harness, same target": (replace(record(), harness_digest="sha256:00"), Attribution.HARNESS_CHANGED),
    "both changed": (
        replace(record(), harness_digest="sha256:00", identity={"commit": "b2"}),
        Attribution.NOT_COMPARABLE,
    ),
    "another target": (replace(record(), target="another"), Attribution.NOT_COMPARABLE),
    "another card": (
        with_claim(record(), replace(failed(), claim=replace(failed().claim, says="Else."))),
        Attribution.HARNESS_CHANGED,
    ),
    "interrupted": (
        with_claim(
            record(),
            replace(
                failed(), finding=replace(failed().finding, verdict=Verdict.NOT_ASSESSED, reason=Reason.INTERRUPTED)
            ),
        ),
        Attribution.NOT_COMPARABLE,
    ),
    "dropped": (replace(record(), claims=(record().claims[0], *record().claims[2:])), Attribution.HARNESS_CHANGED),
}


@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_put_down_to_what_changed(name: str) -> None:
    after, attribution = CASES[name]
    (change,) = compare(BEFORE, after).changes
    assert (change.claim, change.attribution) == ("QA-2", attribution)


def test_a_run_does_not_differ_from_itself_whatever_is_in_it() -> None:
    for made in (record(), hostile(), replace(record(), claims=())):
        assert compare(made, made).changes == ()
        assert compare(made, made).facts == ()


def test_diff_prints_the_change_and_ends_1(tmp_path: Path) -> None:
    left_behind(tmp_path, DAYS[0], BEFORE)
    left_behind(tmp_path, DAYS[1], record())
    code, said = told("diff", DAYS[0], DAYS[1], "--evidence", str(tmp_path))
    assert (code, "target changed" in said) == (1, True)
    assert told("diff", DAYS[0], DAYS[0], "--evidence", str(tmp_path))[0] == 0
    assert told("diff", DAYS[0], "20990101T000000Z-000000", "--evidence", str(tmp_path))[0] == 2


def test_one_observation_is_shown_in_full_by_number_or_by_probe(tmp_path: Path) -> None:
    folder = tmp_path / DAYS[0]
    folder.mkdir()
    with Journal.create(folder / "journal.sqlite", {}) as journal:
        ledger = Ledger(journal, "check_a", "QA-1")
        ledger.calibrate(entry(1, seen=PERMITTED).observation, is_=PERMITTED)
        ledger.expect(entry(2).observation, is_=REFUSED)
        ledger.expect(replace(entry(3).observation, what=ENEMY, replay=ENEMY, notes=(ENEMY,)), is_=PERMITTED)
        assert journal.was_genuine("sha256:" + "33" * 32)
        assert not journal.was_genuine("sha256:" + "44" * 32)
    by_number, by_probe = told("show", "2", "--bundle", str(folder)), told("show", f"{2:032x}", "--bundle", str(folder))
    assert by_number == by_probe
    assert "Authorization: sha256:" in by_number[1]
    code, said = told("show", "QA-1", "--bundle", str(folder), "--differing")
    assert (code, said.count("differs")) == (0, 1)
    for number in ("3", "QA-1"):
        assert not {"\x1b", "\u202e", "\x00"} & set(told("show", number, "--bundle", str(folder))[1])
    assert told("show", "99", "--bundle", str(folder))[0] == 2


@pytest.mark.parametrize(
    ("replay", "message"),
    [
        ("", "no HTTP request was kept"),
        ("POST /x HTTP/1.1\nA: b\n\n[12 octets, sha256:" + "0" * 64 + "]", "body of this request"),
        ("GET /x?t=sha256:" + "0" * 64 + " HTTP/1.1", "cut or redacted"),
    ],
)
def test_what_was_not_kept_is_not_sent_again_as_something_else(replay: str, message: str) -> None:
    seen = Observation(probe="0" * 32, what="w", outcome=REFUSED, replay=replay)
    with pytest.raises(UsageError, match=message):
        recorded(seen)


def test_a_request_that_was_kept_is_read_back_as_it_was() -> None:
    kept = recorded(entry(1).observation)
    assert (kept.method, kept.target) == ("GET", "/v1/tenants/acme/attributions/9b74ddc2")
    assert (kept.digests, kept.bearer) == (("Authorization",), "sha256:" + "33" * 32)


def test_a_record_of_a_newer_version_is_refused_with_advice(tmp_path: Path) -> None:
    folder = left_behind(tmp_path, DAYS[0])
    newer = msgspec.json.decode(encode(record())) | {"gate": "of another kind"}
    (folder / "record.json").write_bytes(msgspec.json.encode(newer))
    code, said = told("diff", DAYS[0], DAYS[0], "--evidence", str(tmp_path))
    assert (code, "no record that this version reads" in said) == (2, True)
