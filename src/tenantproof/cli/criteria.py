"""Reads the catalogues of criteria that claims map to. A framework is one file; adding a file adds a framework."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container
from pathlib import Path

import msgspec

from tenantproof.model.errors import UsageError
from tenantproof.model.run import Criterion, Framework

_QUESTIONS = "questions"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [framework] table of a file; `order` places it among the others."""

    title: str
    note: str = ""
    order: int = 100


def load_criteria(
    folder: Path, claims: Container[str] | None = None
) -> tuple[tuple[Framework, ...], tuple[Criterion, ...]]:
    """Every framework of the folder in order, and every criterion of them.

    A file is named after its framework, as cards name it (`soc2.toml`; `questions.toml` is "Q"). It begins with a
    [framework] table; every other table is a criterion with a title, and maybe `claims`, the claims that answer it.
    Raises UsageError naming the file and the entry; also for a claim that is not among `claims`, where these are given.
    """
    found = sorted((_catalogue(path, claims) for path in folder.glob("*.toml")), key=lambda each: each[0])
    if not found:
        raise UsageError(f"{folder} holds no criteria (*.toml); without any, no question can be answered")
    frameworks = tuple(framework for _, framework, _ in found)
    return frameworks, tuple(criterion for _, _, criteria in found for criterion in criteria)


def _catalogue(path: Path, claims: Container[str] | None) -> tuple[tuple[int, str], Framework, list[Criterion]]:
    if not _NAME.match(path.stem):
        raise UsageError(f"{path}: name the file after its framework, in lower-case letters, digits, - and _")
    name = "Q" if path.stem == _QUESTIONS else path.stem
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        head = msgspec.convert(table.pop("framework", {"title": path.stem}), _Head)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: [framework]: {error}; it has a title, and maybe a note and an order") from None
    criteria = [_criterion(path, name, ident, entry, claims) for ident, entry in table.items()]
    return (head.order, path.name), Framework(id=name, title=head.title, note=head.note), criteria


def _criterion(path: Path, name: str, ident: str, entry: object, claims: Container[str] | None) -> Criterion:
    try:
        assert isinstance(entry, dict), "is no table"
        if strangers := set(entry) - {"title", "answer", "claims", "documentary"}:
            raise UsageError(f"{path}: [{ident}]: {', '.join(sorted(strangers))} means nothing here")
        made = msgspec.convert({"catalogue": name, "id": ident, **entry}, Criterion)
    except (msgspec.ValidationError, AssertionError) as error:
        raise UsageError(f"{path}: [{ident}]: {error}") from None
    if claims is not None and (unknown := [claim for claim in made.claims if claim not in claims]):
        raise UsageError(
            f"{path}: [{ident}] names {', '.join(unknown)}, which no card declares; `tenantproof claims` lists them"
        )
    return made
