"""Finds the checks of a folder: which functions there are, which claims they decide, what they need."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import typing
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

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
    def key(self) -> str:
        """The name a check has in the journal; the claim belongs to it, since one function may decide several."""
        return f"{self.name}[{self.claim}]"

    @property
    def needs(self) -> frozenset[str]:
        """The capabilities without which the check can't be made."""
        return frozenset().union(*(probe.needs for probe in self.probes.values()))

    @property
    def wishes(self) -> frozenset[str]:
        """The capabilities that the check needs or makes use of."""
        return self.needs.union(*(probe.uses for probe in self.probes.values()))

    @property
    def is_divided(self) -> bool:
        """Whether each shard of a run makes a part of it."""
        return any(probe.is_divided for probe in self.probes.values())

    def shards(self, count: int) -> tuple[int, ...]:
        """Which of so many shards (from 1) make it: all a part of it, or one the whole."""
        if self.is_divided:
            return tuple(range(1, count + 1))
        # By its name, so that checks that come or go move no other.
        return (1 + zlib.crc32(self.key.encode()) % count,)


def find_checks(path: Path) -> Iterator[Check]:
    """The checks of one file, in the order they stand there.

    Raises UsageError for a `check_` function that stands twice, has no claim, or asks for what is neither ledger nor
    probe.
    """
    module = _load(path)
    for name in _names(path):
        function = vars(module).get(name)
        if not isinstance(function, FunctionType) or inspect.iscoroutinefunction(function):
            raise UsageError(f"{path.name}: {name} is no plain function; a check is a `def` under @claim(...)")
        yield from _checks(path, name, function)


def checked_claims(folder: Path) -> frozenset[str]:
    """The claims that some check of the folder decides."""
    return frozenset(claim_needs(folder))


def claim_needs(folder: Path) -> dict[str, frozenset[str]]:
    """Claim to the capabilities that its checks need together."""
    return _by_claim(folder, lambda check: check.needs)


def claim_wishes(folder: Path) -> dict[str, frozenset[str]]:
    """Claim to the capabilities that its checks need or make use of."""
    return _by_claim(folder, lambda check: check.wishes)


def _by_claim(folder: Path, of: Callable[[Check], frozenset[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for path in check_files(folder):
        for check in find_checks(path):
            found[check.claim] = found.get(check.claim, frozenset()) | of(check)
    return found


def check_files(folder: Path) -> list[Path]:
    """The check files of a folder, in the order of their names."""
    return [path for path in sorted(folder.glob("*.py")) if not path.name.startswith(("_", "conftest", "test_"))]


class _Loader(SourceFileLoader):
    """Compiles the source each time: no __pycache__ appears among the checks, and none is believed."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _load(path: Path) -> ModuleType:
    """Import a check file by its path, under a name that nothing else has."""
    name = f"tenantproof_checks_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _names(path: Path) -> list[str]:
    """The checks that a file spells out. A name that stands twice would silently hide the first check."""
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = ast.parse(path.read_bytes(), str(path)).body
    names = [node.name for node in nodes if isinstance(node, defined) and node.name.startswith("check_")]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{path.name}: {name} stands there {names.count(name)} times; give each check its name")
    return names


def _checks(path: Path, name: str, function: FunctionType) -> Iterator[Check]:
    claims = claims_of(function)
    if not claims:
        raise UsageError(f"{path.name}: {name} decides no claim; put @claim(...) above it")
    hints = _hints(path, function)
    probes = {key: kind for key, kind in hints.items() if isinstance(kind, type) and issubclass(kind, Probe)}
    ledgers = tuple(key for key, kind in hints.items() if kind is Ledger)
    parameters = inspect.signature(function).parameters
    if strangers := sorted(set(parameters) - set(probes) - set(ledgers)):
        raise UsageError(
            f"{path.name}: {name} asks for {strangers}; a check gets probes and a Ledger, by their annotations"
        )
    for claim in claims:
        yield Check(name=name, claim=claim, function=function, ledgers=ledgers, probes=probes)


def _hints(path: Path, function: FunctionType) -> dict[str, object]:
    try:
        hints: dict[str, object] = typing.get_type_hints(function)
    except NameError as error:
        raise UsageError(f"{path.name}: {function.__name__}: {error}; import what its annotations name") from None
    return {name: kind for name, kind in hints.items() if name != "return"}
