"""What changed since the run before: what can be compared in rows, and a sentence for all that share another cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenantproof.model.run import Attribution, Change, Comparison
from tenantproof.outputs.words import count

_FEW = 3


@dataclass(frozen=True)
class Alike:
    """Claims whose verdicts differ for one and the same reason, which says nothing about the target."""

    told: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Since:
    """`rows` are to be read one by one; `alike` a sentence each."""

    rows: tuple[Change, ...]
    alike: tuple[Alike, ...]


def since_of(comparison: Comparison) -> Since:
    """A run beside another of other code, or one that tried a few claims, differs in all the rest: one cause, one line.

    What the target did differently is always a row, and so is what has a cause that few share.
    """
    groups: dict[tuple[Attribution, str], list[Change]] = {}
    for change in comparison.changes:
        groups.setdefault((change.attribution, change.because), []).append(change)
    many = {cause for cause, each in groups.items() if _is_summed(cause[0], each)}
    rows = tuple(each for each in comparison.changes if (each.attribution, each.because) not in many)
    return Since(rows, tuple(_alike({cause: groups[cause] for cause in groups if cause in many})))


def _is_summed(attribution: Attribution, changes: list[Change]) -> bool:
    return attribution is not Attribution.TARGET_CHANGED and len(changes) > _FEW


def _alike(groups: dict[tuple[Attribution, str], list[Change]]) -> Iterator[Alike]:
    for (attribution, because), changes in groups.items():
        yield Alike(f"{count(len(changes), 'claim')}, {attribution.value}: {because}.", tuple(changes))
