"""The front door: `nox -l` lists what can be run, and nothing is run any other way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

# The command `nox`, unlike `python -m nox`, finds no module beside this file.
sys.path.insert(0, str(Path(__file__).parent))
import bootstrap

nox.options.default_venv_backend = "none"
nox.options.sessions = ["isolation"]
# One more than there are cores, for tests wait a good deal; but four at most, for each starts deployments of 0.3 GB.
_SHARED_OUT = ("-n", str(min(4, (os.cpu_count() or 1) + 1)))


def _run(session: nox.Session, module: str, *arguments: str) -> None:
    python = str(bootstrap.ready())
    session.run(python, "-m", module, *arguments, external=True)


@nox.session
def isolation(session: nox.Session) -> None:
    """The main job: attack a deployment, write signed evidence. Without arguments, the embedded one."""
    _run(session, "tenantproof", "run", *session.posargs)


@nox.session
def sensitivity(session: nox.Session) -> None:
    """Prove that the checks can fail: start the deployment once per seeded defect, demand that it is caught."""
    _run(session, "tenantproof", "sensitivity", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Test the two packages themselves, on 127.0.0.1 only; without arguments, all of it on all cores."""
    _run(session, "pytest", *(session.posargs or [*_SHARED_OUT, "tests"]))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Attack the embedded deployment with generated input: schemathesis and hypothesis."""
    _run(session, "pytest", *(session.posargs or ["fuzz"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, strict types, and the floors of the house."""
    _run(session, "ruff", "format", "--check", ".")
    _run(session, "ruff", "check", ".")
    _run(session, "mypy")
    python = str(bootstrap.ready())
    session.run(python, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what DESIGN.md asks for, by name (`-- sweep tokens`) or all of it; writes evidence/bench.json."""
    _run(session, "benchmarks", *session.posargs)
