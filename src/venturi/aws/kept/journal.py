"""A sealed file of records, each written before what it says is acknowledged, and read back after a kill -9.

Nothing is flushed to the disk: what write(2) took is with the operating system, and outlives the process. It does not
outlive the machine, and neither does the deployment.

The file is 8 bytes of magic and 16 of a random id; then each record is its length and a CRC-32 of the file's id, the
record's number and that length (4 bytes each, big-endian), and the record under AES-256-GCM. The key of a file is
HMAC-SHA256 of its id under the journal's key, the nonce is the record's number: no pair of them comes twice.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAGIC = b"venturi1"
_ID_BYTES, _NUMBER_BYTES, _TAG_BYTES = 16, 12, 16
_BEGIN, _HEAD = len(_MAGIC) + _ID_BYTES, 8


class DamagedJournal(Exception):
    """A journal is not what was written; the message names the file and the place. The file is left as it was."""


class Journal:
    """Appended to by one thread at a time; `path` is there for its owner alone (0600)."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Open it, or begin a new one. `key` has 32 bytes. `records` reads what is in it. Raises DamagedJournal."""
        self.path, self._key = path, key
        # Whoever was killed while it wrote a new one left a part of that.
        self._fresh.unlink(missing_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        content = path.read_bytes()
        if len(content) < _BEGIN and _MAGIC.startswith(content[: len(_MAGIC)]):
            # Killed while it began, so that nothing can be lost with it.
            os.ftruncate(self._file, 0)
            content = self._begin(self._file)
        elif not content.startswith(_MAGIC):
            raise DamagedJournal(f"{path} is no journal: it begins with {content[: len(_MAGIC)]!r}")
        self._sealing, self._id = self._keyed(content), content[len(_MAGIC) : _BEGIN]
        self.records, end = self._read(content)
        """What was in it when it was opened; to be emptied by whoever has read it."""
        self.number = len(self.records)
        """How many records the file has."""
        # The last record of a process that was killed as it wrote: nobody was told of what it says.
        os.ftruncate(self._file, end)

    def append(self, record: bytes) -> None:
        """Write one more record. Raises OSError when there is no room, and nothing can be appended after that."""
        _write(self._file, self._framed(record, self.number))
        self.number += 1

    def rewrite(self, records: Iterable[bytes]) -> None:
        """Put these in the place of all records, at once: a kill leaves the one file or the other."""
        made = os.open(self._fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        begun = self._begin(made)
        self._sealing, self._id = self._keyed(begun), begun[len(_MAGIC) : _BEGIN]
        self.number = 0
        for record in records:
            _write(made, self._framed(record, self.number))
            self.number += 1
        self._fresh.replace(self.path)
        os.close(self._file)
        self._file = made

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    @property
    def _fresh(self) -> Path:
        return self.path.with_suffix(".fresh")

    def _begin(self, file: int) -> bytes:
        head = _MAGIC + os.urandom(_ID_BYTES)
        _write(file, head)
        return head

    def _keyed(self, content: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._key, content[len(_MAGIC) : _BEGIN], hashlib.sha256))

    def _framed(self, record: bytes, number: int) -> bytes:
        sealed = self._sealing.encrypt(number.to_bytes(_NUMBER_BYTES, "big"), record, None)
        return self._head(len(sealed), number) + sealed

    def _head(self, length: int, number: int) -> bytes:
        said = length.to_bytes(4, "big")
        return said + zlib.crc32(self._id + number.to_bytes(_NUMBER_BYTES, "big") + said).to_bytes(4, "big")

    def _read(self, content: bytes) -> tuple[list[bytes], int]:
        """The records, and where the last whole one ends."""
        records: list[bytes] = []
        at = _BEGIN
        while len(content) >= at + _HEAD:
            number = len(records)
            length = int.from_bytes(content[at : at + 4], "big")
            # A length that was damaged would pass all that follows off as one record that was never finished.
            if content[at : at + _HEAD] != self._head(length, number):
                raise DamagedJournal(f"{self.path}: record {number}, at byte {at}, has no length that was written")
            sealed = content[at + _HEAD : at + _HEAD + length]
            if len(sealed) < length:
                break
            try:
                records.append(self._sealing.decrypt(number.to_bytes(_NUMBER_BYTES, "big"), sealed, None))
            except InvalidTag:
                raise DamagedJournal(f"{self.path}: record {number}, at byte {at}, is not as it was written") from None
            at += _HEAD + length
        return records, at


def _write(file: int, data: bytes) -> None:
    """All of it in one call, so that of two records never the later one alone is there. Raises OSError."""
    if (written := os.write(file, data)) != len(data):
        raise OSError(f"{written} of {len(data)} bytes were taken")
