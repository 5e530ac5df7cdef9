"""Turns one exchange with the target into an observation: what was sent, what came back, nothing secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.redaction import digest, digest_of_body, one_line
from tenantproof.clients.remembered import remembered
from tenantproof.clients.wire import new_probe, replay, request_line, response_line
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Http

__all__ = [
    "access",
    "carried_out",
    "code_of",
    "ident_in",
    "json_object",
    "json_value",
    "new_probe",
    "refusal_name",
    "sight",
]


def sight(
    what: str,
    request: Request,
    answer: Answer,
    outcome: Outcome,
    *,
    unit: Unit | None = None,
    notes: Iterable[str] = (),
) -> Observation:
    """The observation of one exchange. Notes are cleaned, for they may quote the target."""
    text = replay(request)
    return Observation(
        probe=request.probe,
        what=what,
        outcome=outcome,
        principal=request.principal,
        request=request_line(request),
        request_digest=digest(text),
        response=response_line(answer),
        response_digest=digest_of_body(answer.body) if answer.status else "",
        at=answer.at,
        seconds=answer.seconds,
        unit=unit,
        notes=tuple(map(one_line, notes)),
        replay=text,
    )


def carried_out(what: str, request: Request, answer: Answer) -> Observation:
    """The observation of a step that somebody takes who may: permitted, if it is answered 2xx."""
    well = 200 <= answer.status < 300
    return sight(what, request, answer, PERMITTED if well else UNCLEAR if answer.is_whole else UNANSWERED)


def refusal_name(answer: Answer, http: Http) -> str:
    """The name of the contract's refusal that the answer is: status and code match. Empty if it is none of them."""
    code = code_of(answer, http)
    for name, refusal in http.refusals.items():
        if answer.status == refusal.status and code == refusal.code:
            return name
    return ""


def code_of(answer: Answer, http: Http) -> str:
    """The code that the answer names where the contract has codes, or an empty text."""
    return _member(http.code_field, answer.body)


# Refusals say the same again and again.
@remembered(most=1024, longest=2048)
def _member(name: str, body: bytes) -> str:
    value = json_object(body).get(name)
    return value if isinstance(value, str) else ""


def json_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object in the body, or an empty one. Any: the JSON is the target's."""
    value = json_value(body)
    return value if isinstance(value, dict) else {}


def ident_in(answer: Answer, member: str) -> str:
    """The id in a member of an answer, as text: a number is one too. Empty if there is none that can be asked for."""
    said = json_object(answer.body).get(member)
    text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    return text if text.isprintable() else ""


def json_value(body: bytes) -> Any:  # noqa: ANN401  # the JSON is the target's
    """The JSON value in the body, or None."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def access(
    answer: Answer, http: Http, *, wanted: Iterable[str], foreign: Iterable[str], refusal: str
) -> tuple[Outcome, tuple[str, ...]]:
    """What an act came to, with notes: permitted if something wanted came back or anything foreign did.

    Refused is the answer that the contract names `refusal`, with nothing foreign in it. Everything else is unclear.
    """
    if leaked := found_in(answer, foreign):
        return PERMITTED, (f"{len(leaked)} canaries that are not the caller's came back",)
    if not answer.is_whole:
        return UNANSWERED, (answer.failure or answer.malformed or "no answer",)
    if found_in(answer, wanted):
        return PERMITTED, ()
    seen = refusal_name(answer, http)
    if seen == refusal:
        return REFUSED, ()
    named = http.refusals[refusal]
    saw = f"{answer.status} {code_of(answer, http)}".strip()
    return UNCLEAR, (f"saw {saw}; the contract refuses with {named.status} {named.code}",)
