"""A search is asked for what only the victim has; neither a hit nor a trace of one may come back."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from pathlib import Path

import pytest

from tenantproof.model.outcome import ABSENT
from tenantproof.model.profile import Http, Operation
from tenantproof.model.verdict import Verdict
from tenantproof.probes.contract import Endpoint, endpoints
from tenantproof.probes.vectors import VECTORS
from tenantproof.probes.vectors.case import Case, Party
from tests.probes.fake_api import Json, Refused
from tests.probes.sweeping import NOT_FOUND, PlainApi, leaking, rename_tenants, sweeping_all, verdicts

GOOD, BAD = Verdict.SATISFIED, Verdict.NOT_SATISFIED
SOUGHT = [vector for vector in VECTORS if vector.id in {"X001", "X091"}]
ROOT = "/v1/tenants/{tenant}"
OPERATIONS = {
    name: Operation(method="GET", path=f"{ROOT}/{path}")
    for name, path in {"list": "attributions", "read": "attributions/{id}", "search": "search"}.items()
}
CANARIES = {
    "acme": "cnry-8d1f0e5a2b47c9630d5e8f11",
    "acme-eu": "cnry-3c7b95e04a6d1f28b0c4d7e9",
    "globex": "cnry-f60a2c8e7b1d94530e6a8c2b",
}
Found = dict[str, tuple[str, str]]
"""Id of a record to its tenant and its note."""


class Searching(PlainApi):
    """Looks for what it is given in ids and notes, and says what it looked for."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        if steps[3:] != ["search"]:
            return super().tenant_answer(steps, query, headers)
        self.gate(self.verify(headers.get("authorization", "").partition(" ")[2]), steps[2])
        if not (term := query.get("q", [""])[-1]):
            raise Refused(400, {"error": "NO_QUERY"})
        found = self.matching(term)
        return 200, {"q": term, "hits": list(self.hits(steps[2], found)), **self.told(steps[2], found)}

    def index(self) -> Found:
        return {ident: (tenant, note) for tenant, own in self.records.items() for ident, note in own.items()}

    def matching(self, term: str) -> Found:
        return {
            ident: (tenant, note) for ident, (tenant, note) in self.index().items() if term in ident or term in note
        }

    def hits(self, tenant: str, found: Found) -> Iterable[Json]:
        return [{"id": ident, "note": note} for ident, (owner, note) in found.items() if owner == tenant]

    def told(self, tenant: str, found: Found) -> Json:
        return {"total": sum(owner == tenant for owner, _ in found.values())}


class Timed(Searching):
    """Says how long it took."""

    def told(self, tenant: str, found: Found) -> Json:
        return {"took": secrets.token_hex(4)}


class Ranked(Searching):
    """Gives the nearest of the caller's own, however far, and says on which side of it the term lies."""

    def matching(self, term: str) -> Found:
        self.side = hashlib.sha256(term.encode()).digest()[0] % 2
        return self.index()

    def told(self, tenant: str, found: Found) -> Json:
        return {"side": self.side}


class NotIndexed(Searching):
    """Has records that no search finds."""

    def matching(self, term: str) -> Found:
        return {}


class OneIndex(Searching):
    """Forgets the tenant."""

    def hits(self, tenant: str, found: Found) -> Iterable[Json]:
        return [{"id": ident, "note": note} for ident, (_, note) in found.items()]


class Words(OneIndex):
    """Forgets it too, and finds whole words alone."""

    def matching(self, term: str) -> Found:
        return {ident: (tenant, note) for ident, (tenant, note) in self.index().items() if term in {ident, note}}


class Counting(Searching):
    """Hides what is another's, and counts it."""

    def told(self, tenant: str, found: Found) -> Json:
        return {"total": len(found)}


class Snippets(Words):
    """Gives the text that was found and not where."""

    def hits(self, tenant: str, found: Found) -> Iterable[Json]:
        return [{"snippet": note} for _, note in found.values()]


