"""The table that ends a run: a line per claim, then what it comes to and where the evidence is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import assert_never

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.verdict import Reason, Verdict

_EXITS = {
    0: "every gating claim that has a check is satisfied",
    1: "a gating claim is not satisfied",
    2: "the command or the profile is wrong",
    3: "a gating claim could not be assessed",
    130: "interrupted",
}


def show(record: RunRecord, bundle: Path, console: Console) -> None:
    """Print the table, the counterexamples and the closing lines."""
    table = Table(box=None, pad_edge=False)
    for heading in ("claim", "verdict", "state", "trials", "population", "leak rate below", "because"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"claim", "verdict"})
    for result in record.claims:
        if result.finding.reason is not Reason.NO_CHECK:
            table.add_row(*_row(result))
    console.print(table)
    for result in record.claims:
        _counterexample(result, console)
    _closing(record, bundle, console)


def _row(result: ClaimResult) -> list[Text]:
    finding = result.finding
    population = f"{finding.tried} of {finding.units}" if finding.units else ""
    bound = f"{result.upper_bound_95:.2g}" if finding.trials else ""
    verdict = Text(finding.verdict.value, style=_style(finding.verdict))
    if result.waiver:
        verdict.append(" (waived)", style="dim")
    cells = (result.claim.state.value, str(finding.trials), population, bound, finding.because)
    return [Text(result.claim.id), verdict, *(Text(cell) for cell in cells)]


def _style(verdict: Verdict) -> str:
    match verdict:
        case Verdict.SATISFIED:
            return "green"
        case Verdict.NOT_SATISFIED:
            return "bold red"
        case Verdict.NOT_ASSESSED:
            return "yellow"
        case _:
            assert_never(verdict)


def _counterexample(result: ClaimResult, console: Console) -> None:
    if result.finding.verdict is not Verdict.NOT_SATISFIED:
        return
    console.print()
    console.print(Text(f"NOT-SATISFIED  {result.claim.id}  {result.claim.says}", style="bold red"))
    for entry in (*result.calibrations[:1], *result.finding.counterexamples):
        seen = entry.observation
        line = f"  {entry.role.value:<11} {seen.what}  {seen.outcome.value}  expected {entry.expected.value}"
        console.print(Text(line + (f"  {seen.request} -> {seen.response}" if seen.request else "")))
    console.print(Text(f"  because     {result.finding.because}"))


def _closing(record: RunRecord, bundle: Path, console: Console) -> None:
    verdicts = Counter(result.finding.verdict for result in record.claims)
    unchecked = sum(result.finding.reason is Reason.NO_CHECK for result in record.claims)
    console.print()
    console.print(
        f"{len(record.claims)} claims: {verdicts[Verdict.SATISFIED]} satisfied, "
        f"{verdicts[Verdict.NOT_SATISFIED]} not satisfied, {verdicts[Verdict.NOT_ASSESSED]} not assessed "
        f"({unchecked} have no check yet); {record.probes} probes in {record.seconds:.1f} s"
    )
    if not record.complete:
        console.print(Text(f"INCOMPLETE: {record.incomplete_because}", style="bold yellow"))
    for remark in record.remarks:
        console.print(Text(f"REMARK: {remark}", style="bold yellow"))
    console.print(Text(f"exit {record.gate.exit}: {_EXITS.get(record.gate.exit, 'unknown')}"))
    console.print(Text(f"evidence: {bundle}  (report: {bundle / 'report.html'})"))
