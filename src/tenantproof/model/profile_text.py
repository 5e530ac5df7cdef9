"""Reads a target profile and answers a mistake in it with the key, the line and the fix."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path

import msgspec

from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Profile
from tenantproof.model.profile_review import review
from tenantproof.model.toml_lines import KeyPath, line_of, show

_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]+)`(?: - at `(?P<at>[^`]+)`)?")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]+)`(?: - at `(?P<at>[^`]+)`)?")
_OTHER = re.compile(r"(?P<what>.+?)(?: - at `(?P<at>[^`]+)`)?$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")


def load(path: Path) -> Profile:
    """The profile in the file. Raises UsageError that names the file, line, key and fix."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such profile; `tenantproof init` writes one to fill in") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read as UTF-8 text: {error}") from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Profile:
    """The profile in the text; `source` names it in messages. Raises UsageError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: not TOML: {error}") from None
    try:
        profile = msgspec.convert(table, Profile)
    except msgspec.ValidationError as error:
        path, problem = _explain(str(error))
        raise UsageError(f"{source}:{line_of(text, path)}: {show(path) or 'the profile'}: {problem}") from None
    problems = [f"{source}:{line_of(text, path)}: {show(path)}: {problem}" for path, problem in review(profile)]
    if problems:
        raise UsageError("\n".join(problems))
    return profile


def _explain(message: str) -> tuple[KeyPath, str]:
    """Where msgspec objects, and what to do about it."""
    if missing := _MISSING.match(message):
        path = _path(missing["at"])
        return path, f'the key "{missing["key"]}" is missing; add it' + (f" to [{show(path)}]" if path else "")
    if unknown := _UNKNOWN.match(message):
        path = (*_path(unknown["at"]), unknown["key"])
        near = difflib.get_close_matches(unknown["key"], _known_keys(), n=1)
        fix = f'did you mean "{near[0]}"?' if near else "remove it"
        return path, f"no such key; {fix}"
    other = _OTHER.match(message)
    assert other
    wanted = other["what"].replace("`", "")
    return _path(other["at"]), f"{wanted[:1].lower()}{wanted[1:]}; correct the value"


def _path(at: str | None) -> KeyPath:
    steps: list[str | int] = []
    for name, position in _STEP.findall(at or ""):
        if name or position:
            steps.append(name or int(position))
    return tuple(steps)


def _known_keys() -> list[str]:
    seen: set[type] = set()
    names: set[str] = set()
    todo: list[object] = [Profile]
    while todo:
        kind = todo.pop()
        todo.extend(getattr(kind, "__args__", ()))
        if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct) or kind in seen:
            continue
        seen.add(kind)
        for field in msgspec.structs.fields(kind):
            names.add(field.encode_name)
            todo.append(field.type)
    return sorted(names)
