"""What is written to a journal is read back; what was not finished is left out; what was damaged is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from venturi.aws.kept.journal import DamagedJournal, Journal

KEY = bytes(range(32))
RECORDS = [b"one", b"", b"three" * 100, b"\0" * 70]


def written(path: Path, records: list[bytes] = RECORDS) -> list[int]:
    """Write the records; returns where the file ended before each, and after the last."""
    journal = Journal(path, KEY)
    ends = [path.stat().st_size]
    for record in records:
        journal.append(record)
        ends.append(path.stat().st_size)
    journal.close()
    return ends


def read(path: Path) -> list[bytes]:
    journal = Journal(path, KEY)
    journal.close()
    return journal.records


def test_a_journal_gives_back_what_was_written_however_often_it_is_opened(tmp_path: Path) -> None:
    written(tmp_path / "j", RECORDS[:2])
    written(tmp_path / "j", RECORDS[2:])
    assert read(tmp_path / "j") == RECORDS


def test_a_file_that_ends_anywhere_gives_the_records_that_are_whole_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    ends = written(path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        expected = RECORDS[: sum(end <= size for end in ends[1:])]
        assert read(path) == expected, f"cut after {size} bytes"
        written(path, [b"more"])
        assert read(path) == [*expected, b"more"]


def test_no_bit_can_be_changed_without_being_noticed_and_the_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        with pytest.raises(DamagedJournal, match=f"{path}"):
            Journal(path, KEY)
        assert path.read_bytes() == damaged


def test_records_can_neither_be_dropped_nor_change_places(tmp_path: Path) -> None:
    path = tmp_path / "j"
    ends = written(path, [b"aaaa", b"bbbb", b"cccc"])
    whole = path.read_bytes()
    head, first, second, third = (whole[: ends[0]], *(whole[a:b] for a, b in pairwise(ends)))
    for content in (first + third, second + first + third, first + first + second):
        path.write_bytes(head + content)
        with pytest.raises(DamagedJournal, match="record"):
            Journal(path, KEY)


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    written(tmp_path / "j")
    with pytest.raises(DamagedJournal, match="record 0, at byte 24, is not as it was written"):
        Journal(tmp_path / "j", bytes(32))


def test_the_same_record_is_never_sealed_into_the_same_bytes(tmp_path: Path) -> None:
    ends = written(tmp_path / "j", [b"same" * 9, b"same" * 9])
    written(tmp_path / "k", [b"same" * 9])
    content, other = (tmp_path / "j").read_bytes(), (tmp_path / "k").read_bytes()
    sealed = {content[ends[0] + 8 : ends[1]], content[ends[1] + 8 : ends[2]], other[ends[0] + 8 :]}
    assert len(sealed) == 3
    assert b"same" not in content


def test_a_journal_that_is_written_anew_holds_that_and_nothing_of_before(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", KEY)
    journal.append(b"before")
    journal.rewrite(each for each in (b"one", b"two"))
    journal.append(b"three")
    assert journal.number == 3
    journal.close()
    assert read(tmp_path / "j") == [b"one", b"two", b"three"]
    assert [file.name for file in tmp_path.iterdir()] == ["j"]
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600


def test_who_is_killed_while_he_writes_it_anew_leaves_the_one_before(tmp_path: Path) -> None:
    written(tmp_path / "j")

    def killed() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    journal = Journal(tmp_path / "j", KEY)
    with pytest.raises(KeyboardInterrupt):
        journal.rewrite(killed())
    journal.close()
    assert (tmp_path / "j.fresh").exists()
    assert read(tmp_path / "j") == RECORDS
    assert not (tmp_path / "j.fresh").exists()
