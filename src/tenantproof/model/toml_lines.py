"""Finds the line of a key in a TOML text, so that an error message can point at it."""

from __future__ import annotations

import re
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and array positions from the root, as in ("tenants", 0, "region")."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def line_of(text: str, path: KeyPath) -> int:
    """The line (from 1) of the longest prefix of `path` that the text spells out; 1 when there is none.

    An array position inside an inline value counts as its key's line.
    """
    best, line = 0, 1
    for number, candidate in _spelled(text):
        depth = _common(candidate, path)
        if depth == len(candidate) and depth > best:
            best, line = depth, number
    return line


def show(path: KeyPath) -> str:
    """The path as a reader writes it: tenants[0].region."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _spelled(text: str) -> list[tuple[int, KeyPath]]:
    """Every table header and key with its line, in order."""
    found: list[tuple[int, KeyPath]] = []
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _table(_parts(header[2]), header[1] == "[[", counts)
            found.append((number, table))
        elif key := _KEY.match(line):
            found.append((number, (*table, *_parts(key[1]))))
    return found


def _table(parts: list[str], is_array: bool, counts: dict[KeyPath, int]) -> KeyPath:
    """Resolve a header to positions: [tenants.aws] below the second [[tenants]] is ("tenants", 1, "aws")."""
    path: KeyPath = ()
    for index, part in enumerate(parts):
        path = (*path, part)
        is_last = index == len(parts) - 1
        if is_last and is_array:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _common(left: KeyPath, right: KeyPath) -> int:
    depth = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        depth += 1
    return depth
