"""Group 5 of the catalogue: methods (X065 to X071)."""

from __future__ import annotations

from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Group, Reach, any_tenant

METHODS = Group()
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@METHODS.add("X065", "another verb", aim=Aim.CLEAN, reach=Reach.NEITHER, forms=_VERBS)
def another_verb(case: Case, form: str) -> Draft:
    """Guarded for one verb, served for another."""
    draft = case.foreign().by(form)
    return draft.with_json(case.json()) if form in {"POST", "PUT", "PATCH"} and not draft.body else draft


_OVERRIDES = ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")


@METHODS.add(
    "X066", "verb in a header", forms=tuple(f"{name}: {verb}" for name in _OVERRIDES for verb in ("GET", "DELETE"))
)
def verb_in_a_header(case: Case, form: str) -> Draft:
    """Checked as one verb, carried out as another."""
    name, _, verb = form.partition(": ")
    return case.foreign().saying((name, verb))


@METHODS.add("X067", "verb in the query", forms=("GET", "DELETE"))
def verb_in_the_query(case: Case, form: str) -> Draft:
    """The same, as forms do it."""
    return case.foreign().asking(f"_method={form}")


@METHODS.add("X068", "head and options", aim=Aim.CLEAN, reach=Reach.NEITHER, forms=("HEAD", "OPTIONS"))
def head_and_options(case: Case, form: str) -> Draft:
    """A length or an Allow is an answer too."""
    draft = case.foreign().by(form)
    draft.body, draft.headers = b"", []
    return draft


@METHODS.add(
    "X069", "search verbs", aim=Aim.CLEAN, reach=Reach.NEITHER, forms=("SEARCH", "QUERY", "REPORT", "PROPFIND")
)
def search_verbs(case: Case, form: str) -> Draft:
    """Reads that carry a body."""
    return case.foreign().by(form).with_json({"tenant_id": case.victim.id})


@METHODS.add("X070", "trace", aim=Aim.CLEAN, reach=Reach.NEITHER, forms=("TRACE", "TRACK", "DEBUG"))
def trace(case: Case, form: str) -> Draft:
    """Sends back what it was sent."""
    draft = case.foreign().by(form)
    draft.body, draft.headers = b"", []
    return draft


@METHODS.add(
    "X071", "verbs of nobody", aim=Aim.CLEAN, reach=Reach.NEITHER, forms=("get", "Get", "FOO", "GETS"), fits=any_tenant
)
def verbs_of_nobody(case: Case, form: str) -> Draft:
    """Unknown to the guard, a GET to the handler."""
    return case.foreign().by(form)
