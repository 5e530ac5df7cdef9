"""Group 1 of the catalogue: the path (X001 to X024)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Group, Reach, any_tenant, has_object, is_read

PATHS = Group()
_CLEAN = Aim.CLEAN


@PATHS.add("X001", "tenant swapped in the path")
def swapped(case: Case, form: str) -> Draft:
    """The plain attempt."""
    del form
    return case.foreign()


@PATHS.add("X002", "foreign object under the own tenant", aim=_CLEAN, reach=Reach.OWN, fits=has_object)
def foreign_object(case: Case, form: str) -> Draft:
    """An id leaked; does access follow it?"""
    del form
    return case.own(ident=case.object_of(case.victim))


@PATHS.add("X003", "own object under a foreign tenant", fits=has_object)
def own_object(case: Case, form: str) -> Draft:
    """The object decides, and the path does not."""
    del form
    return case.foreign(ident=case.object_of(case.attacker))


@PATHS.add(
    "X004",
    "object within another's",
    aim=_CLEAN,
    reach=Reach.OWN,
    forms=("own parent, foreign child", "foreign parent, foreign child"),
    fits=lambda endpoint: endpoint.has_object and endpoint.has_parent,
)
def within_another(case: Case, form: str) -> Draft:
    """The parent is checked and not the child, or whether they belong together and not whose they are."""
    parent = case.attacker if form.startswith("own") else case.victim
    return case.own(ident=case.object_of(case.victim), within=parent)


_TENANT_SPELLINGS = {
    "X005 dot segments": ("{a}/../{b}", "{a}/./../{b}", "./{b}", "{b}/x/.."),
    "X006 encoded slashes and dots": ("{a}%2f..%2f{b}", "{a}/%2e%2e/{b}", "{a}%252f..%252f{b}", "%2e%2f{b}", "{b}%2f"),
    "X008 backslashes": ("{a}\\..\\{b}", "{a}/..\\{b}", "{b}\\"),
    "X009 matrix parameters": ("{a};t={b}", "{b};", "{b};v=1", ";{b}"),
    "X010 doubled slashes": ("/{b}", "//{b}", "{a}//{b}"),
    "X011 trailing characters": ("{b}.", "{b}%20", "{b}%00", "{b}%09", "{b}%0a", "{b}+", "{b}%2e"),
    "X012 format suffix": ("{b}.json", "{b}.csv", "{b}.xml"),
    "X019 containment": ("{b}-x", "{b}x", "{b_short}", "x{b}", "{a}{b}", "{a}-{b}", "{b}-{a}"),
    "X023 fragment and query cuts": ("{b}%3f", "{b}%23", "{b}#", "{a}%23/../{b}"),
    "X024 words for everybody": ("*", "%2a", "all", "me", "self", "null", "undefined", "-", "0", "_all", "{a},{b}"),
}


def _spelled(case: Case, form: str) -> Draft:
    a, b = case.attacker.id, case.victim.id
    return case.foreign(tenant=form.format(a=a, b=b, b_short=b[:-1]))


for _title, _forms in _TENANT_SPELLINGS.items():
    _id, _, _name = _title.partition(" ")
    PATHS.add(_id, _name, aim=_CLEAN, reach=Reach.NEITHER, forms=_forms)(_spelled)


@PATHS.add("X007", "double encoding", aim=_CLEAN, reach=Reach.NEITHER, forms=("first", "last", "all"))
def double_encoding(case: Case, form: str) -> Draft:
    """Decoded once by a proxy and once by the service."""
    return case.foreign(tenant=_letters(case.victim.id, form, "%25{:02x}"))


@PATHS.add("X011", "trailing slash", aim=_CLEAN, reach=Reach.NEITHER, forms=("/", "/.", "//"))
def trailing_slash(case: Case, form: str) -> Draft:
    """At the end of the whole path."""
    draft = case.foreign()
    draft.path += form
    return draft


@PATHS.add("X012", "format suffix of the object", aim=_CLEAN, reach=Reach.NEITHER, forms=(".json", ".csv", ".html"))
def suffix(case: Case, form: str) -> Draft:
    """Another representation may have another check."""
    draft = case.foreign()
    draft.path += form
    return draft


@PATHS.add("X013", "case of the tenant", aim=_CLEAN, reach=Reach.NEITHER, forms=("upper", "title", "swap last"))
def other_case(case: Case, form: str) -> Draft:
    """Compared in one case, looked up in another."""
    ident = case.victim.id
    spelled = {"upper": ident.upper(), "title": ident.title(), "swap last": ident[:-1] + ident[-1].swapcase()}
    return case.foreign(tenant=spelled[form])


@PATHS.add(
    "X014", "look-alikes", aim=_CLEAN, reach=Reach.NEITHER, forms=("wide", "wide, encoded", "combining", "cyrillic")
)
def look_alikes(case: Case, form: str) -> Draft:
    """Unicode that normalises to the victim's id, or looks like it."""
    first, rest = case.victim.id[0], case.victim.id[1:]
    wide = chr(ord(first) - 0x21 + 0xFF01)
    encoded = "".join(f"%{octet:02x}" for octet in wide.encode())
    cyrillic = {"a": "а", "e": "е", "o": "о", "c": "с"}  # noqa: RUF001  # look-alikes are the point
    spelled = {
        "wide": wide + rest,
        "wide, encoded": encoded + rest,
        "combining": case.victim.id + "\u200b",
        "cyrillic": "".join(cyrillic.get(letter, letter) for letter in case.victim.id),
    }
    return case.foreign(tenant=spelled[form])


