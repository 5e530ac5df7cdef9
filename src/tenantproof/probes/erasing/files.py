"""Looks for a text in the files that a deployment leaves: a database's pages and logs, byte for byte."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Scan:
    """What a look through files came to: where each text was found, how much was read and what could not be."""

    found: dict[str, list[str]] = field(default_factory=dict)
    files: int = 0
    octets: int = 0
    unread: int = 0


def scan(places: Sequence[str], texts: Sequence[str]) -> Scan:
    """Look for every text, in UTF-8, in every file at or below the places."""
    result = Scan(found={text: [] for text in texts})
    for path in _files(places):
        try:
            _look(path, result)
        except (OSError, ValueError):
            # Files of a running server come and go.
            result.unread += path.exists()
    return result


def _look(path: Path, result: Scan) -> None:
    size = path.stat().st_size
    result.files += 1
    result.octets += size
    if not size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for text, where in result.found.items():
            if content.find(text.encode()) >= 0:
                where.append(f"{path.parent.name}/{path.name}")


def _files(places: Sequence[str]) -> Iterator[Path]:
    for place in map(Path, places):
        if place.is_file():
            yield place
        else:
            yield from (path for path in sorted(place.rglob("*")) if path.is_file() and not path.is_symlink())
