"""Group 3 of the catalogue: the query and what parsers make of it (X038 to X050)."""

from __future__ import annotations

import re
from urllib.parse import quote

from tenantproof.probes.contract import Endpoint, Parameter
from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Group, Reach, is_list, is_read

QUERIES = Group()
_NAMES = ("tenant_id", "tenant", "tenantId", "org_id", "account_id", "namespace", "customer")


@QUERIES.add("X038", "own tenant in the query of the foreign path", forms=_NAMES)
def own_named(case: Case, form: str) -> Draft:
    """The gate reads the query, the handler the path."""
    return case.foreign().asking(f"{form}={case.attacker.id}")


_QUERIES = {
    "X038 tenant in the query": tuple(f"{name}={{b}}" for name in _NAMES),
    "X039 parameter twice": ("tenant_id={a}&tenant_id={b}", "tenant_id={b}&tenant_id={a}", "id={x}&id={y}"),
    "X040 arrays": ("tenant_id[]={a}&tenant_id[]={b}", "tenant_id={a},{b}", "tenant_id[0]={b}", "tenant_id[$ne]={a}"),
    "X041 separators": ("tenant_id={a};tenant_id={b}", "limit=1;tenant_id={b}"),
    "X042 encoded key": ("t%65nant_id={b}", "tenant%5fid={b}", "tenant_id%5b%5d={b}"),
    "X043 case of the key": ("Tenant_Id={b}", "TENANT={b}"),
    "X044 filters": (
        "filter[tenant_id][_eq]={b}",
        "$filter=tenant_id%20eq%20%27{b}%27",
        "q=tenant_id:{b}",
        "_or[0][tenant]={b}",
        "where=tenant_id%3D{b}",
        "rql=eq(tenant_id,{b})",
    ),
    "X046 relations": ("include=tenant.items", "expand=tenant", "fields=*,tenant.*", "populate=*", "embed=owner"),
    "X049 JSON in the query": ("where=%7B%22tenant_id%22%3A%22{b}%22%7D", "filter=%7B%22tenant%22%3A%22{b}%22%7D"),
}


def _asked(case: Case, form: str) -> Draft:
    ids = {"x": case.object_of(case.attacker), "y": case.object_of(case.victim)}
    return case.own().asking(form.format(a=case.attacker.id, b=case.victim.id, **ids))


for _title, _forms in _QUERIES.items():
    _id, _, _name = _title.partition(" ")
    QUERIES.add(_id, _name, aim=Aim.CLEAN, reach=Reach.OWN, forms=_forms, fits=is_read)(_asked)

_LISTED = {
    "X045 aggregates": ("aggregate[count]=*", "distinct=tenant_id", "groupBy=tenant_id", "sort=tenant_id"),
    "X050 limits": ("limit=-1", "limit=1000000000", "offset=-1", "limit=0", "page=-1", "limit=99999999999999999999"),
}
for _title, _forms in _LISTED.items():
    _id, _, _name = _title.partition(" ")
    QUERIES.add(_id, _name, aim=Aim.CLEAN, reach=Reach.OWN, forms=_forms, fits=is_list)(_asked)


_PAGING = frozenset({"limit", "cursor", "after", "offset", "page"})
_LATEST = re.compile(r"before|until|(^|_)to$|max|end", re.IGNORECASE)


def _filters(endpoint: Endpoint) -> list[Parameter]:
    """What the contract lets a listing be narrowed by."""
    return [each for each in endpoint.parameters if each.where == "query" and each.name not in _PAGING]


@QUERIES.add(
    "X044",
    "filters of the contract",
    aim=Aim.CLEAN,
    reach=Reach.OWN,
    fits=lambda endpoint: is_list(endpoint) and bool(_filters(endpoint)),
)
def own_filters(case: Case, form: str) -> list[Draft]:
    """A list is scoped, and its search is another query. Each filter in turn, with a value that the victim's pass."""
    del form
    known = case.victim.members.get(case.endpoint.name, {})
    return [
        case.own().asking(f"{each.name}={quote(_passed(each, known.get(each.name, '')), safe='')}")
        for each in _filters(case.endpoint)
    ]


def _passed(parameter: Parameter, known: str) -> str:
    """A value that lets as much through as any: what the victim's own has, or the end of the range."""
    schema, last = parameter.schema, _LATEST.search(parameter.name) is not None
    if schema.get("enum"):
        return str(schema["enum"][0])
    if schema.get("type") in {"number", "integer"}:
        return str(schema.get("maximum" if last else "minimum", 10**9 if last else 0))
    if schema.get("format") == "date-time":
        return "2100-01-01T00:00:00Z" if last else "2000-01-01T00:00:00Z"
    return known or "none"


@QUERIES.add("X047", "search", aim=Aim.CLEAN, reach=Reach.OWN, forms=("q", "search", "query", "id"), fits=is_list)
def search(case: Case, form: str) -> Draft:
    """By what only the victim has."""
    return case.own().asking(f"{form}={quote(next(iter(case.victim.objects.values()), case.victim.id))}")


@QUERIES.add("X048", "body on a read", aim=Aim.CLEAN, reach=Reach.OWN, forms=("own path",), fits=is_read)
def body_on_a_read(case: Case, form: str) -> Draft:
    """Read by frameworks that merge the body into the query."""
    del form
    return case.own().with_json({"tenant_id": case.victim.id, "tenant": case.victim.id})


@QUERIES.add("X048", "body on a foreign read", fits=is_read)
def body_on_a_foreign_read(case: Case, form: str) -> Draft:
    """The same under the foreign path."""
    del form
    return case.foreign().with_json({"tenant_id": case.attacker.id})
