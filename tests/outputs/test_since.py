"""What changed: the target's doing in rows, and one sentence for all that a partial run or another harness explains."""

from __future__ import annotations

from msgspec.structs import replace

from tenantproof.judge.compare import compare
from tenantproof.model.run import Attribution, Change, ClaimResult, Comparison
from tenantproof.model.verdict import Reason, Verdict
from tenantproof.outputs.since import since_of
from tests.outputs.run_samples import drawn, held, record, since

PARTIAL = "the earlier run did not decide it (not-selected)"


def change(number: int, attribution: Attribution, because: str = PARTIAL) -> Change:
    return Change(
        claim=f"QA-{number}", before="not-assessed", after="satisfied", attribution=attribution, because=because
    )


def comparison(*changes: Change) -> Comparison:
    return Comparison(before="b", after="a", changes=changes)


def test_an_earlier_run_of_a_few_claims_is_one_sentence_and_the_targets_doing_stays_a_row() -> None:
    told = since_of(
        comparison(
            *(change(number, Attribution.NOT_COMPARABLE) for number in range(28)),
            change(99, Attribution.TARGET_CHANGED, "the same checks, byte for byte, were answered otherwise"),
        )
    )
    assert [each.claim for each in told.rows] == ["QA-99"]
    (alike,) = told.alike
    assert alike.told == f"28 claims, not comparable: {PARTIAL}."
    assert len(alike.changes) == 28


def test_a_cause_that_few_share_is_told_claim_by_claim() -> None:
    told = since_of(comparison(*(change(number, Attribution.HARNESS_CHANGED) for number in range(3))))
    assert (len(told.rows), told.alike) == (3, ())


def test_what_the_target_did_is_never_summed_up() -> None:
    told = since_of(comparison(*(change(number, Attribution.TARGET_CHANGED) for number in range(30))))
    assert (len(told.rows), told.alike) == (30, ())


def test_nothing_is_dropped() -> None:
    changes = tuple(
        change(number, attribution, because)
        for number in range(6)
        for attribution in Attribution
        for because in (PARTIAL, "another")
    )
    told = since_of(comparison(*changes))
    assert {*told.rows, *(each for alike in told.alike for each in alike.changes)} == set(changes)


def test_the_report_after_a_partial_run_says_so_in_a_sentence() -> None:
    now = replace(record(), claims=tuple(_named(number) for number in range(1, 9)))
    before = replace(now, id="20250228T020000Z-0a0b0c", claims=tuple(_unasked(each) for each in now.claims))
    page = drawn(replace(now, since=compare(before, now))).decode()
    assert "8 claims, not comparable: the earlier run did not decide it (not-selected)." in page
    assert "No verdict that can be compared differs" in page
    assert "Verdicts that differ from run" not in page


def _named(number: int) -> ClaimResult:
    return replace(held(), claim=replace(held().claim, id=f"QA-{number}"))


def _unasked(result: ClaimResult) -> ClaimResult:
    unasked = replace(result.finding, verdict=Verdict.NOT_ASSESSED, reason=Reason.NOT_SELECTED)
    return replace(result, finding=unasked)


def test_the_report_of_an_ordinary_night_has_its_rows() -> None:
    page = drawn(replace(record(), since=since())).decode()
    assert "Verdicts that differ from run" in page
