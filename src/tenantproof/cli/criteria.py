"""Reads the catalogues of criteria that claims map to: reviewer questions, GDPR articles, SOC 2 criteria."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from tenantproof.model.errors import UsageError
from tenantproof.model.run import Criterion

_CATALOGUES = (("Q", "questions.toml"), ("gdpr", "gdpr.toml"), ("soc2", "soc2.toml"))


def load_criteria(folder: Path) -> tuple[Criterion, ...]:
    """Every criterion of the folder, in the order of its files. Raises UsageError naming the file and the entry."""
    return tuple(criterion for name, file in _CATALOGUES for criterion in _catalogue(name, folder / file))


def _catalogue(name: str, path: Path) -> list[Criterion]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    found = []
    for ident, entry in table.items():
        try:
            found.append(msgspec.convert({"catalogue": name, "id": ident, **entry}, Criterion))
        except (msgspec.ValidationError, TypeError) as error:
            raise UsageError(f"{path}: [{ident}]: {error}") from None
    return found
