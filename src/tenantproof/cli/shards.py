"""Shards: the bundles of parts of one run, read, verified, and found to be parts of the same whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tenantproof.cli.past import record_of
from tenantproof.cli.verify import named_bundle
from tenantproof.evidence.keys import TrustedKey
from tenantproof.evidence.verify import verify_by
from tenantproof.ledger.journal import Journal
from tenantproof.model.errors import UsageError
from tenantproof.model.run import RunRecord
from tenantproof.model.verdict import Finding


@dataclass(frozen=True)
class Shard:
    """One bundle of a part. `trouble` says why nothing of it counts, or is empty."""

    folder: Path
    number: int
    count: int
    whole: str
    trouble: str

    @cached_property
    def record(self) -> RunRecord:
        """What it came to; only of a shard without trouble."""
        return record_of(self.folder)

    @cached_property
    def findings(self) -> dict[str, Finding]:
        """Findings by check."""
        return {each.check: each for result in self.record.claims for each in result.checks}

    @property
    def journal(self) -> Path:
        """Its observations."""
        return self.folder / "journal.sqlite"


def read_shard(bundle: Path, keys: Sequence[TrustedKey]) -> Shard:
    """The shard that a bundle is. Raises UsageError for what is no bundle of a shard at all."""
    folder = named_bundle(bundle)
    path = folder / "journal.sqlite"
    with Journal.open(path) if _was_cut_short(folder) else Journal.read(path) as journal:
        meta = journal.meta()
    if "shard" not in meta:
        raise UsageError(f"{folder} is no shard but a run of its own; make shards with: tenantproof run --shard I/N")
    number, _, count = meta["shard"].partition("/")
    return Shard(folder, int(number), int(count), meta.get("whole", ""), _trouble(folder, keys))


def chosen(shards: Iterable[Shard]) -> dict[int, Shard]:
    """One shard for each number, those without trouble before those with.

    Raises UsageError when they are not parts of one whole, or two bundles say that they are the same part: what is in
    both would be counted twice.
    """
    found: dict[int, Shard] = {}
    for each in shards:
        first = next(iter(found.values()), each)
        if (each.count, each.whole) != (first.count, first.whole):
            raise UsageError(
                f"{each.folder} and {first.folder} are no parts of the same run: target, claims, sample, checks and "
                "harness must be the same in all; merge those that belong together"
            )
        before = found.get(each.number)
        if before and not before.trouble and not each.trouble:
            raise UsageError(
                f"{each.folder} and {before.folder} are both shard {each.number}; leave one out, or it counts twice"
            )
        if before is None or before.trouble:
            found[each.number] = each
    return found


def _was_cut_short(folder: Path) -> bool:
    return not (folder / "manifest.json").exists()


def _trouble(folder: Path, keys: Sequence[TrustedKey]) -> str:
    if _was_cut_short(folder):
        return "was cut short"
    result, _ = verify_by(folder, keys)
    if result.problems:
        return f"does not verify: {result.problems[0]}"
    record = record_of(folder)
    return "" if record.complete else f"is incomplete: {record.incomplete_because}"
