"""Reads the answers to a case of a vector: was it refused as documented, and does anything in it belong to others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.remembered import remembered
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import (
    ABSENT,
    ALIKE,
    DIFFERENT,
    PERMITTED,
    PRESENT,
    REFUSED,
    UNANSWERED,
    UNCLEAR,
    Outcome,
)
from tenantproof.probes.graphql import is_refused
from tenantproof.probes.ground import Ground
from tenantproof.probes.likeness import compare
from tenantproof.probes.sighting import code_of, json_object, refusal_name, sight
from tenantproof.probes.vectors.case import Case, Draft
from tenantproof.probes.vectors.vector import Aim, Reach, Vector

_NO_TLS = "can't be reached over TLS"
_HUNG_UP = ("the target closed the connection", "the connection broke")


class Sent(msgspec.Struct, frozen=True):
    """A request that went out, and whose trails must tell of it.

    `expects`: "both" the caller's and the victim's, once each; "own" the caller's alone; "some" the
    caller's alone, with records of what was done besides; "any" perhaps the caller's.
    """

    probe: str
    caller: str
    victim: str
    expects: str
    status: int
    tries: int
    receipt: str
    operation: str
    vector: str


class Trial(msgspec.Struct, frozen=True):
    """One unit tried: as an attempt that must be refused (where the vector demands it), and as a search for a leak."""

    leak: Observation
    access: Observation | None
    sent: tuple[Sent, ...]
    wrote: bool
    """Whether the caller was told that something of its own was written."""


@dataclass
class Attempt:
    """A case on its way: its drafts became requests, in the same order."""

    case: Case
    vector: Vector
    drafts: Sequence[Draft]
    requests: tuple[Request, ...]

    @property
    def unit(self) -> Unit:
        """The member of the population that it is."""
        return Unit(self.case.attacker.id, self.case.victim.id, self.case.endpoint.name, self.vector.label)


def read_trial(ground: Ground, attempt: Attempt, answers: Sequence[Answer]) -> Trial:
    """What the answers come to. The last request is the attempt; those before it set the scene."""
    request, answer = attempt.requests[-1], answers[-1]
    outcome, notes = _leak(ground, attempt, answers)
    unit, vector = attempt.unit, attempt.vector
    what = f"{unit.attacker} at {unit.operation} of {unit.victim} by {vector.label}"
    leak = sight(what, request, answer, outcome, unit=unit, notes=notes)
    access = None
    if vector.aim is Aim.REFUSED and (outcome is PRESENT or not _unserved(ground, attempt, answers)):
        seen, told = _access(ground, attempt, answer, leaked=outcome is PRESENT)
        access = msgspec.structs.replace(leak, outcome=seen, notes=(*told, *leak.notes))
    return Trial(
        leak=leak,
        access=access,
        sent=tuple([_sent(attempt, *each) for each in zip(attempt.requests, attempt.drafts, answers, strict=True)]),
        wrote=vector.reach is Reach.OWN and 200 <= answer.status < 300 and request.method not in {"GET", "HEAD"},
    )


def _leak(ground: Ground, attempt: Attempt, answers: Sequence[Answer]) -> tuple[Outcome, tuple[str, ...]]:
    for draft, answer in zip(attempt.drafts, answers, strict=True):
        if ground.scent.markers(answer) and (
            found := ground.scent.foreign(answer, draft.caller.id, _named(attempt, draft))
        ):
            owners = ", ".join(sorted({ground.scent.owner(each) for each in found}))
            return PRESENT, (f"{draft.caller.id} was told {len(found)} canaries and ids of {owners}",)
        if answer.status == 200 and (owner := ground.print_of(answer.body)) and owner != draft.caller.id:
            return PRESENT, (f"{draft.caller.id} was told to the octet what {owner} alone is told",)
    answer = answers[-1]
    if not answer.is_whole:
        return _unread(attempt, answer)
    if attempt.vector.inspect and (wrong := attempt.vector.inspect(answer)):
        return PRESENT, (wrong,)
    if attempt.vector.alike and not _is_unsteady(ground, attempt, answers) and (told := _told_apart(attempt, answers)):
        return PRESENT, told
    if answer.status in {500, 502, 504}:
        return UNCLEAR, (f"the target broke: {answer.status}",)
    if why := _unserved(ground, attempt, answers):
        return ABSENT, (why,)
    if _is_odd(ground, attempt, answer):
        return UNCLEAR, (f"answered {answer.status}, though nothing of the attacker's own was asked for",)
    return ABSENT, ()


def _unserved(ground: Ground, attempt: Attempt, answers: Sequence[Answer]) -> str:
    """Why the attempt can't be told from what nobody is served, if it can't: the attacker's own was not either."""
    if not attempt.vector.controlled or not answers[0].is_whole:
        return ""
    caller, named = attempt.case.attacker.id, _named(attempt, attempt.drafts[0])
    if ground.is_served(answers[0], caller, named):
        return ""
    return f"what is {caller}'s own was not served in this way: {answers[0].status}"


