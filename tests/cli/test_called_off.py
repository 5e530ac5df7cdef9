"""A sensitivity run that is called off ends with what is being tried, and tries nothing more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tenantproof.cli import sensitivity
from tenantproof.cli.defects import Defect
from tenantproof.plugin.run import Assessment, RunContext
from tests.model.test_profile_text import GOOD


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The defects that were tried. No deployment is booted: what is looked at is the end, not the finding."""
    names: list[str] = []

    @contextmanager
    def embedded(**_: object) -> Iterator[str]:
        yield GOOD

    def run_with(defect: Defect, _checks: Path, _only: frozenset[str]) -> Mapping[str, str]:
        names.append(defect.name)
        time.sleep(0.2)
        return {}

    baseline = [False]

    def assess(context: RunContext) -> Assessment:
        """The baseline to its end; whatever comes after it is interrupted."""
        interrupted, baseline[0] = baseline[0], True
        found = Assessment.unreached(context.cards, "nobody is there")
        return Assessment({}, found.by_claim, interrupted=interrupted)

    monkeypatch.setattr(sensitivity, "embedded", embedded)
    monkeypatch.setattr(sensitivity, "_run_with", run_with)
    monkeypatch.setattr(sensitivity, "assess", assess)
    return names


def test_who_calls_it_off_waits_for_what_is_being_tried_alone(tried: list[str], tmp_path: Path) -> None:
    arguments = ["--evidence", str(tmp_path), "--jobs", "2"]
    with pytest.raises(click.Abort):
        sensitivity.command.main(arguments, standalone_mode=False)
    assert 0 < len(tried) < 10
    assert not (tmp_path / "sensitivity.json").exists()
