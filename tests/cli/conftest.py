"""One embedded deployment for all tests of the command line, and a way to run commands against it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from tenantproof.cli.embedded import embedded

Command: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The profile of a running deployment, as a file."""
    with embedded(tenants=3, overlay="", note=_silent) as text:
        path = tmp_path_factory.mktemp("deployment") / "venturi.toml"
        path.write_text(text)
        yield path


def command_in(folder: Path) -> Command:
    """Runs `tenantproof` in a directory, with a signing key of its own."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tenantproof", *arguments]
        environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), **more}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1500, check=False
        )

    return run


@pytest.fixture
def tenantproof(tmp_path: Path) -> Command:
    """Runs `tenantproof` in an empty directory."""
    return command_in(tmp_path)


def _silent(line: str) -> None:
    del line
