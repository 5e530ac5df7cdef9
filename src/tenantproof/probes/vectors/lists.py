"""Groups 6 and 7 of the catalogue: collections, cursors, batches (X072 to X082), derived artefacts (X083 to X094)."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import quote

from tenantproof.clients.scent import END
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors.case import Case, Draft, Party
from tenantproof.probes.vectors.vector import (
    Aim,
    Group,
    Reach,
    has_body,
    has_object,
    is_about,
    is_list,
    is_object_read,
    is_read,
    is_service,
)

LISTS = Group()
_CURSOR = "cursor"
_IDS = re.compile(r"(^|_)ids$|Ids$|^keys$")


def _is_paged(endpoint: Endpoint) -> bool:
    return is_list(endpoint) and any(each.name == _CURSOR for each in endpoint.parameters)


@LISTS.add("X072", "own list", aim=Aim.CLEAN, reach=Reach.OWN, fits=is_list)
def own_list(case: Case, form: str) -> Draft:
    """Strangers in it are a leak, whoever they are."""
    del form
    return case.own()


@LISTS.add("X073", "totals", aim=Aim.CLEAN, reach=Reach.OWN, forms=("count", "total", "facets"), fits=is_list)
def totals(case: Case, form: str) -> Draft:
    """Counted over everybody."""
    return case.own().asking(f"{form}=true").saying(("Prefer", "count=exact"))


@LISTS.add("X074", "cursor of the victim", aim=Aim.CLEAN, reach=Reach.OWN, fits=_is_paged)
def victims_cursor(case: Case, form: str) -> Draft:
    """A cursor that carries the query carries the tenant."""
    del form
    return case.own().asking(f"{_CURSOR}={case.victim.cursors.get(case.endpoint.name, 'none')}")


@LISTS.add("X075", "edited cursor", aim=Aim.CLEAN, reach=Reach.OWN, forms=("tenant", "json", "flipped"), fits=_is_paged)
def edited_cursor(case: Case, form: str) -> Draft:
    """Base64 is not a signature."""
    own = case.attacker.cursors.get(case.endpoint.name, "")
    raw = (
        base64.urlsafe_b64decode(own + "=" * (-len(own) % 4))
        if own.replace("-", "").replace("_", "").isalnum()
        else b""
    )
    edited = {
        "tenant": raw.replace(case.attacker.id.encode(), case.victim.id.encode()),
        "json": f'{{"tenant_id":"{case.victim.id}","after":""}}'.encode(),
        "flipped": raw[:-1] + bytes([raw[-1] ^ 1]) if raw else b"\0",
    }[form]
    return case.own().asking(f"{_CURSOR}={base64.urlsafe_b64encode(edited).rstrip(b'=').decode()}")


@LISTS.add("X076", "cursor of another list", aim=Aim.CLEAN, reach=Reach.OWN, fits=_is_paged)
def other_cursor(case: Case, form: str) -> Draft:
    """One format for all lists, and one check for none."""
    del form
    others = (cursor for name, cursor in case.victim.cursors.items() if name != case.endpoint.name)
    return case.own().asking(f"{_CURSOR}={next(others, 'none')}")


@LISTS.add("X077", "batch of own and foreign", aim=Aim.CLEAN, reach=Reach.OWN, forms=("ids", "query"), fits=is_list)
def batch(case: Case, form: str) -> Draft:
    """The first is checked, all are served."""
    own, foreign = case.object_of(case.attacker), case.object_of(case.victim)
    if form == "query":
        return case.own().asking(f"ids={own},{foreign}&id={own}&id={foreign}")
    return case.own(tenant=case.attacker.id).asking(f"ids[]={own}&ids[]={foreign}")


def _id_lists(endpoint: Endpoint) -> list[str]:
    """Members of the body that take ids of objects."""
    members = (endpoint.body or {}).get("properties", {})
    return [name for name, each in members.items() if _IDS.search(name) and each.get("type") == "array"]


def _takes_ids(endpoint: Endpoint) -> bool:
    return has_body(endpoint) and bool(_id_lists(endpoint))


@LISTS.add("X077", "ids in a body", aim=Aim.CLEAN, reach=Reach.OWN, fits=_takes_ids)
def ids_in_a_body(case: Case, form: str) -> Draft:
    """An id is unique, so it needs no tenant."""
    del form
    return _lookup(case, [*_records_of(case, case.attacker)[:1], *_records_of(case, case.victim)])


@LISTS.add("X077", "foreign and absent in a batch", aim=Aim.CLEAN, reach=Reach.OWN, fits=_takes_ids, alike=True)
def told_apart_in_a_batch(case: Case, form: str) -> list[Draft]:
    """For each id it is said why there is nothing, to be helpful."""
    del form
    foreign = next(iter(_records_of(case, case.victim)), "none")
    nobody = _nobody(case, foreign)
    own = _records_of(case, case.attacker)[:1]
    return [_lookup(case, [*own, each], each) for each in (foreign, nobody)]


def _records_of(case: Case, party: Party) -> list[str]:
    """Ids by which a leak is known; else those of whatever the party has."""
    ids = list(dict.fromkeys(party.objects.values()))
    return [each for each in ids if each in case.records] or ids


def _nobody(case: Case, like: str) -> str:
    """An id of the same shape that nobody has, the same whenever the unit is built."""
    head, mark, tail = like.rpartition("_")
    for _ in range(100):
        drawn = head + mark + "".join(case.rng.choice("0123456789" if each.isdigit() else "abcdef") for each in tail)
        if drawn not in case.records:
            return drawn
    return f"{like}{case.rng.getrandbits(64):016x}"


def _lookup(case: Case, ids: list[str], *names: str) -> Draft:
    draft = case.own().with_json({**case.json(), **dict.fromkeys(_id_lists(case.endpoint), ids)})
    draft.names = names
    return draft


@LISTS.add("X078", "path inside a batch", aim=Aim.CLEAN, reach=Reach.OWN, fits=has_body)
def inner_path(case: Case, form: str) -> Draft:
    """What stands inside is dispatched past the gate."""
    del form
    inner = {"method": "GET", "path": case.foreign().path, "headers": {"X-Tenant-Id": case.victim.id}}
    return case.own().with_json({"requests": [inner], "operations": [inner]})


@LISTS.add("X079", "bulk delete", aim=Aim.CLEAN, reach=Reach.NEITHER, fits=is_list)
def bulk_delete(case: Case, form: str) -> Draft:
    """By a filter, of a whole collection."""
    del form
    return case.foreign().by("DELETE").asking(f"tenant_id={case.attacker.id}")


@LISTS.add("X080", "object by relation", aim=Aim.CLEAN, reach=Reach.OWN, forms=("child", "list"), fits=is_object_read)
def by_relation(case: Case, form: str) -> Draft:
    """The parent is checked, the child is served."""
    draft = case.own()
    foreign = case.object_of(case.victim)
    draft.path += f"/{foreign}" if form == "child" else f"/items/{foreign}"
    return draft


@LISTS.add("X081", "feed of the victim", forms=("sse", "websocket", "since"), fits=is_list)
def feed(case: Case, form: str) -> Draft:
    """Subscribing is a read that lasts."""
    match form:
        case "sse":
            return case.foreign().saying(("Accept", "text/event-stream"))
        case "websocket":
            key = ("Sec-WebSocket-Key", "dGVuYW50cHJvb2Y9PT09PQ==")
            return case.foreign().saying(("Sec-WebSocket-Version", "13"), key, ("Sec-WebSocket-Protocol", "json"))
        case _:
            return case.foreign().asking("since=0")


@LISTS.add(
    "X082",
    "job of the victim",
    aim=Aim.CLEAN,
    reach=Reach.OWN,
    fits=lambda e: has_object(e) and is_about("job|run|task|import|request")(e),
)
@LISTS.add(
    "X083",
    "export of the victim",
    aim=Aim.CLEAN,
    reach=Reach.OWN,
    fits=lambda e: has_object(e) and is_about("export|download|file|report|certificate")(e),
)
def derived_object(case: Case, form: str) -> Draft:
    """What was made from the victim's data has an id of its own."""
    del form
    return case.own(ident=case.object_of(case.victim))


