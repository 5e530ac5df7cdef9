"""Queries of GraphQL reach for what is another's wherever a gate may not look, and a good gate is not blamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tenantproof.clients.exchange import Answer
from tenantproof.model.errors import UsageError
from tenantproof.model.graphql_profile import Graphql
from tenantproof.model.outcome import ABSENT, REFUSED
from tenantproof.model.profile import Http, Operation
from tenantproof.model.verdict import Verdict
from tenantproof.probes.contract import endpoints
from tenantproof.probes.graphql import Asked, field, is_refused, node, plain
from tenantproof.probes.vectors import VECTORS, elsewhere, untried
from tenantproof.probes.vectors.coverage import EXHIBIT
from tenantproof.probes.vectors.graphql import GRAPHQL
from tests.probes import fake_graphql as fakes
from tests.probes.sweeping import leaking, sweeping_all, verdicts

HOW = Graphql(
    path="/graphql",
    field="attribution",
    select="id note",
    type="Attribution",
    tenant="tenant",
    node="Attribution:{id}",
    refusals=(fakes.FORBIDDEN,),
)
GOOD, BAD, OPEN = Verdict.SATISFIED, Verdict.NOT_SATISFIED, Verdict.NOT_ASSESSED
_IDS, _OWN, _ALIAS = "X062 GraphQL ids", "X062 GraphQL ids under the own tenant", "X061 GraphQL aliases"
_FRAGMENTS, _BATCH, _GET = "X061 GraphQL fragments", "X061 GraphQL batch", "X061 GraphQL over GET"
FORMS = {vector.label for vector in GRAPHQL.vectors}


@pytest.mark.parametrize("api", [fakes.GraphqlApi, fakes.GateApi, fakes.PostOnly])
def test_an_api_that_checks_every_record_is_not_blamed(
    api: type[fakes.GraphqlApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweeping_all(api(), monkeypatch, GRAPHQL.vectors, graphql=HOW) as sweep:
        assert verdicts(sweep, tmp_path) == (GOOD, GOOD)
        tried = {each.observation.unit.vector for each in sweep.seen() if each.observation.unit}
    assert tried == FORMS


@pytest.mark.parametrize(
    ("api", "through"),
    [
        (
            fakes.VariablesUnchecked,
            {f"{_IDS}: variables", f"{_ALIAS}: in variables", f"{_GET}: variables"}
            | {f"{_BATCH}: own first", f"{_BATCH}: foreign first"},
        ),
        (
            fakes.LiteralsUnchecked,
            {f"{_IDS}: {form}" for form in ("literals", "defaults", "second operation")}
            | {f"{_ALIAS}: own first", f"{_ALIAS}: foreign first", f"{_GET}: literals"}
            | {f"{_FRAGMENTS}: {form}" for form in ("of the query", "of the record", "inline")},
        ),
        (fakes.DefaultsUnchecked, {f"{_IDS}: defaults"}),
        (fakes.FirstOperationOnly, {f"{_IDS}: second operation"}),
        (
            fakes.FirstFieldOnly,
            {f"{_ALIAS}: own first", f"{_ALIAS}: in variables", f"{_FRAGMENTS}: of the query", f"{_FRAGMENTS}: inline"},
        ),
        (fakes.FragmentsUnchecked, {f"{_FRAGMENTS}: of the query", f"{_FRAGMENTS}: inline"}),
        (fakes.FirstOfBatchOnly, {f"{_BATCH}: own first"}),
        (fakes.GetUnchecked, {f"{_GET}: variables", f"{_GET}: literals"}),
        (fakes.NodesUnchecked, {"X061 GraphQL node"}),
        (fakes.ById, {f"{_OWN}: variables", f"{_OWN}: literals"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_gate_does_not_look_at_is_found_by_the_form_that_it_overlooks_and_by_no_other(
    api: type[fakes.GraphqlApi], through: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweeping_all(api(), monkeypatch, GRAPHQL.vectors, graphql=HOW) as sweep:
        assert verdicts(sweep, tmp_path) == (BAD, BAD)
        assert leaking(sweep) == through


@pytest.mark.parametrize("api", [fakes.Silent, fakes.OtherCode])
def test_what_is_withheld_in_other_words_than_was_agreed_is_no_refusal(
    api: type[fakes.GraphqlApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sweeping_all(api(), monkeypatch, GRAPHQL.vectors, graphql=HOW) as sweep:
        assert verdicts(sweep, tmp_path) == (BAD, BAD)
        assert leaking(sweep) == set()


def test_a_form_that_is_not_served_to_its_owner_proves_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with sweeping_all(fakes.PostOnly(), monkeypatch, GRAPHQL.vectors, graphql=HOW) as sweep:
        seen = [each for each in sweep.seen() if each.observation.unit]
    unserved = {"X061 GraphQL batch: own first", "X061 GraphQL batch: foreign first"}
    unserved |= {"X061 GraphQL over GET: variables", "X061 GraphQL over GET: literals"}
    for each in seen:
        assert each.observation.unit
        if each.observation.unit.vector in unserved:
            assert (each.role, each.observation.outcome) == ("leak", ABSENT)
            assert "not served in this way: 405" in each.observation.notes[0]
        elif each.role == "refusal":
            assert each.observation.outcome is REFUSED


def test_an_owner_whose_own_record_does_not_come_back_leaves_everything_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(fakes.GraphqlApi):
        def may(self, caller: str, tenant: str) -> bool:
            return False

        def may_see_node(self, caller: str, owner: str) -> bool:
            return False

    with sweeping_all(Closed(), monkeypatch, GRAPHQL.vectors, graphql=HOW) as sweep:
        assert verdicts(sweep, tmp_path) == (OPEN, OPEN)


@pytest.mark.parametrize(("gate", "wanted"), [(True, (GOOD, GOOD)), (False, (BAD, BAD))])
def test_under_a_path_with_a_tenant_in_it_every_vector_is_tried(
    gate: bool, wanted: tuple[Verdict, Verdict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Housed(fakes.GraphqlApi):
        """Serves GraphQL under each tenant's path, whose gate is there or is not; the resolver trusts it."""

        def paths(self) -> set[str]:
            return {f"/v1/tenants/{tenant}/graphql" for tenant in self.records}

        def taken_for(self, caller: str, path: str) -> str:
            if gate:
                self.gate(caller, path.split("/")[3])
            return path.split("/")[3]

    how = replace(HOW, path="/v1/tenants/{tenant}/graphql", node="")
    with sweeping_all(Housed(), monkeypatch, VECTORS, budget=700, graphql=how) as sweep:
        assert verdicts(sweep, tmp_path) == wanted
        assert not gate or sum(e.observation.unit is not None for e in sweep.seen()) > 700


