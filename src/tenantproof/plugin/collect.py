"""Finds the checks of a folder: which functions there are, which claims they decide, what they need."""

from __future__ import annotations

import importlib.util
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

from tenantproof.model.errors import UsageError
from tenantproof.plugin.kit import Ledger, claims_of
from tenantproof.probes.probe import Probe


@dataclass(frozen=True)
class Check:
    """One check and one claim it decides. `probes`: parameter name to the probe class it is given."""

    name: str
    claim: str
    function: FunctionType
    ledgers: tuple[str, ...]
    probes: dict[str, type[Probe]]

    @property
    def needs(self) -> frozenset[str]:
        """The capabilities without which the check can't be made."""
        return frozenset().union(*(probe.needs for probe in self.probes.values()))


def find_checks(path: Path) -> Iterator[Check]:
    """The checks of one file, in the order they stand there.

    Raises UsageError for a `check_` function without a claim, or a parameter that is neither ledger nor probe.
    """
    module = _load(path)
    functions = [f for f in vars(module).values() if isinstance(f, FunctionType) and f.__module__ == module.__name__]
    for function in functions:
        if function.__name__.startswith("check_"):
            yield from _checks(path, function)


def checked_claims(folder: Path) -> frozenset[str]:
    """The claims that some check of the folder decides."""
    return frozenset(claim_needs(folder))


def claim_needs(folder: Path) -> dict[str, frozenset[str]]:
    """Claim to the capabilities that its checks need together."""
    needs: dict[str, frozenset[str]] = {}
    for path in check_files(folder):
        for check in find_checks(path):
            needs[check.claim] = needs.get(check.claim, frozenset()) | check.needs
    return needs


def check_files(folder: Path) -> list[Path]:
    """The check files of a folder, in the order of their names."""
    return [path for path in sorted(folder.glob("*.py")) if not path.name.startswith(("_", "conftest", "test_"))]


def _load(path: Path) -> ModuleType:
    """Import a check file by its path, under a name that nothing else has."""
    name = f"tenantproof_checks_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _checks(path: Path, function: FunctionType) -> Iterator[Check]:
    claims = claims_of(function)
    if not claims:
        raise UsageError(f"{path.name}: {function.__name__} decides no claim; put @claim(...) above it")
    hints = typing.get_type_hints(function)
    hints.pop("return", None)
    probes = {name: kind for name, kind in hints.items() if isinstance(kind, type) and issubclass(kind, Probe)}
    ledgers = tuple(name for name, kind in hints.items() if kind is Ledger)
    if strangers := set(hints) - set(probes) - set(ledgers):
        raise UsageError(
            f"{path.name}: {function.__name__} asks for {sorted(strangers)}; a check gets probes and a Ledger"
        )
    for claim in claims:
        yield Check(name=function.__name__, claim=claim, function=function, ledgers=ledgers, probes=probes)