@LISTS.add(
    "X086", "another rendering", forms=("text/csv", "application/pdf", "text/html", "application/xml"), fits=is_read
)
def rendering(case: Case, form: str) -> Draft:
    """Reports are written by others, and checked by nobody."""
    return case.foreign().saying(("Accept", form))


@LISTS.add(
    "X087",
    "derived path",
    aim=Aim.CLEAN,
    reach=Reach.OWN,
    forms=("thumbnail", "preview", "raw", "download", "content"),
    fits=is_object_read,
)
def derived_path(case: Case, form: str) -> Draft:
    """Behind the object, before the check."""
    draft = case.own(ident=case.object_of(case.victim))
    draft.path += f"/{form}"
    return draft


@LISTS.add("X090", "feed by trace", aim=Aim.CLEAN, reach=Reach.OWN, fits=is_about("audit|trail|notif|events|log"))
def by_trace(case: Case, form: str) -> Draft:
    """A request of the victim, sought in the own feed."""
    del form
    return case.own().asking(f"trace_id={case.victim.trace or '0' * 31 + '1'}")


_OPERATING = (
    "/metrics",
    "/debug",
    "/debug/vars",
    "/actuator/env",
    "/logs",
    "/trace",
    "/status",
    "/openapi.json",
    "/server-status",
    "/v1/tenants",
    "/v1/tenants/",
    "/v1/admin/tenants",
)


