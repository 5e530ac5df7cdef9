"""A page's records are opened side by side, and given in their order or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from venturi.records.store import Records
from venturi.vault.errors import KeyUnavailable

COUNT = 5


class Meeting:
    """A vault that opens nothing before it has been asked for everything."""

    def __init__(self, refused: str = "") -> None:
        self.refused, self.asked, self.all_here = refused, 0, asyncio.Event()

    async def open(self, tenant: str, subject: str, record: str, field: str, blob: bytes) -> str:
        self.asked += 1
        if self.asked == COUNT:
            self.all_here.set()
        async with asyncio.timeout(30):
            await self.all_here.wait()
        if record == self.refused:
            raise KeyUnavailable(f"{tenant} {subject} {field} {len(blob)}")
        return f"note of {record}"


class Shelf(Records):
    """Holds five records without a database."""

    async def query(self, tenant: str, sql: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        same = {"touchpoint": "t", "conversion": "c", "channel": "email", "weight": 1.0, "created_at": None}
        return [{"id": f"r{n}", "subject_id": f"s{n}", "note": b"sealed", **same} for n in range(COUNT)]


def page(vault: Any) -> list[Any]:
    async def story() -> list[Any]:
        return list(await Shelf({}, vault()).page("alder", "", COUNT))

    return asyncio.run(story())


def test_records_are_opened_side_by_side_and_given_in_order() -> None:
    assert [record.note for record in page(Meeting)] == [f"note of r{n}" for n in range(COUNT)]


def test_nothing_of_a_page_is_given_while_a_key_is_refused() -> None:
    with pytest.raises(KeyUnavailable):
        page(lambda: Meeting(refused="r3"))
