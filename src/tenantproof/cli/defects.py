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
    area: str = ""
    """The name by which the defects of its file are chosen together."""

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
        literals = _literals(path)
        if "DEFECTS" not in literals:
            raise UsageError(f'{path} has no DEFECTS table; add DEFECTS = {{"name_of_function": ("CLAIM",)}}')
        for name, claims in ast.literal_eval(literals["DEFECTS"]).items():
            if name in found:
                raise UsageError(f"{path} names the defect {name}, and so does {found[name].path}; rename one")
            area = str(ast.literal_eval(literals["AREA"])) if "AREA" in literals else path.stem
            found[name] = Defect(name=name, path=path, claims=tuple(claims), area=area)
    return found


def _literals(path: Path) -> dict[str, ast.expr]:
    """What the file's top-level names are set to, unevaluated; the file itself runs only inside a deployment."""
    found: dict[str, ast.expr] = {}
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
    return found
