"""Runs the checks of a folder through pytest and gathers a finding for every claim there is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tenantproof.judge.conclude import cut_short, gather, unassessed
from tenantproof.ledger.journal import Journal, JournalError
from tenantproof.model.claims import Claim
from tenantproof.model.errors import UsageError
from tenantproof.model.fidelity import Answers
from tenantproof.model.tally import Tally
from tenantproof.model.verdict import Finding, Reason, Verdict

if TYPE_CHECKING:
    from tenantproof.clients.target import Target


@dataclass(frozen=True)
class Event:
    """Something worth showing: a check is at work (`finding` is None), or it is done."""

    claim: str
    check: str
    observations: int
    finding: Finding | None = None


def _silent(event: Event) -> None:
    del event


@dataclass(frozen=True)
class RunContext:
    """What the checks are run with. `only` empty: all claims. `resume`: findings of checks that are done already."""

    cards: Mapping[str, Claim]
    checks_dir: Path
    target: Target
    journal: Journal
    only: frozenset[str] = frozenset()
    progress: Callable[[Event], None] = _silent
    resume: Mapping[str, Finding] = field(default_factory=dict)
    fidelity: Callable[[], Answers] | None = None
    """What the target was found to make of the facts that claims rest on, as soon as it is known; None: not asked."""


@dataclass(frozen=True)
class Assessment:
    """What a run came to: findings by check and, for every claim of the cards, by claim."""

    by_check: Mapping[str, Finding]
    by_claim: Mapping[str, Finding]
    interrupted: bool = False
    broken: Mapping[str, str] = field(default_factory=dict)
    """Check to the traceback of its own failure."""
    stopped: str = ""
    """Why the run could not go on, if it could not."""

    @classmethod
    def unreached(cls, cards: Mapping[str, Claim], because: str) -> Assessment:
        """The assessment of a target that could not be reached."""
        return cls({}, {claim: unassessed(claim, "", Reason.UNREACHABLE, because) for claim in cards})


def assess(context: RunContext) -> Assessment:
    """Make every check of the folder. Raises UsageError when there is none, or a check file can't be collected."""
    from tenantproof.plugin.plugin import IsolationPlugin

    if not context.checks_dir.is_dir():
        raise UsageError(f"{context.checks_dir} is no folder; name the folder of checks with --checks")
    plugin = IsolationPlugin(context)
    with _quiet_pytest() as options:
        code = pytest.main(options, plugins=[plugin])
    if plugin.collection_errors and not plugin.interrupted:
        raise UsageError("\n".join(plugin.collection_errors))
    if code not in _ENDS and not plugin.interrupted and not plugin.stopped:
        raise UsageError(f"pytest could not run the checks in {context.checks_dir} (exit {int(code)})")
    ending = plugin.stopped or ("the run was interrupted" if plugin.interrupted else "the run ended before its check")
    by_check = {**context.resume, **plugin.findings}
    by_check |= _begun(context, by_check, plugin.claims, ending)
    if not plugin.stopped:
        context.journal.complete(plugin.is_collected and not plugin.interrupted)
    return Assessment(
        by_check=by_check,
        by_claim={
            claim: _of_claim(context, claim, plugin.claims.get(claim, []), by_check, ending)
            if plugin.is_collected
            else unassessed(claim, "", Reason.INTERRUPTED, ending)
            for claim in context.cards
        },
        interrupted=plugin.interrupted,
        broken=plugin.broken,
        stopped=plugin.stopped,
    )


_ENDS = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}


def _begun(
    context: RunContext, done: Mapping[str, Finding], checks_of: Mapping[str, list[str]], ending: str
) -> dict[str, Finding]:
    """Findings of checks that saw something and did not come to their end."""
    begun = {}
    for claim, keys in checks_of.items():
        for key in keys:
            tally = context.journal.tally(key) if key not in done else Tally()
            if tally.calibrations or tally.trials or tally.witnesses:
                begun[key] = cut_short(claim, key, tally, Reason.INTERRUPTED, ending)
    return begun


def _of_claim(
    context: RunContext, claim: str, wanted: list[str], by_check: Mapping[str, Finding], ending: str
) -> Finding:
    """The finding of a claim, whether or not its checks were made."""
    findings = [by_check[key] for key in wanted if key in by_check]
    number, count = context.target.sweep.shard
    if count > 1 and wanted and not (context.only and claim not in context.only):
        return _of_shard(claim, findings, number, count)
    if len(findings) < len(wanted):
        rest = ", ".join(key for key in wanted if key not in by_check)
        if context.only and claim not in context.only:
            because = "the run was told to assess other claims only"
            findings.append(unassessed(claim, "" if not findings else rest, Reason.NOT_SELECTED, because))
        else:
            findings.append(unassessed(claim, rest, Reason.INTERRUPTED, ending))
    return gather(claim, findings)


def _of_shard(claim: str, findings: list[Finding], number: int, count: int) -> Finding:
    """What one shard knows of a claim: what is refuted is refuted, and the rest is for all of them together to say."""
    troubles = [each for each in findings if each.verdict is not Verdict.SATISFIED]
    if troubles:
        return gather(claim, troubles)
    tried = ", ".join(each.check for each in findings)
    because = f"shard {number} of {count} tried a part of it; see: tenantproof merge"
    return unassessed(claim, tried, Reason.NOT_SELECTED, because)


@contextmanager
def _quiet_pytest() -> Iterator[list[str]]:
    """Options that make a run depend on nothing but its checks: no configuration, no plugins, no cache, no output.

    pytest is pointed at an empty folder, which the plugin fills with the checks.
    """
    inherited = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    try:
        with tempfile.TemporaryDirectory() as folder:
            empty = Path(folder) / "pytest.ini"
            empty.write_text("[pytest]\n")
            off = [f"no:{name}" for name in ("cacheprovider", "terminal", "faulthandler", "logging")]
            options = ["-c", str(empty), "--rootdir", folder, "--noconftest", "--disable-plugin-autoload"]
            options += [word for name in off for word in ("-p", name)]
            yield [*options, "--assert=plain", "--capture=no", folder]
    finally:
        os.environ.update(inherited)


__all__ = ["Assessment", "Event", "JournalError", "RunContext", "assess"]
