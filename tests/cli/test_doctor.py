"""`tenantproof doctor` on the embedded deployment: who is somebody, what can be assessed, how faithful its AWS is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import Command

FLOOR = 0.95
"""The share of the documented facts about AWS that the embedded front has to hold."""


def test_the_embedded_front_holds_the_documented_facts_and_doctor_prints_each(
    tenantproof: Command, profile: Path
) -> None:
    done = tenantproof("doctor", "--target", str(profile))
    assert done.returncode == 0, done.stdout + done.stderr
    held = re.findall(r"^held +([a-z0-9.-]+) ", done.stdout, re.MULTILINE)
    missing = re.findall(r"^MISSING +([a-z0-9.-]+) .*saw .*https://docs\.aws\.amazon\.com/", done.stdout, re.MULTILINE)
    assert len(held) + len(missing) >= 100
    assert len(held) / (len(held) + len(missing)) >= FLOOR, missing
    assert f"fidelity: {len(held)} of {len(held) + len(missing)} facts about AWS hold on this target" in done.stdout
    assert "can be assessed: 34 of 34 claims" in done.stdout
    # What no claim needs, and what is tried where it is there.
    (further,) = re.findall(r"^  QA-2 looks further with (.*); `tenantproof init`", done.stdout, re.MULTILINE)
    lent = {"certificates", "names", "objects", "quota", "restore", "shares", "tenancy", "webhooks"}
    assert lent <= set(further.split(", "))
    assert "links" not in further


def test_doctor_says_whose_token_is_missing_and_that_the_target_is_another(
    tenantproof: Command, profile: Path, tmp_path: Path
) -> None:
    text = profile.read_text()
    (tmp_path / "other.toml").write_text(
        re.sub(r'(\[target\.identity\][^\[]*?= ")[^"]*"', r'\1another"', text, count=1)
    )
    done = tenantproof("doctor", "--target", str(tmp_path / "other.toml"))
    assert done.returncode == 3
    assert "FAIL" in done.stdout
    assert "another" in done.stdout
