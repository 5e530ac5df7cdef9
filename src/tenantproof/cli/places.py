"""Where things are when nothing else is said: the checks, the criteria, the defects, the evidence."""

from __future__ import annotations

import secrets
from datetime import datetime
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


def new_run(evidence: Path, started: datetime) -> Path:
    """The folder of a run that starts now, which is made. Raises UsageError when it can't be."""
    # The random tail keeps two runs that start in one second apart.
    folder = evidence / f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"evidence can't be written to {folder}: {error.strerror}; name another --evidence") from None
    return folder
