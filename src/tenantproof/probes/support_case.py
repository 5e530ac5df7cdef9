"""One case of support access, step by step: ask, approve, activate, read, and the ways each can go wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import PERMITTED, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Principal, Record, Support, Tenant
from tenantproof.probes.access_acts import NOBODYS
from tenantproof.probes.second_factor import assertion
from tenantproof.probes.sighting import access, json_object, new_probe, refusal_name, sight

__all__ = ["NOBODYS", "Case"]


@dataclass
class Case:
    """A case for one tenant's data, asked for by one of the vendor's people. Steps return what was seen."""

    target: Target
    tenant: Tenant
    asker: str
    seconds: int
    approver: str = "approver"
    """The tenant's principal that approves."""
    id: str = NOBODYS
    digest: str = ""
    ends_at: str = ""
    steps: list[tuple[str, Request, Answer]] = field(default_factory=list)
    """(step, request, answer) of every step so far, for whoever looks them up in a trail."""

    @property
    def support(self) -> Support:
        """The profile's [support]."""
        if self.target.profile.support is None:
            raise UsageError("the profile has no [support]; add it to have support access assessed")
        return self.target.profile.support

    @property
    def record(self) -> Record:
        """The record that the case is about."""
        return self.tenant.records[0]

    def legal_path(self) -> list[Observation]:
        """Ask, approve, activate: each as it should be."""
        return [self.ask(), self.approve(), self.activate()]

    def ask(self, seconds: int = 0) -> Observation:
        """Ask for access for a time."""
        body = {
            "tenant_id": self.tenant.id,
            "scope": ["attributions:read"],
            "duration_seconds": seconds or self.seconds,
            "reason": "isolation audit",
            "ticket": "AUDIT-1",
        }
        answer, seen = self._step("request", body, f"{self.asker} asks for access to {self.tenant.id}", self._asker())
        made = json_object(answer.body)
        self.id = str(made.get("id") or NOBODYS)
        self.digest = str(made.get("digest") or "")
        return seen

    def approve(
        self, *, by: Tenant | None = None, digest: str = "", mfa: bool = True, verb: str = "approve"
    ) -> Observation:
        """The tenant's approver, or another tenant's, approves."""
        approver = by or self.tenant
        body: dict[str, Any] = {"digest": digest or self.digest}
        if mfa:
            challenge = self.challenge("approve", approver)
            body["mfa"] = self.sign(approver.principals[self.approver], f"{approver.id}, approver", verb, challenge)
        what = f"{approver.id}'s approver approves{'' if mfa else ' without a second factor'}"
        return self._step("approve", body, what, self._approver(approver))[1]

    def approve_oneself(self) -> Observation:
        """Whoever asked approves in the tenant's stead."""
        body: dict[str, Any] = {"digest": self.digest}
        challenge = self.challenge("approve", None)
        body["mfa"] = self.sign(self._person(self.asker), self.asker, "approve", challenge)
        return self._step("approve", body, f"{self.asker} approves its own request", self._asker())[1]

    def approve_with(self, factor: dict[str, str], how: str) -> Observation:
        """The tenant's approver approves with this for a second factor."""
        body = {"digest": self.digest, "mfa": factor}
        what = f"{self.tenant.id}'s {self.approver} approves {how}"
        return self._step("approve", body, what, self._approver(self.tenant))[1]

    def deny(self) -> Observation:
        """The tenant's approver denies."""
        return self._step("deny", {}, f"{self.tenant.id}'s approver denies", self._approver(self.tenant))[1]

    def revoke(self) -> Observation:
        """The tenant's approver ends the access."""
        return self._step("revoke", {}, f"{self.tenant.id}'s approver revokes", self._approver(self.tenant))[1]

    def activate(
        self, *, mfa: bool = True, signer: str = "", verb: str = "activate", challenge: str = "", of: Case | None = None
    ) -> Observation:
        """Whoever asked activates: with its own factor, unless told otherwise, for this case, unless told otherwise."""
        body: dict[str, Any] = {}
        if mfa:
            asked = of or self
            given = challenge or asked.challenge("activate", None)
            who = signer or self.asker
            body["mfa"] = asked.sign(self._person(who), who, verb, given)
        answer, seen = self._step(
            "activate", body, f"{self.asker} activates{_how(mfa, signer, verb, of)}", self._asker()
        )
        self.ends_at = str(json_object(answer.body).get("ends_at") or "")
        return seen

    def challenge(self, verb: str, approver: Tenant | None) -> str:
        """A fresh challenge for the tenant's approver, or for whoever asked; empty when none was given."""
        bearer = self._approver(approver) if approver else self._asker()
        operation = self.support.operations["challenge"]
        request = self.target.request(
            operation,
            record=self.id,
            bearer=bearer,
            headers=(("Content-Type", "application/json"),),
            body=json.dumps({"verb": verb}).encode(),
            principal=approver.id if approver else self.asker,
            probe=new_probe(),
        )
        return str(json_object(self.target.wire.send(request).body).get("challenge") or "")

    def sign(self, principal: Principal, who: str, verb: str, challenge: str) -> dict[str, str]:
        """The second factor of a principal over a challenge, for a step of this case."""
        return assertion(principal, who, verb=verb, request=self.id, digest=self.digest, challenge=challenge)

    def read(self, *, as_: str = "", at: Tenant | None = None, grant: str | None = None) -> Observation:
        """One of the vendor's people reads a record of the tenant, naming the case as its grant."""
        person, where = as_ or self.asker, at or self.tenant
        named = self.id if grant is None else grant
        record = where.records[0]
        headers = ((self.support.grant_header, named),) if named else ()
        request = self.target.request(
            self.target.operation("read"),
            tenant=where.id,
            record=record.id,
            bearer=self.target.support_bearer(person),
            headers=headers,
            principal=person,
            probe=new_probe(),
        )
        answer = self.target.wire.send(request)
        self.steps.append(("read", request, answer))
        canaries = [record.canary for tenant in self.target.profile.tenants for record in tenant.records]
        foreign = [canary for canary in canaries if canary != record.canary]
        outcome, notes = access(
            answer, self.target.profile.http, wanted=[record.canary], foreign=foreign, refusal="grant"
        )
        how = "without a grant" if not named else "under its case" if named == self.id else "under another grant"
        return sight(f"{person} reads a record of {where.id} {how}", request, answer, outcome, notes=notes)

    def _step(self, name: str, body: dict[str, Any], what: str, bearer: str) -> tuple[Answer, Observation]:
        operation = self.support.operations.get(name)
        if operation is None:
            raise UsageError(f'support.operations has no "{name}"; add its method and path to the profile')
        request = self.target.request(
            operation,
            tenant=self.tenant.id,
            record=self.id,
            bearer=bearer,
            headers=(("Content-Type", "application/json"),),
            body=json.dumps(body).encode(),
            principal=what.split(" ", 1)[0],
            probe=new_probe(),
        )
        answer = self.target.wire.send(request)
        self.steps.append((name, request, answer))
        outcome, notes = self._outcome(answer)
        return answer, sight(what, request, answer, outcome, notes=notes)

    def _outcome(self, answer: Answer) -> tuple[Outcome, tuple[str, ...]]:
        if not answer.is_whole:
            return UNANSWERED, (answer.failure or answer.malformed,)
        if 200 <= answer.status < 300 and json_object(answer.body):
            return PERMITTED, ()
        if name := refusal_name(answer, self.target.profile.http):
            return REFUSED, (f"refused as {name}",)
        return UNCLEAR, (f"answered {answer.status}, which the profile names no refusal for",)

    def _asker(self) -> str:
        return self.target.support_bearer(self.asker)

    def _approver(self, tenant: Tenant) -> str:
        return self.target.bearer(tenant.id, self.approver)

    def _person(self, name: str) -> Principal:
        return self.support.principals[name]


def _how(mfa: bool, signer: str, verb: str, of: Case | None) -> str:
    if not mfa:
        return " without a second factor"
    if signer:
        return f" with the factor of {signer}"
    if verb != "activate":
        return f" with an assertion for {verb}"
    return " with an assertion for another case" if of else ""
