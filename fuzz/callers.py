"""Who may carry out an operation, told from the scopes that the contract names, and what there is to ask for."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation

from tenantproof.clients.exchange import Answer, Headers, Request
from tenantproof.clients.target import Target
from tenantproof.model.profile import Principal

Operation = Any  # a part of the contract
Json = Any  # a body


def wrong_in(case: Case[Any], place: ParameterLocation) -> bool:
    """Whether a part of the request is one that the contract rules out."""
    return case.meta is not None and case.meta.is_negative_at(place)


def scopes_of(operation: Operation) -> frozenset[str]:
    """The scopes of which one is needed."""
    said = operation.get("description", "").replace(",", " ").replace(".", " ").split()
    return frozenset(word for word in said if ":" in word)


@dataclass
class Callers:
    """Everybody who has a token, and one thing of each kind that is there."""

    target: Target
    tenant: str
    """Whose people they are, beside the vendor's."""
    known: dict[str, str] = field(default_factory=dict)
    """The path of a collection to the id of something in it."""

    def bearer(self, operation: Operation) -> str:
        """A token of somebody whom the operation lets in."""
        needed = scopes_of(operation)
        own = self.target.tenant(self.tenant).principals
        for name, principal in {**own, **self._vendors()}.items():
            if not needed or needed & set(_scopes(principal)):
                return self.target.tokens.bearer(principal, name)
        raise AssertionError(f"nobody has any of {needed}")

    def _vendors(self) -> dict[str, Principal]:
        profile = self.target.profile
        people = dict(profile.support.principals) if profile.support else {}
        if profile.aggregation:
            people["operator"] = profile.aggregation.operator
        return people

    def prepare(self) -> None:
        """See to it that there is a record, a subject, a request and a certificate to ask for."""
        root = f"/v1/tenants/{self.tenant}"
        self.known["/v1/tenants/{tenant_id}/attributions/{id}"] = self.target.tenant(self.tenant).records[0].id
        record: dict[str, Any] = {name: f"fuzz-{secrets.token_hex(6)}" for name in ("id", "subject_id")}
        record |= {"touchpoint": "t", "conversion": "c", "channel": "search", "weight": 1.0, "note": "n"}
        self.send("POST", f"{root}/imports", "attributions:write.", record, 201)
        # Where links to exports are open, of an earlier run perhaps, nothing is erased, and so there is no certificate.
        erased = self.send("DELETE", f"{root}/subjects/{record['subject_id']}", "erasure:write.", None, 200, 409)
        if "certificate" in erased:
            self.known["/v1/tenants/{tenant_id}/erasure/certificates/{id}"] = erased["certificate"]["id"]
        self.known["/v1/tenants/{tenant_id}/subjects/{id}"] = record["subject_id"]
        self.ask_for_access()

    def ask_for_access(self) -> None:
        """One more request for support access, for those operations that take one a step on."""
        asked = {
            "tenant_id": self.tenant,
            "scope": ["attributions:read"],
            "duration_seconds": 60,
            "reason": "fuzzing the desk",
            "ticket": "FUZZ-1",
        }
        made = self.send("POST", "/v1/support/requests", "support:request.", asked, 201)["id"]
        for path in ("/v1/support/requests/{id}", "/v1/tenants/{tenant_id}/support/requests/{id}"):
            for step in ("", "/challenges", "/activate", "/withdraw", "/revoke", "/approve", "/deny"):
                self.known[path + step] = made

    def send(self, method: str, path: str, scope: str, body: Json, *wanted: int) -> Json:
        """The JSON answer to a request as it should be. Raises AssertionError when it is answered otherwise."""
        headers: Headers = (("Authorization", f"Bearer {self.bearer({'description': scope})}"),)
        content = b"" if body is None else json.dumps(body).encode()
        headers += (("Content-Type", "application/json"),) if content else ()
        answer: Answer = self.target.wire.send(Request(method=method, target=path, headers=headers, body=content))
        assert answer.status in wanted, answer.body
        return json.loads(answer.body)


def _scopes(principal: Principal) -> list[str]:
    return principal.client.scope.split() if principal.client else []