@PATHS.add("X015", "encoded letters", aim=_CLEAN, reach=Reach.NEITHER, forms=("first", "last", "all"))
def encoded_letters(case: Case, form: str) -> Draft:
    """Legal, and the same resource to many a server."""
    return case.foreign(tenant=_letters(case.victim.id, form, "%{:02x}"))


@PATHS.add("X016", "overlong UTF-8", aim=_CLEAN, reach=Reach.NEITHER, forms=("first", "all"))
def overlong(case: Case, form: str) -> Draft:
    """Two octets where one would do: no decoder may take them."""
    ident = case.victim.id
    count = 1 if form == "first" else len(ident)
    long = "".join(f"%{0xC0 | ord(c) >> 6:02x}%{0x80 | ord(c) & 0x3F:02x}" for c in ident[:count])
    return case.foreign(tenant=long + ident[count:])


_NUMBERS: Mapping[str, Callable[[int], str]] = {
    "leading zero": "0{}".format,
    "plus": "+{}".format,
    "encoded plus": "%2b{}".format,
    "point": "{}.0".format,
    "exponent": "{}e0".format,
    "hexadecimal": "{:#x}".format,
    "octal": "{:#o}".format,
    "underscore": "0_{}".format,
    "space before": "%20{}".format,
    "space behind": "{}%20".format,
    "line end": "{}%0a".format,
    "more than 32 bits": lambda number: str(number + 2**32),
    "more than 64 bits": lambda number: str(number + 2**64),
    "Arabic digits": lambda number: quote(str(number).translate(_digits(0x660))),
    "wide digits": lambda number: quote(str(number).translate(_digits(0xFF10))),
}
_UUIDS: Mapping[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "braces": "%7b{}%7d".format,
    "urn": "urn:uuid:{}".format,
    "no hyphens": lambda ident: ident.replace("-", ""),
    "space behind": "{}%20".format,
}


def _digits(zero: int) -> dict[int, int]:
    """Decimal digits to those of another script."""
    return {ord("0") + digit: zero + digit for digit in range(10)}


def _respelled(ident: str, form: str) -> str:
    """An id in other words, that software which reads more than it should takes for the same."""
    if form in _UUIDS and not ident.isdecimal():
        return _UUIDS[form](ident)
    return _NUMBERS[form](int(ident)) if ident.isdecimal() and form in _NUMBERS else ident


@PATHS.add(
    "X017",
    "number of the object",
    aim=_CLEAN,
    reach=Reach.OWN,
    forms=_NUMBERS,
    fits=lambda endpoint: endpoint.has_object and endpoint.ident == "number",
)
@PATHS.add(
    "X018",
    "UUID of the object",
    aim=_CLEAN,
    reach=Reach.OWN,
    forms=_UUIDS,
    fits=lambda endpoint: endpoint.has_object and endpoint.ident == "uuid",
)
def respelled_object(case: Case, form: str) -> Draft:
    """Checked as it is written, looked up as it is meant."""
    known = case.object_of(case.victim)
    draft = case.own(ident=_respelled(known, form))
    # What is meant may be named in an answer; it was asked for.
    draft.names = (known,)
    return draft


@PATHS.add(
    "X017",
    "number of the tenant",
    aim=_CLEAN,
    reach=Reach.NEITHER,
    forms=_NUMBERS,
    fits=lambda endpoint: any_tenant(endpoint) and endpoint.tenant == "number",
)
@PATHS.add(
    "X018",
    "UUID of the tenant",
    aim=_CLEAN,
    reach=Reach.NEITHER,
    forms=_UUIDS,
    fits=lambda endpoint: any_tenant(endpoint) and endpoint.tenant == "uuid",
)
def respelled_tenant(case: Case, form: str) -> Draft:
    """The same of the path's tenant."""
    return case.foreign(tenant=_respelled(case.victim.id, form))


@PATHS.add("X020", "another version", aim=_CLEAN, reach=Reach.NEITHER, forms=("v0", "v2", "internal", "beta", ""))
def another_version(case: Case, form: str) -> Draft:
    """An old version that nobody switched off."""
    draft = case.foreign()
    draft.path = re.sub(r"^/v\d+(?=/)", f"/{form}" if form else "", draft.path)
    return draft


@PATHS.add(
    "X021", "twin routes", aim=_CLEAN, reach=Reach.NEITHER, forms=("/admin", "/internal", "/api", "/_", "/debug")
)
def twin(case: Case, form: str) -> Draft:
    """The same resource for administrators."""
    draft = case.foreign()
    draft.path = form + draft.path
    return draft


@PATHS.add("X022", "absolute form", aim=_CLEAN, reach=Reach.NEITHER, forms=("http", "https", "own host, foreign path"))
def absolute_form(case: Case, form: str) -> Draft:
    """As a proxy is asked; a gate that looks at the start of the target may look past it."""
    draft = case.foreign()
    scheme = "https" if form == "https" else "http"
    query = f"?{draft.query}" if draft.query else ""
    draft.target = f"{scheme}://{case.authority}{draft.path}{query}"
    return draft


@PATHS.add("X023", "second question mark", forms=("?", "?/../", "#"), fits=is_read)
def cut(case: Case, form: str) -> Draft:
    """What stands behind the path must not move it."""
    return case.foreign().asking(f"{form}{case.attacker.id}".lstrip("?"))


def _letters(ident: str, which: str, code: str) -> str:
    """Some letters of the id as octet codes."""
    chosen = {"first": {0}, "last": {len(ident) - 1}}.get(which, set(range(len(ident))))
    return "".join(code.format(ord(c)) if place in chosen else c for place, c in enumerate(ident))
