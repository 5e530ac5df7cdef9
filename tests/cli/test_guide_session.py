"""The guide's session with curl does what the guide says: its blocks are run as they stand, their answers compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from venturi.cli import main

GUIDE = Path(__file__).parents[2] / "docs/guide.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "\x1e"
ANY = "…"


def blocks() -> list[tuple[str, str]]:
    """The blocks of the section, each with its language."""
    section = GUIDE.read_text().split("## A session with curl\n")[1].split("\n## ")[0]
    return [(kind, text) for kind, text in BLOCK.findall(section) if kind]


def fits(told: Any, said: Any) -> bool:
    """Whether an answer is what the guide says."""
    if said == ANY:
        return told is not None
    if isinstance(said, dict):
        return isinstance(told, dict) and told.keys() == said.keys() and all(fits(told[key], said[key]) for key in said)
    return bool(told == said)


def run(profile: Path, place: Path) -> list[str]:
    """What each shell block printed; they are one script, which ends at the first command that fails."""
    script = "".join(f"{text}printf '{END}'\n" for kind, text in blocks() if kind == "sh")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env={**os.environ, "PATH": path, "VENTURI_PROFILE": str(profile)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(END)[:-1]


def test_every_block_does_what_the_guide_says(profile: Path, tmp_path: Path) -> None:
    missing = [name for name in ("bash", "curl", "jq", "sha256sum") if not shutil.which(name)]
    if missing:
        pytest.skip(f"the session needs {', '.join(missing)}")
    if "kafka" not in tomllib.loads(profile.read_text()):
        pytest.skip("the session needs event streams, and there is no broker here")
    printed = iter(run(profile, tmp_path))
    compared = 0
    told: str = ""
    for (kind, text), (following, said) in pairwise([*blocks(), ("", "")]):
        if kind != "sh":
            continue
        told = next(printed)
        if following == "json":
            compared += 1
            assert fits(json.loads(told), json.loads(said)), f"{text}\nprinted {told}\nand the guide says {said}"
    assert compared == sum(kind == "json" for kind, _ in blocks())
    assert "/audit/globex/" in told.splitlines()[0], "the trail's checkpoint names whose it is"
    assert "TENANT_MISMATCH" in told


def test_a_comparison_sees_what_differs() -> None:
    assert fits({"a": "x", "b": [1]}, {"a": ANY, "b": [1]})
    others: list[Any] = [{"a": None, "b": [1]}, {"a": "x", "b": [2]}, {"a": "x"}, {"a": "x", "b": [1], "c": 1}, []]
    for other in others:
        assert not fits(other, {"a": ANY, "b": [1]})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["token", "nobody"], "there is no tenant nobody"),
        (["token", "acme", "nobody"], "acme has no principal nobody"),
        (["token", "venturi", "reader"], "support-1"),
        (["resolved", "acme", "cv-of-nobody", "--seconds", "0"], "there is no record of cv-of-nobody"),
        (["resolved", "nobody", "cv"], "there is no tenant nobody"),
    ],
)
def test_what_is_not_there_is_said(profile: Path, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(main, [*arguments, "--profile", str(profile)])
    assert done.exit_code
    assert said in done.output


@pytest.mark.parametrize(
    "text", ["", "x", "[target]\nbase_url = 3\n", '[target]\nbase_url = "https://venturi.example"\n']
)
def test_tokens_are_printed_for_an_embedded_deployment_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    done = CliRunner().invoke(main, ["token", "acme", "--profile", str(path)])
    assert done.exit_code == 2
    assert CliRunner().invoke(main, ["token", "acme", "--profile", str(tmp_path)]).exit_code == 2


def test_the_vendors_people_have_tokens_too(profile: Path) -> None:
    for name in ("support-1", "operator"):
        done = CliRunner().invoke(main, ["token", "venturi", name, "--profile", str(profile)])
        assert done.exit_code == 0, done.output
        assert done.output.count(".") == 2
