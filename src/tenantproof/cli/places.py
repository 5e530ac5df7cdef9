"""Where things are when nothing else is said: the checks, the criteria, the defects, the evidence."""

from __future__ import annotations

from pathlib import Path

from tenantproof.model.errors import UsageError

EVIDENCE = Path("evidence")
_CLONE = Path(__file__).resolve().parents[3]


def house(name: str) -> Path:
    """A folder or file of the house, as in `house("checks")`: of the working directory, else of the clone.

    Raises UsageError when neither has it.
    """
    for root in (Path.cwd(), _CLONE):
        if (root / name).exists():
            return root / name
    raise UsageError(f"there is no {name} here nor beside the package; run from a clone of the repository")
