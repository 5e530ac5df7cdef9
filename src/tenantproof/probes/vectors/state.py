"""Group 10 of the catalogue: one connection, several tenants (X118 to X121)."""

from __future__ import annotations

from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Group, Reach, has_body, is_read

STATE = Group()


@STATE.add(
    "X118", "tenant switched while the request is under way", forms=("body late",), fits=has_body, hold=0.02, fresh=True
)
def switched(case: Case, form: str) -> Draft:
    """The head comes, others are served, then comes the body."""
    del form
    return case.foreign()


@STATE.add("X119", "A and B by turns on one connection", fits=is_read, fresh=True, forms=("A B A", "B A B A"))
def by_turns(case: Case, form: str) -> list[Draft]:
    """A tenant that is kept with the connection is kept for the wrong one."""
    by = {"A": case.own, "B": case.of_victim}
    return [*(by[letter]() for letter in form.split()), case.foreign()]


@STATE.add("X120", "pipelined by turns", fits=is_read, fresh=True, pipelined=True, forms=("A B A", "B A"))
def pipelined(case: Case, form: str) -> list[Draft]:
    """All at once, so that they are worked on together."""
    by = {"A": case.own, "B": case.of_victim}
    return [*(by[letter]() for letter in form.split()), case.foreign()]


@STATE.add(
    "X120",
    "smuggled",
    aim=Aim.CLEAN,
    reach=Reach.NEITHER,
    fits=is_read,
    fresh=True,
    forms=("CL.TE", "TE.CL", "CL.CL", "TE.TE", "CL 0"),
)
def smuggled(case: Case, form: str) -> Draft:
    """A request inside a request, for two parsers that disagree about where the first one ends."""
    inner = f"GET {case.foreign().path} HTTP/1.1\r\nHost: {case.authority}\r\nX-Ignore: x".encode()
    draft = case.own().by("POST")
    match form:
        case "CL.TE":
            draft.body = b"0\r\n\r\n" + inner
            return draft.saying(("Content-Length", str(len(draft.body))), ("Transfer-Encoding", "chunked"))
        case "TE.CL":
            draft.body = f"{len(inner):x}\r\n".encode() + inner + b"\r\n0\r\n\r\n"
            return draft.saying(("Transfer-Encoding", "chunked"), ("Content-Length", "4"))
        case "CL.CL":
            draft.body = inner
            return draft.saying(("Content-Length", "0"), ("Content-Length", str(len(inner))))
        case "TE.TE":
            draft.body = b"0\r\n\r\n" + inner
            return draft.saying(("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "x"))
        case _:
            draft.body = inner + b"\r\n\r\n"
            return draft.saying(("Content-Length", "0"))


@STATE.add("X121", "after an error", fits=is_read, forms=("own error", "victim's error"))
def after_an_error(case: Case, form: str) -> list[Draft]:
    """What an error left behind in a pool is the next one's."""
    broken = case.own() if form == "own error" else case.of_victim()
    return [case.of_victim(), broken.asking("limit=%ff&no_such=1"), case.foreign()]