def test_the_bundle_says_where_vectors_fit_and_which_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with sweeping_all(fakes.GraphqlApi(), monkeypatch, VECTORS, graphql=HOW) as sweep:
        monkeypatch.setattr(type(sweep.plan), "numbers", lambda self: iter(()))
        list(sweep.seen())
        told = json.loads(sweep.target.exhibits[EXHIBIT])
    assert told["population"]["X061"]["GraphQL node"] == ["graphql"]
    assert {"list", "read"} <= set(told["population"]["X001"]["tenant swapped in the path"])
    assert "graphql" not in json.dumps(told["population"]["X092"])
    assert "X061" not in told["untried"]
    assert told["untried"]["X036"] == "needs [certificates] in the profile, and what it permits"
    named = {*told["population"], *told["elsewhere"], *told["untried"]}
    assert named == {f"X{number:03}" for number in range(1, 132)}
    without = {each.id: each.why for each in untried((vector for vector in VECTORS if vector.id != "X061"), ())}
    assert without["X061"] == "needs a GraphQL operation, and the profile's [http.graphql] about it"
    assert told["untried"]["X122"] == without["X122"] == "needs [tenancy] in the profile, and what it permits"
    assert "X122" in elsewhere({"tenancy"})
    assert "X122" not in {each.id for each in untried((), {"tenancy"})}


def test_where_everything_is_lent_nothing_of_the_catalogue_is_left_untried() -> None:
    lent = {"certificates", "erasure", "links", "names with unique", "names without unique", "objects", "quota"}
    lent |= {"restore", "shares", "tenancy", "webhooks"}
    assert untried(VECTORS, lent) == ()
    assert {"X036", "X064", "X085", "X108", "X109", "X110", "X124"} <= elsewhere(lent).keys()
    assert {each.id for each in untried(VECTORS, lent - {"names with unique"})} == {"X109"}


# What an answer comes to

