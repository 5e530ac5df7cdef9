"""GraphQL among the bodies of the catalogue (X061, X062): one path for everything, and the ids inside the query.

Each form is first asked for what is the attacker's own: what a target does not serve to anybody proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from tenantproof.model.graphql_profile import Graphql
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.graphql import OWN, Asked, declared, field, node, plain, variables
from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Group

GRAPHQL = Group()
Form: TypeAlias = Callable[[Graphql, Asked, Asked], Any]
"""Makes the body of a request for one's own record and another. Any: JSON, a list where it is a batch."""


def _is_graphql(endpoint: Endpoint) -> bool:
    return endpoint.graphql is not None


def _names_tenants(endpoint: Endpoint) -> bool:
    return endpoint.graphql is not None and bool(endpoint.graphql.tenant)


def _has_nodes(endpoint: Endpoint) -> bool:
    return endpoint.graphql is not None and bool(endpoint.graphql.node)


def _said(query: str) -> dict[str, Any]:
    return {"query": query}


_PLACES: Mapping[str, Form] = {
    "variables": lambda how, _own, other: plain(how, other),
    "literals": lambda how, _own, other: _said(f"{{ {field(how, other)} }}"),
    "defaults": lambda how, _own, other: _said(
        f"query Read{declared(how, defaults=other)} {{ {field(how, variables=True)} }}"
    ),
    "second operation": lambda how, own, other: {
        **_said(f"query First {{ {field(how, own, alias=OWN)} }} query Second {{ {field(how, other)} }}"),
        "operationName": "Second",
    },
}
_ALIASES: Mapping[str, Form] = {
    "own first": lambda how, own, other: _said(f"{{ {field(how, own, alias=OWN)} {field(how, other, alias='b')} }}"),
    "foreign first": lambda how, own, other: _said(
        f"{{ {field(how, other, alias='b')} {field(how, own, alias=OWN)} }}"
    ),
    "in variables": lambda how, own, other: {
        "query": f"query Read{declared(how)} {{ {field(how, own, alias=OWN)} "
        f"{field(how, alias='b', variables=True)} }}",
        "variables": variables(how, other),
    },
}
_FRAGMENTS: Mapping[str, Form] = {
    "of the query": lambda how, own, other: _said(
        f"{{ {field(how, own, alias=OWN)} ...F }} fragment F on Query {{ {field(how, other)} }}"
    ),
    "of the record": lambda how, _own, other: _said(
        f"{{ {field(how, other, select='...F')} }} fragment F on {how.type} {{ {how.select} }}"
    ),
    "inline": lambda how, own, other: _said(
        f"{{ {field(how, own, alias=OWN)} ... on Query {{ {field(how, other)} }} }}"
    ),
}
_BATCHES: Mapping[str, Form] = {
    "own first": lambda how, own, other: [_said(f"{{ {field(how, own, alias=OWN)} }}"), plain(how, other)],
    "foreign first": lambda how, own, other: [plain(how, other), _said(f"{{ {field(how, own, alias=OWN)} }}")],
}


def _pair(case: Case, form: Form, tenant: str | None = None) -> list[Draft]:
    """The attacker's own, and the same with the victim's record, under the victim or the tenant that is said."""
    how = case.endpoint.graphql
    assert how is not None
    own = Asked(case.attacker.id, case.object_of(case.attacker))
    other = Asked(case.victim.id if tenant is None else tenant, case.object_of(case.victim))
    pair = [case.own().with_json(form(how, own, each)) for each in (own, other)]
    # A node's id is encoded, and an answer may name what it was asked for.
    pair[1].names = (other.id,)
    return pair


@GRAPHQL.add("X062", "GraphQL ids", forms=_PLACES, fits=_is_graphql, controlled=True)
def places(case: Case, form: str) -> list[Draft]:
    """In variables, in the query, in defaults: a gate that reads one of them does not read the others."""
    return _pair(case, _PLACES[form])


@GRAPHQL.add(
    "X062", "GraphQL ids under the own tenant", forms=("variables", "literals"), fits=_names_tenants, controlled=True
)
def own_tenant(case: Case, form: str) -> list[Draft]:
    """The argument that names the tenant is checked, and the record is looked up by its id alone."""
    return _pair(case, _PLACES[form], tenant=case.attacker.id)


@GRAPHQL.add("X061", "GraphQL aliases", forms=_ALIASES, fits=_is_graphql, controlled=True)
def aliases(case: Case, form: str) -> list[Draft]:
    """One field of a query is checked, and all are served."""
    return _pair(case, _ALIASES[form])


@GRAPHQL.add("X061", "GraphQL fragments", forms=_FRAGMENTS, fits=_is_graphql, controlled=True)
def fragments(case: Case, form: str) -> list[Draft]:
    """What stands in a fragment is asked for all the same."""
    return _pair(case, _FRAGMENTS[form])


@GRAPHQL.add("X061", "GraphQL node", fits=_has_nodes, controlled=True)
def nodes(case: Case, form: str) -> list[Draft]:
    """A second door to every object, by an id that anybody can make."""
    del form
    return _pair(case, lambda how, _own, other: _said(f"{{ {node(how, other)} }}"))


@GRAPHQL.add("X061", "GraphQL batch", forms=_BATCHES, fits=_is_graphql, controlled=True)
def batches(case: Case, form: str) -> list[Draft]:
    """Many operations in one request, and one gate."""
    return _pair(case, _BATCHES[form])


@GRAPHQL.add("X061", "GraphQL over GET", forms=("variables", "literals"), fits=_is_graphql, controlled=True)
def over_get(case: Case, form: str) -> list[Draft]:
    """The gate reads bodies."""
    return [_as_get(draft) for draft in _pair(case, _PLACES[form])]


def _as_get(draft: Draft) -> Draft:
    """The same in the query of a GET (GraphQL over HTTP, section 5.2)."""
    body = json.loads(draft.body)
    said = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    draft.body, draft.headers = b"", []
    return draft.by("GET").asking(urlencode(said))
