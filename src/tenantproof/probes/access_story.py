"""One case of support access lived through over the wire, every act as it should be or with exactly one fault."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.tokens import base64url
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Operation
from tenantproof.probes import access_faults as faults
from tenantproof.probes.access_acts import NOBODYS, READ, Act, Oracle
from tenantproof.probes.access_bodies import answered, filled, members_of_factor, needs_factor, template
from tenantproof.probes.access_cast import Cast, Someone
from tenantproof.probes.second_factor import assertion
from tenantproof.probes.sighting import access, json_object, new_probe, refusal_name, sight

_ZEROS = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Taken:
    """A step that was taken, for whoever looks it up elsewhere."""

    act: Act
    request: Request
    answer: Answer


class Story:
    """A case of `cast.tenant`, asked for a number of seconds."""

    def __init__(self, cast: Cast, seconds: int) -> None:
        self.cast, self.seconds = cast, seconds
        self.oracle = Oracle(cast.support.path)
        self.id, self.digest, self.ends = NOBODYS, "", ""
        self.history: tuple[str, ...] = ()
        self.taken: list[Taken] = []
        self.beside: list[Story] = []
        """Other cases that were opened for this one's sake and are to be ended with it."""

    @property
    def state(self) -> str:
        """The state that the case should be in."""
        return self.oracle.state(self.history)

    def live(self, steps: Iterable[str]) -> list[Observation]:
        """Take steps as they should be taken."""
        return [self.take(Act(step)) for step in steps]

    def take(self, act: Act) -> Observation:
        """Take a step or read, with the fault that the act names, and say what came of it."""
        request = self._read(act) if act.step == READ else self._step(act)
        answer = self.cast.target.wire.send(request)
        self.taken.append(Taken(act, request, answer))
        outcome, notes = self._outcome(act, answer)
        unit = Unit(request.principal, self.cast.tenant.id, "transition", f"{self.state} {act}")
        what = f"{request.principal} {_says(act)} in the state {self.state}"
        seen = sight(what, request, answer, outcome, unit=unit, notes=notes)
        if not act.fault and outcome is PERMITTED:
            self._learn(act.step, answer)
        return seen

    def challenge(self, step: str, who: Someone) -> str:
        """A fresh challenge for a step; empty when none was given."""
        answer = self.cast.target.wire.send(self.asking(step, who))
        return str(answered(self.cast.support, answer.body, "challenge") or "")

    def asking(self, step: str, who: Someone | None = None) -> Request:
        """The request for a challenge, by whoever takes the step unless it is said by whom."""
        body = filled(template(self.cast.support, "challenge"), {"step": step})
        return self._request("challenge", who or self.cast.actor(step), body)

    def ready(self, act: Act) -> Request:
        """The request of a step, ready to be sent, for whoever wants to choose the moment."""
        return self._step(act)

    def outcome(self, answer: Answer) -> Outcome:
        """What the answer to a step comes to."""
        return self._outcome(Act("step"), answer)[0]

    def aside(self, history: Iterable[str], *, asker: Someone | None = None, cast: Cast | None = None) -> Story:
        """Another case, brought as far as the history says; of somebody else or about another tenant on demand."""
        other = Story(cast or Cast(self.cast.target, self.cast.tenant, self.cast.other), self.seconds)
        if asker:
            other.cast.asker, other.cast.colleague = asker, self.cast.asker
        other.live(history)
        return other

    # How a step is put together

    def _step(self, act: Act) -> Request:
        legal = self.cast.actor(act.step)
        who = faults.actor(act, self.cast) or legal
        values: dict[str, object] = {
            "tenant": self.cast.tenant.id,
            "seconds": self.seconds,
            "id": self.id,
            "digest": self._said_digest(act),
        }
        body = dict(template(self.cast.support, act.step))
        if needs_factor(self.cast.support, act.step):
            values |= self._factor(act, who, legal)
        for member in members_of_factor(self.cast.support, act.step):
            if act.fault == faults.NO_FACTOR:
                del body[member]
            elif act.fault == faults.NULL_FACTOR:
                body[member] = None
        if act.fault == faults.NO_DIGEST:
            body = {name: value for name, value in body.items() if value != "{digest}"}
        return self._request(act.step, who, filled(body, values), act)

    def _said_digest(self, act: Act) -> str:
        if act.fault == faults.DIGEST_OF_ZEROS:
            return _ZEROS
        return self.aside(self.history).digest if act.fault == faults.DIGEST_OF_ANOTHER else self.digest

    def _factor(self, act: Act, who: Someone, legal: Someone) -> dict[str, object]:
        signer = who if who.principal.mfa else legal
        beside = self.aside(self.history) if act.fault in faults.NEED_ANOTHER_CASE else self
        challenge = self._challenge(act, signer, beside) or self.challenge(act.step, legal)
        step, about, digest = act.step, self, self.digest
        if act.fault == faults.SIGNED_FOR_ANOTHER_STEP:
            step = faults.another_step(act.step, self.cast.support)
        elif act.fault == faults.SIGNED_FOR_ANOTHER_CASE:
            about, digest = beside, beside.digest
        elif act.fault == faults.SIGNED_FOR_ANOTHER_DIGEST:
            digest = _ZEROS
        elif act.fault == faults.SIGNED_BY_ANOTHER:
            signer = self.cast.counterpart(signer)
        made = self.signed(signer, step, challenge, of=about, digest=digest)
        if act.fault == faults.PRESENTED_BEFORE:
            self._present(act.step, legal, challenge)
        return dict(made)

    def _challenge(self, act: Act, who: Someone, beside: Story) -> str:
        if act.fault == faults.CHALLENGE_NEVER_GIVEN:
            return base64url(secrets.token_bytes(32))
        if act.fault == faults.CHALLENGE_OF_ANOTHER_PERSON:
            return self.challenge(act.step, self.cast.opposite(who))
        if act.fault == faults.CHALLENGE_FOR_ANOTHER_STEP:
            return self.challenge(faults.another_step(act.step, self.cast.support), who)
        if act.fault == faults.CHALLENGE_OF_ANOTHER_CASE:
            return beside.challenge(act.step, who)
        return self.challenge(act.step, who)

    def _present(self, step: str, who: Someone, challenge: str) -> None:
        """Use a challenge up in a step that is refused for its signature alone."""
        wrong = self.signed(self.cast.counterpart(who), step, challenge)
        values = {"tenant": self.cast.tenant.id, "id": self.id, "digest": self.digest, **wrong}
        self.cast.target.wire.send(self._request(step, who, filled(template(self.cast.support, step), values)))

    def signed(
        self, who: Someone, step: str, challenge: str, *, of: Story | None = None, digest: str | None = None
    ) -> dict[str, str]:
        """A second factor of somebody for a step of this case, unless it is said to be for another."""
        about = of or self
        return assertion(
            who.principal,
            who.name,
            verb=step,
            request=about.id,
            digest=self.digest if digest is None else digest,
            challenge=challenge,
            message=self.cast.support.factor_message,
        )

    def _request(self, step: str, who: Someone, body: object, act: Act | None = None) -> Request:
        at = self.cast.other if act and act.fault in faults.AT_ANOTHER_TENANT else self.cast.tenant
        return self.cast.target.request(
            self._operation(step),
            tenant=at.id,
            record=NOBODYS if act and act.fault == faults.CASE_NEVER_MADE else self.id,
            bearer=self.cast.bearer(who),
            headers=(("Content-Type", "application/json"),),
            body=json.dumps(body).encode(),
            principal=who.name,
            probe=new_probe(),
        )

    def _operation(self, step: str) -> Operation:
        operation = self.cast.support.operations.get(step)
        if operation is None:
            raise UsageError(f'support.operations has no "{step}"; add its method and path to the profile')
        return operation

    # How data is read

    def _read(self, act: Act) -> Request:
        named = faults.grants(act, self)
        operation = faults.read_operation(act)
        at = self.cast.other if act.fault in faults.AT_ANOTHER_TENANT else self.cast.tenant
        who = faults.actor(act, self.cast) or self.cast.asker
        headers: Headers = tuple((self.cast.support.grant_header, each) for each in named)
        found = self.cast.target.operation(operation)
        return self.cast.target.request(
            found,
            tenant=at.id,
            record=at.records[0].id,
            query=f"grant={self.id}" if act.fault == faults.GRANT_IN_THE_QUERY else "",
            bearer=self.cast.bearer(who),
            headers=headers if found.method == "GET" else (*headers, ("Content-Type", "application/json")),
            body=b"" if found.method == "GET" else b"{}",
            principal=who.name,
            probe=new_probe(),
        )

    # What came of it

    def _outcome(self, act: Act, answer: Answer) -> tuple[Outcome, tuple[str, ...]]:
        http = self.cast.target.profile.http
        if act.step == READ and faults.read_operation(act) in ("read", "list"):
            # Of the page's record only one tenant's canary may come back, and only where the case is about it.
            own = [record.canary for record in self.cast.tenant.records]
            foreign = [each for canaries in self.cast.target.canaries.values() for each in canaries if each not in own]
            outcome, notes = access(answer, http, wanted=own, foreign=foreign, refusal="grant")
            if outcome is UNCLEAR and (name := refusal_name(answer, http)):
                return REFUSED, (f"refused as {name}",)
            return outcome, notes
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        every = [each for canaries in self.cast.target.canaries.values() for each in canaries]
        if 200 <= answer.status < 300 and (json_object(answer.body) or act.step == READ):
            return PERMITTED, ()
        if found_in(answer, every):
            return PERMITTED, ("a canary came back with a refusal",)
        if name := refusal_name(answer, http):
            return REFUSED, (f"refused as {name}",)
        return UNCLEAR, (f"answered {answer.status}, which the profile names no refusal for",)

    def _learn(self, step: str, answer: Answer) -> None:
        if step == READ:
            return
        support = self.cast.support
        if step == self.oracle.path[0]:
            self.id = str(answered(support, answer.body, "id") or NOBODYS)
            self.digest = str(answered(support, answer.body, "digest") or "")
        self.ends = str(answered(support, answer.body, "ends") or self.ends)
        self.history = (*self.history, step)


def _says(act: Act) -> str:
    verb = "reads" if act.step == READ else f"tries to {act.step}"
    return f"{verb}, {act.fault}," if act.fault else verb
