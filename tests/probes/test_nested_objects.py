"""An object that stands in another is reached for through one's own parent and through the victim's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Http, Operation
from tenantproof.model.profile_text import parse
from tenantproof.model.verdict import Verdict
from tenantproof.probes.contract import endpoints
from tenantproof.probes.vectors import VECTORS
from tests.clients.profiles import CANARIES, profile_of
from tests.model.test_profile_text import GOOD as PROFILE
from tests.probes.fake_api import Json, Refused
from tests.probes.sweeping import NOT_FOUND, PlainApi, leaking, sweeping_all, verdicts

GOOD, BAD = Verdict.SATISFIED, Verdict.NOT_SATISFIED
NESTED = [vector for vector in VECTORS if vector.id in {"X001", "X004"}]
ROOT = "/v1/tenants/{tenant}/projects"
READ = {
    "read": Operation(method="GET", path=f"{ROOT}/{{parent}}/notes/{{id}}"),
    "list": Operation(method="GET", path=f"{ROOT}/{{parent}}/notes"),
}
_CHILD = "X004 object within another's"


class Projects(PlainApi):
    """Each tenant has two projects and each project a note, beside the records of every fake; a note has no canary."""

    def __init__(self) -> None:
        super().__init__()
        self.projects = {
            tenant: {
                str(100 * place + number): {f"note-{number}-{tenant}": f"what {tenant} noted, {number}"}
                for number in (1, 2)
            }
            for place, tenant in enumerate(CANARIES, start=1)
        }

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        if steps[3:4] != ["projects"]:
            return super().tenant_answer(steps, query, headers)
        caller, tenant = self.verify(headers.get("authorization", "").partition(" ")[2]), steps[2]
        self.gate(caller, tenant)
        match steps[4:]:
            case []:
                return 200, {"projects": [{"id": int(project)} for project in self.projects[tenant]]}
            case [project, "notes"]:
                return 200, {
                    "notes": [{"id": name, "text": text} for name, text in self.notes(tenant, project).items()]
                }
            case [project, "notes", note]:
                return 200, {"id": note, "text": self.note(tenant, project, note)}
        raise Refused(404, NOT_FOUND)

    def notes(self, tenant: str, project: str) -> dict[str, str]:
        if project not in self.projects[tenant]:
            raise Refused(404, NOT_FOUND)
        return self.projects[tenant][project]

    def note(self, tenant: str, project: str, note: str) -> str:
        if note not in self.notes(tenant, project):
            raise Refused(404, NOT_FOUND)
        return self.notes(tenant, project)[note]

    def everywhere(self) -> dict[str, dict[str, str]]:
        return {name: notes for own in self.projects.values() for name, notes in own.items()}


class ChildUnchecked(Projects):
    """Checks the project, and looks the note up by its id alone."""

    def note(self, tenant: str, project: str, note: str) -> str:
        self.notes(tenant, project)
        found = {name: text for notes in self.everywhere().values() for name, text in notes.items()}
        if note not in found:
            raise Refused(404, NOT_FOUND)
        return found[note]


class ParentUnchecked(Projects):
    """Checks that the note stands in the project, and not whose the project is."""

    def note(self, tenant: str, project: str, note: str) -> str:
        if note not in self.everywhere().get(project, {}):
            raise Refused(404, NOT_FOUND)
        return self.everywhere()[project][note]


CASES = [
    (Projects, set()),
    (ChildUnchecked, {f"{_CHILD}: own parent, foreign child"}),
    (ParentUnchecked, {f"{_CHILD}: foreign parent, foreign child"}),
]


def contract(folder: Path) -> str:
    paths = {
        f"/v1/tenants/{{tenant_id}}/{rest}": {"get": {"operationId": name}}
        for name, rest in {
            "records": "attributions",
            "record": "attributions/{id}",
            "projects": "projects",
            "notes": "projects/{project_id}/notes",
            "note": "projects/{project_id}/notes/{note_id}",
        }.items()
    }
    (folder / "contract.json").write_text(json.dumps({"paths": paths}))
    return str(folder / "contract.json")


@pytest.mark.parametrize(("api", "through"), CASES)
def test_what_a_contract_shows_is_found_by_asking_its_owner(
    api: type[Projects], through: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweeping_all(api(), monkeypatch, NESTED, contract=contract(tmp_path)) as sweep:
        party = sweep.ground.party("acme")
        assert (party.parents[f"{ROOT}/{{parent}}/notes"], party.objects[f"{ROOT}/{{parent}}/notes"]) == (
            "101",
            "note-1-acme",
        )
        assert verdicts(sweep, tmp_path) == (GOOD, BAD if through else GOOD)
        assert leaking(sweep) == through


@pytest.mark.parametrize(("api", "through"), CASES)
def test_what_the_profile_lends_is_read_within_its_parent(
    api: type[Projects], through: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lent(api):  # type: ignore[misc, valid-type]  # one of the cases
        def __init__(self) -> None:
            super().__init__()
            self.records = {tenant: next(iter(own.values())) for tenant, own in self.projects.items()}

    parents = {tenant: next(iter(own)) for tenant, own in Lent().projects.items()}
    with sweeping_all(Lent(), monkeypatch, NESTED, operations=READ, parents=parents) as sweep:
        assert verdicts(sweep, tmp_path) == (GOOD, BAD if through else GOOD)
        assert leaking(sweep) == through


def test_a_record_is_asked_for_in_its_own_parent_and_anothers_in_ones_own() -> None:
    profile = profile_of("127.0.0.1:9", {tenant: {"token": {"env": "T"}} for tenant in CANARIES})
    tenants = tuple(
        replace(tenant, records=(replace(tenant.records[0], parent=f"p/{place}"),))
        for place, tenant in enumerate(profile.tenants)
    )
    target = Target(replace(profile, tenants=tenants, http=replace(profile.http, operations=READ)))
    own, other = (tenant.records[0].id for tenant in tenants[:2])

    def asked(name: str, tenant: str, record: str = "") -> str:
        return target.request(target.operation(name), tenant=tenant, record=record).target

    root = "/v1/tenants"
    assert asked("read", "acme", own) == f"{root}/acme/projects/p%2F0/notes/{own}"
    assert asked("read", "acme", other) == f"{root}/acme/projects/p%2F0/notes/{other}"
    assert asked("read", "acme", "nobody's") == f"{root}/acme/projects/p%2F0/notes/nobody%27s"
    assert asked("read", "nobody", other) == f"{root}/nobody/projects/p%2F1/notes/{other}"
    assert asked("list", "globex") == f"{root}/globex/projects/p%2F2/notes"


def test_the_parent_is_what_stands_between_the_tenant_and_the_object(tmp_path: Path) -> None:
    paths = {
        "/v1/{region}/tenants/{tenant}/a/{id}": "/v1/{region}/tenants/{tenant}/a/{id}",
        "/v1/tenants/{tenant}/x/{x_id}/b/{id}": "/v1/tenants/{tenant}/x/{parent}/b/{id}",
        "/v1/tenants/{tenant}/x/{x_id}/y/{y_id}/c/{id}": "/v1/tenants/{tenant}/x/{x_id}/y/{parent}/c/{id}",
        "/v1/tenants/{tenant}/x/{x_id}/d": "/v1/tenants/{tenant}/x/{id}/d",
    }
    (tmp_path / "c.json").write_text(json.dumps({"paths": {path: {"get": {}} for path in paths}}))
    found = endpoints(Http(contract=str(tmp_path / "c.json"), operations={}, refusals={}, object_parameter="id"))
    assert [each.template for each in found] == list(paths.values())
    assert [each.has_parent for each in found] == [False, True, True, False]


def test_a_profile_whose_path_names_a_parent_says_which() -> None:
    nested = PROFILE.replace("/attributions/{id}", "/projects/{parent}/attributions/{id}")
    with pytest.raises(UsageError, match=r"tenants\[0\]\.records\[0\]: the path of read names a parent"):
        parse(nested, "staging.toml")
    assert parse(
        nested.replace('id = "a1"', 'id = "a1", parent = "p"').replace('id = "b1"', 'id = "b1", parent = "q"'), ""
    )
