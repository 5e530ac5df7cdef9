"""The store over pools that remember what they were asked, and a vault that only opens what it sealed for a place."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from venturi.records.schema import GRANTS, STATEMENTS
from venturi.records.store import NewAttribution, Records
from venturi.vault.errors import KeyUnavailable, Tampered, Unrecoverable

NEW = NewAttribution(
    id="att_1", subject_id="s", touchpoint="t", conversion="c", channel="search", weight=0.5, note="in the clear"
)


class Pool:
    """One table in memory. What a query means is for PostgreSQL, which the tests of the API ask."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    async def execute(self, sql: str, *values: Any) -> None:
        names = sql[sql.index("(") + 1 : sql.index(")")].split(", ")
        self.rows.append({**dict(zip(names, values, strict=True)), "created_at": datetime.now(UTC)})

    async def fetch(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        return [row for row in self.rows if arguments[0] in {row["id"], ""}]


class Sealing:
    """A vault whose ciphertext is the place and the plaintext; `raises` makes opening fail."""

    raises: Exception | None = None

    async def seal(self, *place_and_text: str) -> bytes:
        return "|".join(place_and_text).encode()

    async def open(self, *place_and_blob: Any) -> str:
        if self.raises is not None:
            raise self.raises
        *place, blob = place_and_blob
        if not blob.decode().startswith("|".join(place)):
            raise Tampered("another place")
        return str(blob.decode().rpartition("|")[2])


@pytest.fixture
def vault() -> Sealing:
    return Sealing()


@pytest.fixture
def pools() -> dict[str, Pool]:
    return {"alder": Pool(), "birch": Pool()}


@pytest.fixture
def records(pools: dict[str, Pool], vault: Sealing) -> Records:
    made = Records(cast("Any", pools), cast("Any", vault))
    asyncio.run(made.add("alder", NEW))
    return made


def test_a_record_is_found_by_its_own_tenant_only(records: Records) -> None:
    found = asyncio.run(records.get("alder", "att_1"))
    assert found is not None
    assert found.note == "in the clear"
    assert asyncio.run(records.get("birch", "att_1")) is None
    assert [item.id for item in asyncio.run(records.page("alder", "", 10))] == ["att_1"]
    assert not asyncio.run(records.page("birch", "", 10))


def test_a_tenant_that_does_not_exist_has_no_store(records: Records) -> None:
    with pytest.raises(KeyError):
        asyncio.run(records.get("cedar", "att_1"))


def test_a_note_is_never_stored_in_the_clear(records: Records, pools: dict[str, Pool]) -> None:
    (row,) = pools["alder"].rows
    assert row["note"] == b"alder|s|att_1|note|in the clear"
    assert NEW.note not in {str(value) for name, value in row.items() if name != "note"}


def test_a_row_moved_to_another_tenant_does_not_open(records: Records, pools: dict[str, Pool]) -> None:
    pools["birch"].rows = pools["alder"].rows
    with pytest.raises(Tampered):
        asyncio.run(records.get("birch", "att_1"))


def test_an_erased_subject_leaves_a_record_without_its_note(records: Records, vault: Sealing) -> None:
    vault.raises = Unrecoverable("shredded")
    found = asyncio.run(records.get("alder", "att_1"))
    assert found is not None
    assert found.note is None


@pytest.mark.parametrize("fault", [Tampered("moved"), KeyUnavailable("disabled")])
def test_a_fault_of_the_vault_is_not_taken_for_erasure(records: Records, vault: Sealing, fault: Exception) -> None:
    vault.raises = fault
    with pytest.raises(type(fault)):
        asyncio.run(records.get("alder", "att_1"))


def test_the_application_can_neither_change_nor_delete_a_record() -> None:
    assert {kind for kind, _ in GRANTS} == {"app"}
    assert not [grant for _, grant in GRANTS if "UPDATE" in grant or "DELETE" in grant or "ALL" in grant]
    assert "bytea" in STATEMENTS[0]
