"""Groups 8 and 9 of the catalogue: caches (X095 to X103), and answers that tell without showing (X104 to X114)."""

from __future__ import annotations

from tenantproof.clients.exchange import Answer
from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Group, Reach, has_body, is_read

CACHES = Group()


@CACHES.add("X095", "after the victim on the same URL", forms=("once", "twice"), fits=is_read)
def after_the_victim(case: Case, form: str) -> list[Draft]:
    """A cache whose key lacks the tenant answers the second with what the first was told."""
    return [*([case.of_victim()] * (2 if form == "twice" else 1)), case.foreign()]


@CACHES.add("X096", "warm and cold", forms=("own first", "own between"), fits=is_read)
def warm(case: Case, form: str) -> list[Draft]:
    """A decision that is kept is kept for what was decided."""
    if form == "own first":
        return [case.own(), case.foreign()]
    return [case.foreign(), case.own(), case.foreign()]


def _etag(case: Case) -> str:
    return case.victim.etags.get(case.endpoint.name, '"0"')


@CACHES.add("X098", "if none match", forms=("etag", "any", "since"), fits=is_read)
def if_none_match(case: Case, form: str) -> Draft:
    """304 says that it is there, and how it looks."""
    match form:
        case "since":
            return case.foreign().saying(("If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT"))
        case "any":
            return case.foreign().saying(("If-None-Match", "*"))
        case _:
            return case.foreign().saying(("If-None-Match", _etag(case)))


@CACHES.add("X099", "if match", forms=("etag", "any", "none"))
def if_match(case: Case, form: str) -> Draft:
    """412 before 403."""
    return case.foreign().saying(("If-Match", {"etag": _etag(case), "any": "*", "none": '"none"'}[form]))


def _kept(answer: Answer) -> str:
    """What lets a shared cache hand this answer to somebody else, if anything does (RFC 9111 section 3.5)."""
    told = " ".join(value for name, value in answer.headers if name.lower() == "cache-control").lower()
    is_shared = any(word in told for word in ("public", "s-maxage", "must-revalidate"))
    if answer.status != 200 or not is_shared or "no-store" in told or "private" in told:
        return ""
    varies = ",".join(value for name, value in answer.headers if name.lower() == "vary").lower()
    return "" if "authorization" in varies or "*" in varies else f"a shared cache may keep it: {told}, and no Vary"


@CACHES.add("X100", "what a cache may keep", aim=Aim.CLEAN, reach=Reach.OWN, fits=is_read, inspect=_kept)
def kept(case: Case, form: str) -> Draft:
    """An own answer, as a cache in between would see it."""
    del form
    return case.own()


@CACHES.add(
    "X101",
    "cache deception",
    aim=Aim.CLEAN,
    reach=Reach.NEITHER,
    forms=("/x.css", ".js", ";x.png", "%0ax.css"),
    fits=is_read,
)
def deception(case: Case, form: str) -> Draft:
    """A path that a cache takes for a file."""
    draft = case.foreign()
    draft.path += form
    return draft


@CACHES.add("X102", "range", forms=("bytes=0-9", "bytes=-20", "bytes=0-1,4-9", "items=0-9"), fits=is_read)
def part(case: Case, form: str) -> Draft:
    """A part is a leak as well."""
    return case.foreign().saying(("Range", form))


@CACHES.add("X112", "order of validation", forms=("body", "query", "media"))
def order(case: Case, form: str) -> Draft:
    """Who may not enter is not told what was wrong with the rest."""
    match form:
        case "body":
            return case.foreign().carrying(b"{", "application/json")
        case "query":
            return case.foreign().asking("no_such_parameter=1&limit=x")
        case _:
            return case.foreign().carrying(b"\xff\xfe", "application/x-nothing")


@CACHES.add("X117", "empty object", fits=has_body)
def empty_object(case: Case, form: str) -> Draft:
    """A success with nothing in it looks like a bypass, and a refusal must come first."""
    del form
    return case.foreign().with_json({})
