"""What lies in the evidence folder: every run there is, read from the bundles that earlier runs left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tenantproof.evidence.bundle import RECORD
from tenantproof.model.errors import UsageError
from tenantproof.model.run import PastRun, RunRecord
from tenantproof.model.run_text import decode

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}\Z")
_KEPT = 400
"""Runs that a report looks back on; a year of nights."""


class _Run(msgspec.Struct):
    id: str
    started: str
    target: str


class _Gate(msgspec.Struct):
    exit: int


class _Claim(msgspec.Struct):
    verdict: str


class _Summary(msgspec.Struct):
    """The part of a summary.json that makes a run an earlier run."""

    run: _Run
    gate: _Gate
    claims: dict[str, _Claim]
    complete: bool


def folders(evidence: Path) -> list[Path]:
    """The folders of runs, oldest first; a run id sorts by time."""
    if not evidence.is_dir():
        return []
    return sorted(path for path in evidence.iterdir() if RUN_ID.match(path.name) and path.is_dir())


def newest_moment(evidence: Path) -> str:
    """When the newest run began, as its id says; empty where there is none."""
    found = folders(evidence)
    return found[-1].name.split("-")[0] if found else ""


def past_run(folder: Path) -> tuple[str, PastRun] | None:
    """The target and the numbers of a run, or None where it left no summary that can be read."""
    try:
        summary = msgspec.json.decode((folder / "summary.json").read_bytes(), type=_Summary)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    verdicts = [claim.verdict for claim in summary.claims.values()]
    return summary.run.target, PastRun(
        id=folder.name,
        started=summary.run.started,
        exit=summary.gate.exit,
        complete=summary.complete,
        satisfied=verdicts.count("satisfied"),
        not_satisfied=verdicts.count("not-satisfied"),
        not_assessed=verdicts.count("not-assessed"),
    )


def past_runs(evidence: Path, before: str, target: str) -> tuple[PastRun, ...]:
    """Runs against a target that are older than the run `before`, oldest first."""
    older = [folder for folder in folders(evidence) if folder.name < before][-_KEPT:]
    return tuple(run for name, run in _readable(older) if name == target)


def record_of(folder: Path) -> RunRecord:
    """The record of a finished run. Raises UsageError that says why there is none."""
    path = folder / RECORD
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}; name the bundle of a finished run") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UsageError(
            f"{path} is no record that this version reads; see: tenantproof verify {path.parent}"
        ) from None


def _readable(found: list[Path]) -> Iterator[tuple[str, PastRun]]:
    for folder in found:
        if (run := past_run(folder)) is not None:
            yield run
