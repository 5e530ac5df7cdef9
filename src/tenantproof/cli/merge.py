"""`tenantproof merge`: one bundle from the bundles of the shards of a run, in which nothing counts twice."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console

from tenantproof.cli import counted, places
from tenantproof.cli.history import write_index
from tenantproof.cli.past import past_runs
from tenantproof.cli.renderings import renderings
from tenantproof.cli.sealing import Sealing, seal
from tenantproof.cli.shards import Shard, chosen, read_shard
from tenantproof.cli.table import show
from tenantproof.evidence import heads
from tenantproof.evidence.bundle import RECORD
from tenantproof.evidence.keys import trusted_keys
from tenantproof.evidence.manifest import BINDING
from tenantproof.judge.conclude import cut_short, finding, gather, unassessed
from tenantproof.judge.confidence import bound_of
from tenantproof.judge.gate import gate
from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tenantproof.model.heads import Head
from tenantproof.model.run import ClaimResult, RunRecord
from tenantproof.model.verdict import Finding, Reason, Verdict
from tenantproof.plugin.collect import Check, check_files, find_checks

_OF_A_RUN = frozenset({"journal.sqlite", RECORD, heads.FILE, "report.pdf", *BINDING})


@click.command(name="merge")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--evidence", type=click.Path(path_type=Path), default=places.EVIDENCE, show_default=True)
@click.option("--checks", type=click.Path(path_type=Path), help="Folder of checks and cards. Default: checks/.")
@click.option(
    "--key", "key_files", type=click.Path(path_type=Path), multiple=True, help="Public key (PEM). Default: our own."
)
@click.option(
    "--timestamp", default="", metavar="URL", help="Let a time-stamping authority (RFC 3161) stamp the bundle."
)
@click.option("--pdf/--no-pdf", default=True, show_default=True, help="Print the report into the bundle.")
def command(
    bundles: tuple[Path, ...],
    evidence: Path,
    checks: Path | None,
    key_files: tuple[Path, ...],
    timestamp: str,
    pdf: bool,  # click hands options over so
) -> int:
    """Put the BUNDLES of `tenantproof run --shard 1/N` … `N/N` together to one bundle, signed anew.

    Every bundle is verified first. Of a shard that is missing, was cut short or does not verify nothing counts, and
    claims that it had a part in are not assessed, unless another shard refuted them. Of two bundles of one shard, one
    of which failed, the other counts.

    Exit codes as those of `tenantproof run`: 0 every gating claim satisfied, 1 one not satisfied, 2 the bundles are
    no parts of one run, 3 a gating claim could not be assessed.
    """
    keys = trusted_keys(key_files)
    shards = [read_shard(each, keys) for each in bundles]
    wanted = Sealing(timestamp=timestamp, is_printed=pdf)
    record, folder = merge(shards, evidence, checks or places.house("checks"), wanted)
    write_index(evidence)
    show(record, folder, Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 160))
    return record.gate.exit


def merge(shards: list[Shard], evidence: Path, checks: Path, sealing: Sealing) -> tuple[RunRecord, Path]:
    """Write the merged bundle; its record and folder.

    Raises UsageError for shards that are no parts of one run, and where a run that passed got no time stamp though one
    was asked for; the bundle is kept then.
    """
    parts = chosen(shards)
    good = [parts[number] for number in sorted(parts) if not parts[number].trouble]
    if not good:
        raise UsageError("no shard came to its end; run them again: tenantproof run --shard I/N")
    folder = places.new_run(evidence, datetime.now(UTC))
    meta = {"run": folder.name, "merged": ",".join(each.record.id for each in good), "whole": good[0].whole}
    with closing(Journal.create(folder / "journal.sqlite", meta)) as journal:
        for each in good:
            journal.absorb(each.journal)
        record = _Merged(parts, good, journal, checks).record(folder)
        journal.complete(record.complete)
    files = {**_exhibits(good), **renderings(record), heads.FILE: heads.heads_json(_heads(good))}
    troubles = seal(folder, record, files, sealing)
    if record.gate.exit == 0 and troubles:
        raise UsageError(" ".join(troubles))
    return record, folder


@dataclass(frozen=True)
class _Merged:
    """What the shards come to together. `parts` are all, by number; `good` those that count."""

    parts: Mapping[int, Shard]
    good: list[Shard]
    journal: Journal
    checks: Path

    def record(self, folder: Path) -> RunRecord:
        """The record of the merged run."""
        base, records = self.good[0].record, [each.record for each in self.good]
        by_claim = self._by_claim()
        cards = {result.claim.id: result.claim for result in base.claims}
        waived = {result.claim.id for result in base.claims if result.waiver}
        troubles = tuple(self._troubles())
        return msgspec.structs.replace(
            base,
            id=folder.name,
            started=min(each.started for each in records),
            ended=max(each.ended for each in records),
            seconds=max(each.seconds for each in records),
            complete=not troubles,
            incomplete_because="; ".join(troubles),
            gate=gate(
                cards, {claim: found for claim, (found, _) in by_claim.items()}, strict=base.gate.strict, waived=waived
            ),
            claims=tuple(self._result(result, *by_claim[result.claim.id]) for result in base.claims),
            fidelity=max((each.fidelity for each in records), key=lambda fidelity: fidelity.facts),
            power=next((each.power for each in records if each.power), None),
            history=past_runs(folder.parent, folder.name, base.target),
            since=None,
            remarks=tuple(dict.fromkeys(remark for each in records for remark in each.remarks)),
            **counted.of_run(self.journal, cards.values()),
        )

    def _by_claim(self) -> dict[str, tuple[Finding, tuple[Finding, ...]]]:
        """Claim to its finding and those of its checks."""
        made: dict[str, list[Finding]] = {}
        for path in check_files(self.checks):
            for check in find_checks(path):
                made.setdefault(check.claim, []).append(self._of_check(check))
        found: dict[str, tuple[Finding, tuple[Finding, ...]]] = {}
        for result in self.good[0].record.claims:
            claim = result.claim.id
            if self._was_left_out(claim):
                found[claim] = (result.finding, ())
            else:
                of_checks = tuple(made.get(claim, ()))
                found[claim] = (gather(claim, of_checks), of_checks)
        return found

    def _was_left_out(self, claim: str) -> bool:
        """Whether the shards were told to assess other claims."""
        only = msgspec.json.decode(self.good[0].whole, type=dict[str, str])["only"]
        return bool(only) and claim not in only.split(",")

    def _of_check(self, check: Check) -> Finding:
        """The finding over what all shards saw; a part that is missing leaves it open, unless it is refuted."""
        tally = self.journal.tally(check.key)
        wanted = check.shards(self.good[0].count)
        for number in wanted:
            part = self.parts.get(number)
            if part is None or part.trouble:
                why = f"shard {number} of {self.good[0].count} {part.trouble if part else 'is missing'}"
                return cut_short(check.claim, check.key, tally, Reason.INTERRUPTED, why)
            seen = part.findings.get(check.key)
            if seen is None:
                return unassessed(check.claim, check.key, Reason.INTERRUPTED, f"shard {number} made no such check")
            if seen.reason is Reason.NO_TRIAL and check.is_divided:
                continue  # there are more shards than units, and this one had none to try
            if seen.verdict is Verdict.NOT_ASSESSED:
                return cut_short(check.claim, check.key, tally, seen.reason, f"shard {number}: {seen.because}")
        return finding(check.claim, check.key, tally)

    def _result(self, result: ClaimResult, found: Finding, checks: tuple[Finding, ...]) -> ClaimResult:
        return msgspec.structs.replace(
            result,
            finding=found,
            checks=checks,
            upper_bound_95=bound_of(found),
            **counted.of_claim(self.journal, result.claim.id),
        )

    def _troubles(self) -> Iterator[str]:
        for number in range(1, self.good[0].count + 1):
            part = self.parts.get(number)
            if part is None:
                yield f"shard {number} of {self.good[0].count} is missing"
            elif part.trouble:
                yield f"shard {number} of {self.good[0].count} {part.trouble}"


def _heads(good: list[Shard]) -> list[Head]:
    """The longest head of each log that any shard saw."""
    found: dict[tuple[str, str, str], Head] = {}
    for each in good:
        for head in heads.read_heads(each.folder / heads.FILE):
            known = found.get((head.deployment, head.log, head.key))
            if known is None or head.size > known.size:
                found[head.deployment, head.log, head.key] = head
    return list(found.values())


def _exhibits(good: list[Shard]) -> dict[str, bytes]:
    """What shards left besides the files of every run, and their manifests, which bind what they signed."""
    found: dict[str, bytes] = {}
    drawn = renderings(good[0].record).keys()
    for each in good:
        found[f"shard-{each.number}.manifest.json"] = (each.folder / "manifest.json").read_bytes()
        for path in sorted(each.folder.iterdir()):
            if path.name not in _OF_A_RUN | drawn:
                name = path.name if path.name not in found else f"shard-{each.number}.{path.name}"
                found[name] = path.read_bytes()
    return found
