"""Compares two runs, and says what a difference can be put down to: the target, the harness, or neither alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tenantproof.model.run import Attribution, Change, ClaimResult, Comparison, RunRecord
from tenantproof.model.verdict import Reason, Verdict

_ABSENT = "absent"
_NO_ANSWER = frozenset(Reason) - {Reason.PROVEN, Reason.REFUTED, Reason.DIFFERED, Reason.NO_CHECK}
_VERSION = re.compile(r"version|commit|build|release|revision|image|digest", re.IGNORECASE)


def compare(before: RunRecord, after: RunRecord) -> Comparison:
    """Every claim whose verdict differs, in the order of the later run's cards; pure and total."""
    old = {result.claim.id: result for result in before.claims}
    new = {result.claim.id: result for result in after.claims}
    names = list(new) + [name for name in old if name not in new]
    changes = [_change(name, old.get(name), new.get(name), before, after) for name in names]
    differing = tuple(change for change in changes if change is not None)
    return Comparison(
        before=before.id,
        after=after.id,
        facts=tuple(_facts(before, after)),
        changes=differing,
        unchanged=len(names) - len(differing),
    )


def _change(
    name: str, old: ClaimResult | None, new: ClaimResult | None, before: RunRecord, after: RunRecord
) -> Change | None:
    if old and new and old.finding.verdict is new.finding.verdict:
        return None
    attribution, because = _attribution(old, new, before, after)
    return Change(
        claim=name,
        before=old.finding.verdict.value if old else _ABSENT,
        after=new.finding.verdict.value if new else _ABSENT,
        attribution=attribution,
        because=because,
    )


def _attribution(
    old: ClaimResult | None, new: ClaimResult | None, before: RunRecord, after: RunRecord
) -> tuple[Attribution, str]:
    """The order of the questions is the point: what could not be decided in one run is no change of anything."""
    if old is None or new is None:
        return Attribution.HARNESS_CHANGED, f"the {'earlier' if old is None else 'later'} run does not know the claim"
    if before.target != after.target:
        return Attribution.NOT_COMPARABLE, "the runs are of different targets"
    for result, when in ((old, "earlier"), (new, "later")):
        if result.finding.verdict is Verdict.NOT_ASSESSED and result.finding.reason in _NO_ANSWER:
            return Attribution.NOT_COMPARABLE, f"the {when} run did not decide it ({result.finding.reason.value})"
    if Reason.NO_CHECK in {old.finding.reason, new.finding.reason}:
        return Attribution.HARNESS_CHANGED, "one of the runs had no check for it"
    if _same_harness(before, after) and old.claim == new.claim:
        return Attribution.TARGET_CHANGED, "the same checks, byte for byte, were answered otherwise"
    if _target(before) == _target(after):
        return Attribution.HARNESS_CHANGED, "the target says that it is the same, and the checks are not"
    return Attribution.NOT_COMPARABLE, "target and harness both changed; run both targets with one harness to tell"


def _same_harness(before: RunRecord, after: RunRecord) -> bool:
    return before.harness == after.harness and before.harness_digest == after.harness_digest != ""


def _target(record: RunRecord) -> dict[str, str]:
    """What tells one build of a target from the next: what its identity says of a version, else all that it says."""
    versions = {name: value for name, value in record.identity.items() if _VERSION.search(name)}
    return versions or record.identity


def _facts(before: RunRecord, after: RunRecord) -> Iterator[str]:
    pairs = [
        ("target", before.target, after.target),
        ("harness", before.harness, after.harness),
        ("checks and harness source", before.harness_digest, after.harness_digest),
        ("profile", before.profile_digest, after.profile_digest),
        ("capabilities", ", ".join(before.capabilities), ", ".join(after.capabilities)),
    ]
    for what, old_ones, new_ones in (
        ("identity", before.identity, after.identity),
        ("version", before.versions, after.versions),
    ):
        names = sorted({*old_ones, *new_ones})
        pairs += [(f"{what}, {name}", old_ones.get(name, ""), new_ones.get(name, "")) for name in names]
    for what, old, new in pairs:
        if old != new:
            yield f"{what}: {old or 'nothing'} before, {new or 'nothing'} now"
