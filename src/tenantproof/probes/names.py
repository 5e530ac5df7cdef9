"""Names that are asked for: at a login, a reset, an invitation (X108), or where they may be given only once (X109).

An answer to a name that another tenant has must be the one to a name that nobody has. Needs the profile's [[names]].
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Container, Iterator
from functools import partial
from typing import ClassVar
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Answer, Request, new_probe
from tenantproof.clients.secrets import reveal
from tenantproof.clients.target import Target
from tenantproof.model.names_profile import Question
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import DIFFERENT, PERMITTED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Operation
from tenantproof.probes.access_bodies import filled
from tenantproof.probes.latency import Contrast
from tenantproof.probes.likeness import compare
from tenantproof.probes.pairwise import Pairwise
from tenantproof.probes.sighting import ident_in, json_object, sight
from tenantproof.probes.strangers import stranger_tenant

NOBODY = "nobody"
"""Who asks where no principal does."""
_LOOKS = 2
"""How often a difference must come back: what is new in every answer, or a busy target, makes one by chance."""


class Names(Pairwise):
    """Asks by names of others, by its own and by those of nobody. Without [[names]] there is nothing to ask."""

    needs: ClassVar[frozenset[str]] = frozenset({"http"})
    uses: ClassVar[frozenset[str]] = frozenset({"names"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._known = {name for question in target.profile.names for name in question.known.values()}

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions of the profile, or none."""
        return self.target.profile.names if self.tenants else ()

    @property
    def units(self) -> int:
        """How many names of others are asked for, each by everybody who asks."""
        return sum(1 for question in self.questions for _ in _pairs(question))

    def answered(self) -> Iterator[Observation]:
        """Everybody who asks is answered 2xx, to the own name or else to one of nobody: permitted."""
        for question in self.questions:
            for asker in _askers(question):
                yield self._answered(question, asker)

    def conflicts(self) -> Iterator[Observation]:
        """Where names are given only once, the own one is answered otherwise than one of nobody: different."""
        for question in self.questions:
            for asker in _askers(question) if question.unique else ():
                own = question.known[asker]
                what = f"{question.what}: {asker} asks by a name that it has itself and by one of nobody"
                yield self._pair(what, question, asker, own, self._nobody(own))

    def strangers(self) -> Iterator[Observation]:
        """Two names that nobody has: what the comparison takes for alike."""
        for question in self.questions:
            for asker in _askers(question):
                like = next(iter(question.known.values()))
                what = f"{question.what}: {asker} asks by two names of nobody"
                yield self._pair(what, question, asker, self._nobody(like), self._nobody(like))

    def compared(self) -> Iterator[Observation]:
        """A name of another beside one of nobody; or, where all names are everybody's, beside an own one: alike."""
        for question in self.questions:
            for asker, victim in _pairs(question):
                theirs = question.known[victim]
                is_global = question.unique == "global"
                beside = question.known[asker] if is_global else self._nobody(theirs)
                whose = "of its own" if is_global else "of nobody"
                what = f"{question.what}: {asker} asks by a name of {victim} and by one {whose}"
                yield self._pair(
                    what, question, asker, theirs, beside, Unit(asker, victim, question.what, _of(question))
                )

    def contrasts(self) -> Iterator[Contrast]:
        """The same in time, where the profile lets a question be asked that often."""
        for question in self.questions:
            for asker, victim in _pairs(question) if question.timed else ():
                theirs = question.known[victim]
                yield Contrast(
                    f"{question.what}: {asker} asks by a name of {victim} and by names of nobody",
                    Unit(asker, victim, question.what, f"{_of(question)} latency of a known name"),
                    partial(self._request, question, asker, theirs),
                    partial(self._by_nobodys, question, asker, theirs),
                )

    def _by_nobodys(self, question: Question, asker: str, like: str) -> Request:
        return self._request(question, asker, self._nobody(like))

    def _answered(self, question: Question, asker: str) -> Observation:
        """The own question first: of whoever has a secret, if nobody in particular asks."""
        whose = asker if asker in question.known else next(iter(question.secrets or question.known))
        own = question.known.get(whose, "")
        names = (self._nobody(own), own) if question.unique else (own, self._nobody(own))
        for name in names:
            request, answer = self._ask(question, asker, name, whose if name == own else "")
            if 200 <= answer.status < 300:
                break
        well = 200 <= answer.status < 300
        outcome: Outcome = PERMITTED if well else UNCLEAR if answer.is_whole else UNANSWERED
        notes = () if well else ("neither an own name nor one of nobody is answered 2xx; is a secret of it missing?",)
        return sight(f"{question.what}: {asker} asks by a name that may be", request, answer, outcome, notes=notes)

    def _pair(
        self, what: str, question: Question, asker: str, first: str, second: str, unit: Unit | None = None
    ) -> Observation:
        foreign = [canary for tenant, own in self.target.canaries.items() if tenant != asker for canary in own]
        for _ in range(_LOOKS):
            request, one = self._ask(question, asker, first)
            other_request, other = self._ask(question, asker, second)
            outcome, told = compare(
                one, other, masked(question, first, request, one), masked(question, second, other_request, other)
            )
            if unit and found_in(one, foreign):
                outcome, told = DIFFERENT, (*told, "canaries that are not the caller's came back")
            if outcome is not DIFFERENT:
                break
        return sight(what, request, one, outcome, unit=unit, notes=told)

    def _ask(self, question: Question, asker: str, name: str, whose: str = "") -> tuple[Request, Answer]:
        """Ask, and take back what came of it. `whose` secret is the one that is said, if it is lent."""
        request = self._request(question, asker, name, whose)
        answer = self.target.wire.send(request)
        made = ident_in(answer, question.member)
        if question.remove and 200 <= answer.status < 300 and made:
            self.target.wire.send(self._by(asker, question, question.remove, made))
        return request, answer

    def _request(self, question: Question, asker: str, name: str, whose: str = "") -> Request:
        known = question.secrets.get(whose)
        secret = reveal(known, f"names.secrets.{whose}") if known else secrets.token_urlsafe(12)
        said = filled(question.body, {"name": name, "secret": secret, "tenant": asker})
        body = (urlencode(said) if question.form else json.dumps(said)).encode() if said else b""
        operation = replace(question.operation, path=question.operation.path.replace("{name}", quote(name, safe="")))
        return self._by(asker, question, operation, body=body)

    def _by(self, asker: str, question: Question, operation: Operation, record: str = "", body: bytes = b"") -> Request:
        kind = "application/x-www-form-urlencoded" if question.form else "application/json"
        who = question.principal
        return self.target.request(
            operation,
            tenant=asker if who else "",
            record=record,
            bearer=self.target.bearer(asker, who) if who else "",
            headers=(("Content-Type", kind),) if body else (),
            body=body,
            principal=f"{asker}/{who}" if who else NOBODY,
            probe=new_probe(),
        )

    def _nobody(self, like: str) -> str:
        return nobody_like(like, {name.partition("@")[0] for name in self._known})


def nobody_like(name: str, known: Container[str]) -> str:
    """A name that nobody has, of the make of another; of an address, only what stands before the @ is another."""
    local, at, domain = name.partition("@")
    return stranger_tenant(local, known) + at + domain


def _askers(question: Question) -> tuple[str, ...]:
    return tuple(question.known) if question.principal else (NOBODY,)


def _pairs(question: Question) -> Iterator[tuple[str, str]]:
    for asker in _askers(question):
        yield from ((asker, victim) for victim in question.known if victim != asker)


def _of(question: Question) -> str:
    return "X109 a name that is taken" if question.unique else "X108 a name that is known"


def masked(question: Question, name: str, request: Request, answer: Answer) -> list[str]:
    """What an answer may say that no other does: the name that was asked for, and what is new every time."""
    said = json_object(answer.body)
    fresh = [said[member] for member in (question.member, *question.varying) if member in said]
    cookies = [
        value.partition(";")[0].partition("=")[2] for key, value in answer.headers if key.lower() == "set-cookie"
    ]
    return [name, request.probe, *(str(each) for each in fresh if isinstance(each, str | int)), *cookies]
