"""Ids that are numbers or UUIDs are spelled in every way that software takes for the same, where a check may not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from tenantproof.clients.canaries import markers
from tenantproof.model.profile import Http, Operation, Record
from tenantproof.model.verdict import Verdict
from tenantproof.probes.contract import endpoints, kind_of
from tenantproof.probes.vectors import VECTORS
from tests.clients.profiles import CANARIES
from tests.probes.fake_api import FakeApi, Json, Refused
from tests.probes.sweeping import NOT_FOUND, PlainApi, leaking, rename_tenants, sweeping_all, verdicts

GOOD, BAD = Verdict.SATISFIED, Verdict.NOT_SATISFIED
SPELLED = [vector for vector in VECTORS if vector.id in {"X001", "X002", "X017", "X018"}]
NUMBERS = ("1017", "2018", "90")
UUIDS = tuple(str(uuid.UUID(int=0xA1B2C3D4E5F60718293A4B5C6D7E8F90 + number)) for number in range(3))


class ByKind(PlainApi):
    """Has records with ids of one kind, and normalises an id before it looks for it among the caller's own.

    What it does not find it calls by the name that it looked for.
    """

    def __init__(self, ids: tuple[str, ...], normal: Callable[[str], object]) -> None:
        super().__init__()
        own = zip(self.records, ids, strict=True)
        self.records = {tenant: {ident: CANARIES[tenant]} for tenant, ident in own}
        self.normal = normal

    def read(self, tenant: str, record: str) -> Json:
        meant = self.meant_by(record)
        if meant not in self.records[tenant]:
            raise Refused(404, {**NOT_FOUND, "message": f"There is no {meant}."})
        return super().read(tenant, meant)

    def meant_by(self, record: str) -> str:
        try:
            return str(self.normal(unquote(record)))
        except (ValueError, OverflowError):
            raise Refused(404, NOT_FOUND) from None


class CheckedAsWritten(ByKind):
    """Turns away ids of others as they are written, and looks them up as they are meant."""

    def read(self, tenant: str, record: str) -> Json:
        if any(record in own for owner, own in self.records.items() if owner != tenant):
            raise Refused(404, NOT_FOUND)
        meant = self.meant_by(record)
        for owner, own in self.records.items():
            if meant in own:
                return FakeApi.read(self, owner, meant)
        raise Refused(404, NOT_FOUND)


PYTHON = {"leading zero", "plus", "encoded plus", "underscore", "space before", "space behind", "line end"}
PYTHON |= {"Arabic digits", "wide digits"}


@pytest.mark.parametrize(
    ("ids", "normal", "through"),
    [
        (NUMBERS, int, PYTHON),
        (NUMBERS, lambda text: int(float(text)), PYTHON | {"point", "exponent"}),
        (NUMBERS, lambda text: int(text, 0), PYTHON - {"leading zero", "underscore"} | {"hexadecimal", "octal"}),
        (NUMBERS, lambda text: int(text) % 2**32, PYTHON | {"more than 32 bits", "more than 64 bits"}),
        (NUMBERS, lambda text: int(text) % 2**64, PYTHON | {"more than 64 bits"}),
        (UUIDS, uuid.UUID, {"upper case", "braces", "urn", "no hyphens"}),
        (UUIDS, str.strip, {"space behind"}),
    ],
    ids=["int", "float", "base 0", "32 bits", "64 bits", "UUID", "stripped"],
)
def test_an_id_that_is_checked_as_written_and_looked_up_as_meant_is_found_by_its_other_spellings(
    ids: tuple[str, ...],
    normal: Callable[[str], object],
    through: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "X017 number of the object" if ids is NUMBERS else "X018 UUID of the object"
    with sweeping_all(CheckedAsWritten(ids, normal), monkeypatch, SPELLED) as sweep:
        assert verdicts(sweep, tmp_path) == (GOOD, BAD)
        assert leaking(sweep) == {f"{name}: {form}" for form in through}


@pytest.mark.parametrize(
    ("ids", "normal"), [(NUMBERS, int), (NUMBERS, str), (UUIDS, uuid.UUID), (UUIDS, str), (("7", "17", "40"), int)]
)
def test_an_api_that_checks_what_is_meant_or_takes_one_spelling_alone_is_not_blamed(
    ids: tuple[str, ...], normal: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweeping_all(ByKind(ids, normal), monkeypatch, SPELLED) as sweep:
        assert verdicts(sweep, tmp_path) == (GOOD, GOOD)


@pytest.mark.parametrize(("names", "normal"), [(NUMBERS, int), (UUIDS, uuid.UUID)])
@pytest.mark.parametrize("is_strict", [True, False])
def test_tenants_that_are_numbers_or_uuids_are_spelled_otherwise_too(
    names: tuple[str, ...],
    normal: Callable[[str], object],
    is_strict: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Tenants(PlainApi):
        def gate(self, caller: str, tenant: str) -> None:
            if caller != tenant and (is_strict or tenant in self.records):
                raise Refused(403, {"error": "TENANT_MISMATCH", "message": "no"})

        def page(self, tenant: str) -> Json:
            try:
                return super().page(str(normal(unquote(tenant))))
            except (ValueError, KeyError):
                raise Refused(404, NOT_FOUND) from None

        def read(self, tenant: str, record: str) -> Json:
            self.page(tenant)
            return super().read(str(normal(unquote(tenant))), record)

    rename_tenants(monkeypatch, dict(zip(names, CANARIES.values(), strict=True)))
    wanted = (GOOD, GOOD if is_strict else BAD)
    with sweeping_all(Tenants(), monkeypatch, SPELLED) as sweep:
        assert verdicts(sweep, tmp_path) == wanted
        found = {label.partition(" of")[0] for label in leaking(sweep)}
    assert found == (set() if is_strict else {"X017 number" if names is NUMBERS else "X018 UUID"})


def test_spellings_are_tried_only_where_ids_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for ids, wanted in ((NUMBERS, {"X017"}), (UUIDS, {"X018"}), (("a1", "2", "3"), set())):
        with sweeping_all(ByKind(ids, str), monkeypatch, SPELLED) as sweep:
            tried = {shape.vector.id for shape in sweep.plan.population.shapes} - {"X001", "X002"}
        assert tried == wanted


def test_a_contract_says_what_its_ids_are(tmp_path: Path) -> None:
    def of(schema: Json, shown: str) -> Json:
        parameters = [{"name": name, "in": "path", "schema": kind} for name, kind in (("org_id", {}), ("id", schema))]
        return {"get": {"operationId": shown, "parameters": parameters}}

    paths = {
        "/v1/orgs/{org_id}/a/{id}": of({"type": "integer"}, "a"),
        "/v1/orgs/{org_id}/b/{id}": of({"type": "string", "format": "uuid"}, "b"),
        "/v1/orgs/{org_id}/c/{id}": of({"type": "string"}, "c"),
    }
    (tmp_path / "contract.json").write_text(json.dumps({"paths": paths}))
    read = {"read": Operation(method="GET", path="/v1/orgs/{tenant}/a/{id}")}
    http = Http(contract=str(tmp_path / "contract.json"), operations=read, refusals={})
    assert [(each.name, each.ident) for each in endpoints(http)] == [("a", "number"), ("b", "uuid"), ("c", "")]


def test_ids_are_of_a_kind_when_all_of_them_are() -> None:
    assert kind_of(["1", "22"]) == "number"
    assert kind_of(["1", "a"]) == kind_of(["1", "²"]) == kind_of([]) == ""
    assert kind_of([each.upper() for each in UUIDS]) == "uuid"
    assert kind_of([*UUIDS, "1"]) == ""


def test_a_short_number_is_no_sign_of_whose_an_answer_is() -> None:
    record = Record(id="17", canary="cnry-0123456789abcdef")
    assert markers([record]) == [record.canary]
    assert markers([replace(record, id="123456789012")]) == [record.canary, "123456789012"]
    assert markers([replace(record, id="att_17")]) == [record.canary, "att_17"]
