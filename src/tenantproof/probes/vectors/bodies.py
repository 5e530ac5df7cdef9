"""Group 4 of the catalogue: bodies (X051 to X064)."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Group, Reach, has_body, has_object, is_object_read

BODIES = Group()
_FIELDS = ("tenant_id", "tenant", "tenantId", "org_id", "owner", "account_id")


def _is_made(endpoint: Endpoint) -> bool:
    return has_body(endpoint) and endpoint.method == "POST"


def _is_replaced(endpoint: Endpoint) -> bool:
    return has_body(endpoint) and endpoint.method in {"PUT", "PATCH"}


@BODIES.add("X051", "tenant in a new object", aim=Aim.CLEAN, reach=Reach.OWN, forms=_FIELDS, fits=_is_made)
@BODIES.add("X052", "tenant of an object moved", aim=Aim.CLEAN, reach=Reach.OWN, forms=_FIELDS, fits=_is_replaced)
def mass_assignment(case: Case, form: str) -> Draft:
    """A member that nobody meant to be set from outside."""
    return case.own().with_json({**case.json(), form: case.victim.id})


@BODIES.add("X051", "own tenant in a body under the foreign path", forms=_FIELDS, fits=has_body)
def own_tenant_in_body(case: Case, form: str) -> Draft:
    """The gate reads the body, the handler the path."""
    return case.foreign().with_json({**case.json(), form: case.attacker.id})


@BODIES.add("X053", "member twice", aim=Aim.CLEAN, reach=Reach.OWN, forms=("A then B", "B then A"), fits=has_body)
def member_twice(case: Case, form: str) -> Draft:
    """Two parsers, two readings."""
    a, b = case.attacker.id, case.victim.id
    first, last = (a, b) if form == "A then B" else (b, a)
    rest = json.dumps(case.json())[1:]
    twice = f'{{"tenant_id":"{first}","tenant_id":"{last}"' + (f",{rest}" if rest != "}" else rest)
    return case.own().carrying(twice.encode(), "application/json")


@BODIES.add(
    "X054", "nested against flat", aim=Aim.CLEAN, reach=Reach.OWN, forms=("org", "tenant", "owner"), fits=has_body
)
def nested(case: Case, form: str) -> Draft:
    """The flat one is checked, the nested one is used."""
    return case.own().with_json({**case.json(), "tenant_id": case.attacker.id, form: {"id": case.victim.id}})


@BODIES.add("X055", "wrapped", aim=Aim.CLEAN, reach=Reach.OWN, forms=("array", "object", "string"), fits=has_body)
def wrapped(case: Case, form: str) -> Draft:
    """An array where an object belongs."""
    inner = {**case.json(), "tenant_id": [case.victim.id]}
    value = {"array": [inner], "object": {"data": inner}, "string": json.dumps(inner)}[form]
    return case.own().with_json(value)


@BODIES.add("X056", "foreign key", aim=Aim.CLEAN, reach=Reach.OWN, forms=("every id", "added"), fits=has_body)
def foreign_key(case: Case, form: str) -> Draft:
    """An own object that points at the victim's; an error about it tells of it too (X114)."""
    # Records' ids are told from others' wherever they turn up; one that we put there ourselves would cry wolf.
    known = next((ident for ident in case.victim.objects.values() if ident not in case.records), case.victim.id)
    body = case.json()
    ids = [name for name in body if name.endswith(("_id", "Id", "_ids"))]
    changed = dict.fromkeys(ids, known) if form == "every id" and ids else {"record_id": known, "parent_id": known}
    return case.own().with_json({**body, **changed})


@BODIES.add("X057", "form for JSON", aim=Aim.CLEAN, reach=Reach.OWN, forms=("form", "JSON as text"), fits=has_body)
def other_media(case: Case, form: str) -> Draft:
    """A second parser, without the checks of the first."""
    value = {**case.json(), "tenant_id": case.victim.id}
    if form == "form":
        return case.own().carrying(urlencode(value).encode(), "application/x-www-form-urlencoded")
    return case.own().carrying(json.dumps(value).encode(), "text/plain")


@BODIES.add("X058", "multipart, part twice", aim=Aim.CLEAN, reach=Reach.OWN, fits=has_body)
def multipart(case: Case, form: str) -> Draft:
    """The first part is checked, the last is used."""
    del form
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="tenant_id"\r\n\r\n{ident}\r\n'
        for ident in (case.attacker.id, case.victim.id)
    )
    return case.own().carrying(f"{parts}--b--\r\n".encode(), "multipart/form-data; boundary=b")


@BODIES.add("X059", "twin parser", aim=Aim.CLEAN, reach=Reach.OWN, forms=("xml", "yaml"), fits=has_body)
def twin_parser(case: Case, form: str) -> Draft:
    """The framework reads more than the contract says."""
    text = f"<a><tenant_id>{case.victim.id}</tenant_id></a>" if form == "xml" else f"tenant_id: {case.victim.id}\n"
    return case.own().carrying(text.encode(), f"application/{form}")


@BODIES.add(
    "X060", "patch documents", aim=Aim.CLEAN, reach=Reach.OWN, forms=("json-patch", "merge-patch"), fits=is_object_read
)
def patch(case: Case, form: str) -> Draft:
    """Moves an object by a path that no check reads."""
    value: object = {"tenant_id": case.victim.id}
    if form == "json-patch":
        value = [{"op": "replace", "path": "/tenant_id", "value": case.victim.id}]
    draft = case.own().by("PATCH")
    return draft.carrying(json.dumps(value).encode(), f"application/{form}+json")


@BODIES.add("X063", "upsert of a foreign object", aim=Aim.CLEAN, reach=Reach.OWN, fits=has_object)
def upsert(case: Case, form: str) -> Draft:
    """What is not found is made, over the victim's."""
    del form
    return case.own(ident=case.object_of(case.victim)).by("PUT").with_json(case.json() or {"note": "x"})
