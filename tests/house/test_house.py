"""The house rules that a machine can hold: who may import whom, and that claims, checks and defects keep in step."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKS = sorted((ROOT / "checks").glob("*.py"))
DEFECTS = sorted(path for path in (ROOT / "fixtures/defects").glob("*.py") if path.stem != "__init__")
HOMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_a_check_imports_only_its_own_probe_and_the_kit(path: Path) -> None:
    ours = {name for name in _imports(path) if name.split(".")[0] in {"tenantproof", "venturi"}}
    strangers = {n for n in ours if n != "tenantproof.plugin.kit" and n != f"tenantproof.probes.{path.stem}"}
    assert not strangers, f"{path.name} imports {sorted(strangers)}; a check sees its probe and the kit"


@pytest.mark.parametrize("path", DEFECTS, ids=lambda path: path.stem)
def test_a_defect_imports_the_deployment_and_nothing_of_the_harness(path: Path) -> None:
    assert not [name for name in _imports(path) if name.split(".")[0] in {"tenantproof", "checks", "tests"}]


def test_only_defects_and_their_own_tests_import_the_deployment() -> None:
    elsewhere = [
        *(ROOT / "src/tenantproof").rglob("*.py"),
        *CHECKS,
        *(ROOT / "fuzz").rglob("*.py"),
        ROOT / "conftest.py",
    ]
    guilty = [path for path in elsewhere if any(name.split(".")[0] == "venturi" for name in _imports(path))]
    assert not guilty


def test_every_check_file_has_a_card_and_every_claim_is_declared_once() -> None:
    seen: dict[str, str] = {}
    for card in (ROOT / "checks").glob("*.toml"):
        for claim in tomllib.loads(card.read_text()):
            assert claim not in seen, f"{claim} stands in {card.name} and in {seen[claim]}"
            seen[claim] = card.name
    assert len(seen) == 34
    for path in CHECKS:
        assert path.with_suffix(".toml").exists(), f"{path.name} has no card {path.stem}.toml beside it"


def test_every_checked_claim_has_a_defect_that_breaks_it() -> None:
    broken = {claim for path in DEFECTS for claims in _defects(path).values() for claim in claims}
    checked = {claim for path in CHECKS for claim in _claimed(path)}
    assert checked, "no check names a claim"
    assert checked <= broken, f"no seeded defect breaks {sorted(checked - broken)}"


def test_every_function_without_a_home_has_been_named() -> None:
    assert not [path for path in (ROOT / "src").rglob("*.py") if path.stem in HOMELESS]


def test_no_file_outgrows_a_reader() -> None:
    long = {path: lines for path in _sources() if (lines := len(path.read_text().splitlines())) > 500}
    assert not long


def test_no_two_test_files_share_a_name() -> None:
    # pytest imports a test file by its bare name: in one run, the second of two namesakes fails to be collected.
    names = Counter(path.name for folder in ("tests", "fuzz") for path in (ROOT / folder).rglob("test_*.py"))
    assert not [name for name, times in names.items() if times > 1]


def test_the_linter_looks_at_every_file_of_ours() -> None:
    # A pattern that leaves out a folder at the top leaves out every folder of that name.
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {str(path) for path in _sources()} <= set(done.stdout.splitlines())


def test_every_module_opens_with_a_sentence() -> None:
    assert not [path for path in _sources() if not ast.get_docstring(ast.parse(path.read_text()))]


def _sources() -> Iterator[Path]:
    for folder in ("src", "checks", "fixtures", "tests", "fuzz", "benchmarks"):
        yield from (path for path in (ROOT / folder).rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _claimed(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "claim":
            yield from (
                value.value for value in node.args if isinstance(value, ast.Constant) and isinstance(value.value, str)
            )


def _defects(path: Path) -> dict[str, tuple[str, ...]]:
    for node in ast.parse(path.read_text()).body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name) and target.id == "DEFECTS" and isinstance(node, ast.Assign | ast.AnnAssign):
            assert node.value is not None
            found: dict[str, tuple[str, ...]] = ast.literal_eval(node.value)
            return found
    raise AssertionError(f"{path.name} defines no DEFECTS table")
