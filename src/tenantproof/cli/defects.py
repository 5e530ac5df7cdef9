"""Reads the seeded defects without importing them: names, and the claims that each must turn."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from tenantproof.model.errors import UsageError


@dataclass(frozen=True)
class Defect:
    """A defect: a function Parts -> Parts in a file, and the claims that it breaks."""

    name: str
    path: Path
    claims: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The overlay reference, FILE:NAME."""
        return f"{self.path}:{self.name}"


def load_defects(folder: Path) -> dict[str, Defect]:
    """Every defect of the folder by name. Raises UsageError for a file without its table or a name used twice."""
    found: dict[str, Defect] = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem == "__init__":
            continue
        for name, claims in _table(path).items():
            if name in found:
                raise UsageError(f"{path} names the defect {name}, and so does {found[name].path}; rename one")
            found[name] = Defect(name=name, path=path, claims=tuple(claims))
    return found


def _table(path: Path) -> dict[str, tuple[str, ...]]:
    """The literal `DEFECTS` of the file; the file itself runs only inside a deployment."""
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.AnnAssign):
            target: ast.expr = node.target
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
        else:
            continue
        if isinstance(target, ast.Name) and target.id == "DEFECTS" and node.value is not None:
            table: dict[str, tuple[str, ...]] = ast.literal_eval(node.value)
            return table
    raise UsageError(f'{path} has no DEFECTS table; add DEFECTS = {{"name_of_function": ("CLAIM",)}}')