@pytest.fixture(autouse=True)
def _canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as nobody could guess, of whose parts none is an end."""
    rename_tenants(monkeypatch, CANARIES)


def forms(*names: str) -> set[str]:
    return {f"X091 search for what is the victim's: {name}" for name in names}


@pytest.mark.parametrize(
    ("api", "through"),
    [
        (Searching, set()),
        (Timed, set()),
        (Ranked, set()),
        (NotIndexed, set()),
        (OneIndex, forms("canary", "part of the canary", "id")),
        (Words, forms("canary", "id")),
        (Counting, forms("canary", "part of the canary", "id")),
        (Snippets, forms("canary", "id")),
    ],
)
def test_a_search_that_knows_of_others_is_found_and_a_good_one_is_not_blamed(
    api: type[Searching], through: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweeping_all(api(), monkeypatch, SOUGHT, operations=OPERATIONS) as sweep:
        assert verdicts(sweep, tmp_path) == (GOOD, BAD if through else GOOD)
        assert leaking(sweep) == through


def test_a_search_that_does_not_find_the_callers_own_proves_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with sweeping_all(NotIndexed(), monkeypatch, SOUGHT, operations=OPERATIONS) as sweep:
        seen = [each.observation for each in sweep.seen() if each.observation.unit and each.role == "leak"]
    sought = [each for each in seen if each.unit and "X091" in each.unit.vector]
    assert sought
    assert {each.outcome for each in sought} == {ABSENT}
    assert all("own was not served in this way" in each.notes[0] for each in sought)


def test_of_a_canary_that_repeats_itself_no_part_is_asked_for() -> None:
    part = next(vector for vector in SOUGHT if vector.form == "part of the canary")
    endpoint = Endpoint("search", "GET", f"{ROOT}/search", search="q")
    for canary, wanted in (("cnry-" + 24 * "a", "cnry-" + 24 * "a"), (CANARIES["acme"], CANARIES["acme"][1:-1])):
        drafts = part.build(Case(Party("a", canary=canary), Party("b", canary=canary), endpoint, "x", 1), part.form)
        assert isinstance(drafts, list)
        assert [drafts[place].query for place in (0, 3)] == [f"q={wanted}"] * 2
        assert len({draft.query for draft in drafts}) == 3


def test_free_text_is_known_by_its_name_and_the_profiles_search_by_its_path(tmp_path: Path) -> None:
    text = {"type": "string"}
    asked: dict[str, list[tuple[str, Json, bool]]] = {
        "things": [("q", text, False)],
        "people": [("search_term", {}, False)],
        "named": [("limit", {"type": "integer"}, False), ("what", text, True)],
        "sorted": [("query", {"type": "string", "enum": ["a"]}, False)],
        "dated": [("text", {"type": "string", "format": "date"}, False)],
        "counted": [("q", {"type": "integer"}, False)],
        "plain": [("channel", text, False)],
    }
    paths = {
        f"{ROOT}/{path}": {
            "get": {
                "operationId": path,
                "parameters": [{"name": n, "in": "query", "schema": s, "required": r} for n, s, r in parameters],
            }
        }
        for path, parameters in asked.items()
    }
    paths[f"{ROOT}/headed"] = {"get": {"operationId": "headed", "parameters": [{"name": "q", "in": "header"}]}}
    (tmp_path / "contract.json").write_text(json.dumps({"paths": paths}))
    search = {"search": Operation(method="GET", path=f"{ROOT}/named")}
    http = Http(contract=str(tmp_path / "contract.json"), operations=search, refusals={}, search_parameter="what")
    found = {each.name: each.search for each in endpoints(http)}
    assert found == dict.fromkeys((*asked, "headed"), "") | {"things": "q", "people": "search_term", "named": "what"}


def test_a_parameter_that_must_be_there_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Once(Searching):
        def tenant_answer(
            self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]
        ) -> tuple[int, Json]:
            if len(query.get("q", [""])) != 1:
                raise Refused(404, NOT_FOUND)
            return super().tenant_answer(steps, query, headers)

    parameters = [{"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 3}}]
    paths = {f"{ROOT}/search": {"get": {"operationId": "search", "parameters": parameters}}}
    paths[f"{ROOT}/attributions"] = {"get": {"operationId": "list"}}
    (tmp_path / "contract.json").write_text(json.dumps({"paths": paths}))
    with sweeping_all(Once(), monkeypatch, SOUGHT, contract=str(tmp_path / "contract.json")) as sweep:
        seen = [each.observation for each in sweep.seen() if each.observation.unit and each.role == "leak"]
    assert {each.notes for each in seen if each.unit and "X091" in each.unit.vector} == {()}
