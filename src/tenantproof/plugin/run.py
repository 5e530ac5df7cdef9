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

from tenantproof.judge.conclude import gather, unassessed
from tenantproof.ledger.journal import Journal, JournalError
from tenantproof.model.claims import Claim
from tenantproof.model.errors import UsageError
from tenantproof.model.verdict import Finding, Reason

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
    """Make every check of the folder. Raises UsageError when a check file can't be collected."""
    from tenantproof.plugin.plugin import IsolationPlugin

    plugin = IsolationPlugin(context)
    with _quiet_pytest() as options:
        code = pytest.main([*options, str(context.checks_dir)], plugins=[plugin])
    if plugin.collection_errors:
        raise UsageError("\n".join(plugin.collection_errors))
    interrupted = plugin.interrupted
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}:
        interrupted = interrupted or code == pytest.ExitCode.INTERRUPTED
        if not interrupted and not plugin.stopped:
            raise UsageError(f"pytest could not run the checks in {context.checks_dir} (exit {int(code)})")
    by_check = {**context.resume, **plugin.findings}
    return Assessment(
        by_check=by_check,
        by_claim=_by_claim(context, by_check, plugin.claims, interrupted=interrupted, stopped=plugin.stopped),
        interrupted=interrupted,
        broken=plugin.broken,
        stopped=plugin.stopped,
    )


def _by_claim(
    context: RunContext,
    by_check: Mapping[str, Finding],
    checks_of: Mapping[str, list[str]],
    *,
    interrupted: bool,
    stopped: str,
) -> dict[str, Finding]:
    """A finding for every claim of the cards, whether or not a check came to it."""
    result = {}
    for claim in context.cards:
        wanted = checks_of.get(claim, [])
        findings = [by_check[key] for key in wanted if key in by_check]
        if context.only and claim not in context.only and wanted:
            result[claim] = unassessed(claim, "", Reason.NOT_SELECTED, "the run was told to assess other claims only")
        elif len(findings) < len(wanted):
            because = stopped or ("the run was interrupted" if interrupted else "the run ended before its check")
            open_ = unassessed(claim, ", ".join(wanted), Reason.INTERRUPTED, because)
            result[claim] = gather(claim, [*findings, open_])
        else:
            result[claim] = gather(claim, findings)
    return result


@contextmanager
def _quiet_pytest() -> Iterator[list[str]]:
    """Options that make a run depend on nothing but its checks: no configuration, no plugins, no cache, no output."""
    inherited = os.environ.pop("PYTEST_ADDOPTS", None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            empty = Path(folder) / "pytest.ini"
            empty.write_text("[pytest]\n")
            yield [
                *("-c", str(empty), "--rootdir", folder, "--noconftest", "--disable-plugin-autoload"),
                *(
                    "-p",
                    "no:cacheprovider",
                    "-p",
                    "no:terminal",
                    "-p",
                    "no:faulthandler",
                    "--assert=plain",
                    "--capture=no",
                ),
            ]
    finally:
        if inherited is not None:
            os.environ["PYTEST_ADDOPTS"] = inherited


__all__ = ["Assessment", "Event", "JournalError", "RunContext", "assess"]
