"""The file that a log is exported to, read as a stream: `docs/trail-format.md` describes it.

Line by line: the format's name; `log NAME`; any number of `key KEY`, `head "NOTE"` and `receipt RECEIPT`; then `leaf`
and an entry for every entry, byte for byte as it was hashed; last, `end COUNT`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

FORMAT = "tenantproof-trail/1"
_LONGEST_LINE = 1 << 20
_LEAF, _END = b"leaf ", b"end "
_MOST_HEADERS = 10_000


class ExportError(ValueError):
    """The file is no export; the message names the line and what was wanted there."""


@dataclass(frozen=True)
class Preamble:
    """What stands before the entries: the log's name, keys, signed heads and receipts as they were handed out."""

    log: str
    keys: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    receipts: tuple[str, ...] = ()


@dataclass
class Export:
    """An open export. Read `preamble` first, then `stretches` once; `told` is then what its last line says."""

    stream: BinaryIO
    preamble: Preamble = field(default_factory=lambda: Preamble(""))
    told: int | None = None
    """How many entries the last line says there are; None when the file ends before it."""
    _first: bytes = b""

    @classmethod
    def open(cls, stream: BinaryIO) -> Export:
        """Read what stands before the entries. Raises ExportError."""
        if stream.readline(100).rstrip(b"\r\n") != FORMAT.encode():
            raise ExportError(f"line 1 is not {FORMAT!r}; is it an export of a trail?")
        export = cls(stream)
        export._head()
        return export

    def stretches(self, length: int) -> Iterator[list[bytes]]:
        """The entries in order, so many at a time. Raises ExportError."""
        found: list[bytes] = []
        line = self._first
        while line.startswith(_LEAF):
            found.append(line[5:-1])
            if len(found) == length:
                yield found
                found = []
            line = self.stream.readline(_LONGEST_LINE)
            if line and line[-1] != 10:
                # A file that was cut in the middle of an entry; the rest of the entry is gone.
                line = b""
        if found:
            yield found
        self._finish(line)

    def _finish(self, line: bytes) -> None:
        if not line:
            return
        number = line[len(_END) :].strip()
        if not line.startswith(_END) or not number.isdigit():
            raise ExportError("behind the entries stands a line that is neither `leaf` nor `end`")
        self.told = int(number)
        if self.stream.read(1):
            raise ExportError("something stands behind the line `end`")

    def _head(self) -> None:
        found: dict[str, list[str]] = {"log": [], "key": [], "head": [], "receipt": []}
        for number in range(2, _MOST_HEADERS):
            line = self.stream.readline(_LONGEST_LINE)
            if not line or line.startswith((_LEAF, _END)):
                self._first = line
                break
            word, value = _header(line, number)
            if word not in found:
                raise ExportError(f"line {number} begins with {word[:20]!r}; wanted: {', '.join(found)}, leaf or end")
            found[word].append(value)
        if len(found["log"]) != 1:
            raise ExportError("the line `log NAME` is wanted once")
        self.preamble = Preamble(found["log"][0], tuple(found["key"]), tuple(found["head"]), tuple(found["receipt"]))


def _header(line: bytes, number: int) -> tuple[str, str]:
    try:
        word, _, value = line.decode().rstrip("\n").partition(" ")
        text = json.loads(value) if word == "head" else value
    except (UnicodeDecodeError, ValueError):
        raise ExportError(f"line {number} is not text of the format") from None
    if not isinstance(text, str):
        raise ExportError(f"line {number}: a head is a JSON string")
    return word, text


def write(path: Path, preamble: Preamble, entries: Iterable[bytes]) -> int:
    """Write an export, flushed as it grows. Returns how many entries there were. Raises OSError."""
    count = 0
    with path.open("xb") as stream:
        lines = [FORMAT, f"log {preamble.log}", *(f"key {key}" for key in preamble.keys)]
        lines += [f"head {json.dumps(note)}" for note in preamble.heads]
        lines += [f"receipt {receipt}" for receipt in preamble.receipts]
        stream.write("\n".join(lines).encode() + b"\n")
        for entry in entries:
            stream.write(b"leaf " + entry + b"\n")
            count += 1
        stream.write(f"end {count}\n".encode())
    return count


def ending(path: Path) -> int | None:
    """How many entries the last line of an export says there are; None when it has no such line."""
    with path.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(-min(stream.tell(), 40), 2)
        last = stream.read().rstrip(b"\n").rpartition(b"\n")[2]
    number = last[len(_END) :]
    return int(number) if last.startswith(_END) and number.isdigit() else None
