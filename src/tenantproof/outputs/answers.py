"""Answers to the questions of reviewers and frameworks, drawn from the verdicts of the claims behind them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tenantproof.model.run import ClaimResult, Criterion, Framework, RunRecord
from tenantproof.model.verdict import Verdict
from tenantproof.outputs.words import Word, count


@dataclass(frozen=True)
class Answer:
    """A criterion, the claims that bear on it, and what their verdicts come to."""

    criterion: Criterion
    word: Word
    results: tuple[ClaimResult, ...]


def answers(record: RunRecord, catalogue: str) -> tuple[Answer, ...]:
    """An answer for every criterion of a catalogue, and for those that only claims name, which are not dropped."""
    known = [criterion for criterion in record.criteria if criterion.catalogue == catalogue]
    named = {ident for result in record.claims for ident in criteria_of(result, catalogue)}
    strangers = sorted(named - {criterion.id for criterion in known})
    known += [Criterion(catalogue=catalogue, id=ident, title="(not in the catalogue)") for ident in strangers]
    return tuple(_answer(criterion, record) for criterion in known)


def criteria_of(result: ClaimResult, catalogue: str) -> tuple[str, ...]:
    """The criteria of one catalogue that a claim names."""
    return result.claim.answers if catalogue == "Q" else result.claim.criteria.get(catalogue, ())


def tally(results: tuple[ClaimResult, ...]) -> Counter[Verdict]:
    """How many claims have which verdict."""
    return Counter(result.finding.verdict for result in results)


def _answer(criterion: Criterion, record: RunRecord) -> Answer:
    behind = tuple(
        result
        for result in record.claims
        if result.claim.id in criterion.claims or criterion.id in criteria_of(result, criterion.catalogue)
    )
    return Answer(criterion, _conclusion(behind, criterion.documentary), behind)


def frameworks(record: RunRecord) -> tuple[tuple[Framework, tuple[Answer, ...]], ...]:
    """Every framework with its answers, in order; also one that only claims name, which is not dropped."""
    named = ["Q", *(name for result in record.claims for name in result.claim.criteria)]
    named += [criterion.catalogue for criterion in record.criteria]
    known = {framework.id: framework for framework in record.frameworks}
    ordered = [*known, *(name for name in dict.fromkeys(named) if name not in known)]
    return tuple((known.get(name) or Framework(id=name, title=name), answers(record, name)) for name in ordered)


def _conclusion(results: tuple[ClaimResult, ...], documentary: str) -> Word:
    """Worst first: one claim that fails decides, and one that is open leaves the answer open."""
    if not results and documentary:
        return Word("none", "▤", "Documentary, not tested.")
    if not results:
        return Word("open", "?", "Not tested: no claim of the page bears on it; ask for documents.")
    total, verdicts = len(results), tally(results)
    failed, open_ = verdicts[Verdict.NOT_SATISFIED], verdicts[Verdict.NOT_ASSESSED]
    if failed:
        rest = f", {open_} not assessed" if open_ else ""
        return Word("failed", "✗", f"Not confirmed: {failed} of {count(total, 'claim')} not satisfied{rest}.")
    if open_:
        return Word("open", "?", f"Open: {open_} of {count(total, 'claim')} not assessed, the rest satisfied.")
    return Word("held", "✓", f"Confirmed by test: {count(total, 'claim')} satisfied, within the limits stated.")
