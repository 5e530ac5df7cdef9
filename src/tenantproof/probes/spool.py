"""A spool: what one check saw, kept on disk so that the next need not send it all again."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Spool(Generic[T]):
    """Values of one type in the order in which they came, in a file without a name; memory stays flat."""

    def __init__(self, kind: type[T]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the spool, and closes with it
        self.close = weakref.finalize(self, self._file.close)
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(kind)
        self.is_complete = False

    def add(self, value: T) -> None:
        """Keep one more."""
        self._file.write(self._encoder.encode(value) + b"\n")

    def __iter__(self) -> Iterator[T]:
        self._file.flush()
        self._file.seek(0)
        for line in self._file:
            yield self._decoder.decode(line)
        self._file.seek(0, 2)