def _is_search(endpoint: Endpoint) -> bool:
    return is_read(endpoint) and bool(endpoint.search)


@LISTS.add(
    "X091",
    "search for what is the victim's",
    aim=Aim.CLEAN,
    reach=Reach.OWN,
    forms=("canary", "part of the canary", "id"),
    fits=_is_search,
    alike=True,
    controlled=True,
)
def sought(case: Case, form: str) -> list[Draft]:
    """One index for everybody, and a filter that somebody forgot; a hit that is hidden is counted or takes a page."""
    own, foreign = (_term(case, party, form) for party in (case.attacker, case.victim))
    return [_sought(case, each) for each in (own, _alike(case, foreign), _alike(case, foreign), foreign)]


def _term(case: Case, party: Party, form: str) -> str:
    if form == "id":
        return next(iter(_records_of(case, party)), "none")
    part = party.canary[1:-1]
    # An end of a canary is known as well as the whole; one that repeats itself has no part without an end in it.
    has_end = party.canary[:END] in part or party.canary[-END:] in part
    return party.canary if form == "canary" or has_end else part


def _alike(case: Case, text: str) -> str:
    """What looks like it and stands nowhere."""
    return "".join(case.rng.choice("0123456789abcdef") if each.isalnum() else each for each in text)


def _sought(case: Case, term: str) -> Draft:
    draft = case.own()
    name = quote(case.endpoint.search, safe="")
    others = [each for each in draft.query.split("&") if each and each.partition("=")[0] != name]
    draft.query, draft.names = "&".join([*others, f"{name}={quote(term, safe='')}"]), (term,)
    return draft


@LISTS.add("X092", "operating endpoints", aim=Aim.CLEAN, reach=Reach.NEITHER, forms=_OPERATING, fits=is_service)
def operating(case: Case, form: str) -> Draft:
    """Numbers and lines about everybody."""
    draft = case.own()
    draft.path = form
    return draft


@LISTS.add("X093", "echo in an error", aim=Aim.CLEAN, reach=Reach.NEITHER, forms=("body", "query", "accept"))
def echoing(case: Case, form: str) -> Draft:
    """An error that quotes what it could not use."""
    draft = case.foreign()
    match form:
        case "body":
            return draft.carrying(b'{"id": ', "application/json")
        case "query":
            return draft.asking("limit=x&after=x&cursor=%ff")
        case _:
            return draft.saying(("Accept", "x/y"))


@LISTS.add(
    "X094", "content address", aim=Aim.CLEAN, reach=Reach.OWN, forms=("sha256", "sha1", "md5"), fits=is_object_read
)
def content_address(case: Case, form: str) -> Draft:
    """Whoever knows the digest may read."""
    known = case.object_of(case.victim).encode()
    return case.own(ident=hashlib.new(form, known, usedforsecurity=False).hexdigest())