def _is_refusal(ground: Ground, attempt: Attempt, answer: Answer) -> bool:
    """Whether the answer is how the contract refuses whoever asks for what is another tenant's."""
    how = attempt.case.endpoint.graphql
    return refusal_name(answer, ground.target.profile.http) == "mismatch" or (
        how is not None and is_refused(answer, how)
    )


def _told_apart(attempt: Attempt, answers: Sequence[Answer]) -> tuple[str, ...]:
    """By what the last two answers differ, if they do."""
    (first, one), (second, other) = list(zip(attempt.drafts, answers, strict=True))[-2:]
    outcome, told = compare(one, other, first.names, second.names)
    return ("what is another's is told from what is nobody's", *told) if outcome is DIFFERENT else ()


def _is_unsteady(ground: Ground, attempt: Attempt, answers: Sequence[Answer]) -> bool:
    """Whether answers differ by themselves: those for what is nobody's do, or the caller's own is ranked in them."""
    if not attempt.vector.controlled:
        return False
    told = list(zip(attempt.drafts, answers, strict=True))[-3:]
    (first, one), (second, other), _ = told
    return compare(one, other, first.names, second.names)[0] is not ALIKE or any(
        ground.is_served(answer, draft.caller.id, draft.names) for draft, answer in told
    )


def _is_odd(ground: Ground, attempt: Attempt, answer: Answer) -> bool:
    """Whether the answer grants something, or knows something, that can't be the attacker's own."""
    caller, vector, method = attempt.case.attacker.id, attempt.vector, attempt.requests[-1].method
    if attempt.case.endpoint.graphql is not None and _is_refusal(ground, attempt, answer):
        return False
    if attempt.case.endpoint.graphql is not None and vector.controlled:
        # Its own, which it asked for as well, does not make up for a record that is withheld without a word.
        return 200 <= answer.status < 300
    if vector.reach is Reach.OWN or "{tenant}" not in attempt.case.endpoint.template or method in {"OPTIONS", "TRACE"}:
        return False
    if answer.status in {206, 304, 412}:
        return True
    if not 200 <= answer.status < 300:
        return False
    # A service that takes the path for the attacker's own answers with its own; one that knows no such path may
    # answer with a page for people.
    is_own = ground.print_of(answer.body) == caller or any(
        ground.scent.owner(each) == caller for each in ground.scent.markers(answer)
    )
    return not is_own and "text/html" not in answer.header("content-type")


def _unread(attempt: Attempt, answer: Answer) -> tuple[Outcome, tuple[str, ...]]:
    why = answer.failure or answer.malformed or "no answer"
    # Under a name that is not its own a server may decline to speak TLS at all.
    has_declined = bool(attempt.drafts[-1].server_name) and _NO_TLS in why
    if attempt.vector.aim is Aim.CLEAN and (has_declined or why.startswith(_HUNG_UP)):
        # Whether it still serves others is asked after every block; hanging up on nonsense is no fault.
        return ABSENT, (f"not answered: {why}",)
    return UNANSWERED, (why,)


def _access(ground: Ground, attempt: Attempt, answer: Answer, *, leaked: bool) -> tuple[Outcome, tuple[str, ...]]:
    http = ground.target.profile.http
    if leaked:
        return PERMITTED, ()
    if not answer.is_whole:
        return UNANSWERED, (answer.failure or answer.malformed or "no answer",)
    if _is_refusal(ground, attempt, answer):
        return REFUSED, ()
    saw = f"{answer.status} {code_of(answer, http)}".strip()
    wanted = http.refusals["mismatch"]
    return UNCLEAR, (f"saw {saw}; the contract refuses with {wanted.status} {wanted.code}",)


def _named(attempt: Attempt, draft: Draft) -> list[str]:
    """Ids that the request itself names; an answer may repeat them."""
    said = f"{draft.target}{draft.path}?{draft.query}" + "".join(value for _, value in draft.headers)
    known = (*attempt.case.victim.objects.values(), *attempt.case.attacker.objects.values())
    return [*draft.names, *(each for each in known if each in said or each.encode() in draft.body)]


@remembered(most=1024, longest=2048)
def _is_object(body: bytes) -> bool:
    return bool(json_object(body))


def _sent(attempt: Attempt, request: Request, draft: Draft, answer: Answer) -> Sent:
    case, vector = attempt.case, attempt.vector
    door = case.endpoint.template.split("{tenant}")[0] + case.victim.id
    if vector.controlled or draft.server_name:
        # What it names stands in its query or its body, or got no further than a front; who is told of that, the
        # contract does not say.
        expects = "any"
    elif vector.aim is Aim.REFUSED and draft.caller is case.attacker and f"{draft.path}/".startswith(f"{door}/"):
        expects = "both"
    elif vector.aim is Aim.REFUSED or (vector.reach is Reach.OWN and _is_object(answer.body)):
        did = 200 <= answer.status < 300 and request.method not in {"GET", "HEAD"}
        expects = "some" if did else "own"
    else:
        expects = "any"
    receipt = answer.header("audit-receipt")
    return Sent(
        probe=request.probe,
        caller=draft.caller.id,
        victim=case.victim.id,
        expects=expects,
        status=answer.status,
        tries=answer.tries,
        receipt=receipt,
        operation=case.endpoint.name,
        vector=vector.label,
    )