DENIED = {"message": "no", "extensions": {"code": "FORBIDDEN"}}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"data": None, "errors": [DENIED]}, True),
        ({"errors": [DENIED]}, True),
        ({"data": {"attribution": None}, "errors": [DENIED]}, True),
        ({"data": {"a": {"id": "x"}, "b": None}, "errors": [DENIED]}, True),
        ([{"data": {"a": {"id": "x"}}}, {"data": None, "errors": [DENIED]}], True),
        ({"data": {"attribution": None}}, False),
        ({"data": {"attribution": {"id": "x"}}, "errors": [DENIED]}, False),
        ({"data": {"a": {"id": "x"}, "b": None}}, False),
        ({"data": None, "errors": [{"message": "no"}]}, False),
        ({"data": None, "errors": [DENIED, {"extensions": {"code": "INTERNAL"}}]}, False),
        ({"data": None, "errors": []}, False),
        ({"data": None, "errors": {"code": "FORBIDDEN"}}, False),
        ([{"data": {"a": {"id": "x"}}}, {"data": None}], False),
        ([{"data": {"a": {"id": "x"}}}], False),
        ([], False),
        ("FORBIDDEN", False),
        (None, False),
    ],
)
def test_a_refusal_has_an_agreed_code_on_every_error_and_no_data_but_the_callers_own(said: Any, wanted: bool) -> None:
    assert is_refused(Answer(status=200, body=json.dumps(said).encode()), HOW) is wanted


def test_a_server_that_broke_refused_nothing() -> None:
    assert not is_refused(Answer(status=500, body=json.dumps({"errors": [DENIED]}).encode()), HOW)


def test_ids_stand_in_a_query_as_their_types_have_them() -> None:
    numbered = Graphql(field="thing", select="note", type="Thing", id_type="Int!", refusals=("NO",), node="{id}")
    assert field(numbered, Asked("acme", "17")) == "thing(id: 17) { note }"
    assert plain(numbered, Asked("acme", "17"))["variables"] == {"id": 17}
    assert field(HOW, Asked('a"b', "x")) == 'attribution(tenant: "a\\"b", id: "x") { id note }'
    assert node(numbered, Asked("acme", "17")) == 'node(id: "MTc=") { ... on Thing { note } }'


# Where it is spoken

_BODY = {
    "content": {
        "application/json": {"schema": {"properties": {"query": {"type": "string"}, "variables": {"type": "object"}}}}
    }
}


def http_of(folder: Path, paths: dict[str, Any], path: str = "") -> Http:
    (folder / "contract.json").write_text(json.dumps({"openapi": "3.1.0", "paths": paths}))
    how = Graphql(path=path, field="thing", select="note", type="Thing", refusals=("NO",))
    listed = {"list": Operation(method="GET", path="/v1/tenants/{tenant}/things")}
    return Http(contract=str(folder / "contract.json"), operations=listed, refusals={}, graphql=how)


def test_the_operation_that_takes_query_and_variables_is_found_in_the_contract(tmp_path: Path) -> None:
    paths = {
        "/v1/graph": {"post": {"operationId": "graph", "requestBody": _BODY}},
        "/v1/login": {"post": {"operationId": "login"}},
        "/v1/tenants/{tenant_id}/things": {"get": {"operationId": "things"}},
    }
    found = endpoints(http_of(tmp_path, paths))
    assert [(each.name, each.template, each.graphql is not None) for each in found] == [
        ("graph", "/v1/graph", True),
        ("things", "/v1/tenants/{tenant}/things", False),
    ]
    assert not found[0].is_write


def test_a_path_with_a_tenant_in_it_is_spoken_to_as_the_profile_says(tmp_path: Path) -> None:
    paths = {"/v1/tenants/{org}/graph": {"post": {"operationId": "graph", "requestBody": _BODY}}}
    paths["/v1/tenants/{org}/other"] = {"post": {"operationId": "other", "requestBody": _BODY}}
    found = endpoints(http_of(tmp_path, paths, path="/v1/tenants/{tenant}/graph"))
    assert [(each.name, each.graphql is not None) for each in found] == [("graph", True), ("other", False)]


@pytest.mark.parametrize("places", [[], ["/a", "/b"]])
def test_a_contract_that_does_not_show_where_is_an_error_that_says_what_to_add(
    places: list[str], tmp_path: Path
) -> None:
    paths = {place: {"post": {"operationId": place, "requestBody": _BODY}} for place in places}
    with pytest.raises(UsageError, match=rf"has {len(places)} operations .* http\.graphql\.path"):
        endpoints(http_of(tmp_path, paths))
