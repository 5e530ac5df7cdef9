"""A request for support access: what was asked for, what became of it, and the digest that everybody signs."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
import rfc8785

State: TypeAlias = Literal["requested", "approved", "active", "ended", "denied", "withdrawn", "revoked", "expired"]
Verb: TypeAlias = Literal["approve", "activate"]
VERBS: tuple[Verb, ...] = ("approve", "activate")
FINAL: frozenset[State] = frozenset({"ended", "denied", "withdrawn", "revoked", "expired"})
"""States that nothing leads out of."""


class Person(Protocol):
    """Who asks the desk for something; identity's Principal is one."""

    @property
    def id(self) -> str:
        """Unique over all issuers."""

    @property
    def tenant(self) -> str | None:
        """None for the vendor's people."""

    @property
    def kind(self) -> str:
        """`tenant` or `support`."""

    @property
    def person(self) -> str:
        """The human being, who may have several principals."""

    @property
    def scopes(self) -> frozenset[str]:
        """What the token allows."""


class SupportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `support_requests`; times in seconds since 1970, `duration` in seconds."""

    id: str
    tenant: str
    requester: str
    requester_person: str
    scope: tuple[str, ...]
    duration: int
    reason: str
    ticket: str
    digest: str
    requested_at: float
    state: State
    changed_at: float
    approver: str | None = None
    approver_person: str | None = None
    approved_digest: str | None = None
    approved_at: float | None = None
    ends_at: float | None = None
    claimed_at: float | None = None
    """When an activation began whose notice is on its way; nobody else may begin one meanwhile."""
    activated_at: float | None = None
    announced: bool = False
    """Whether the tenant's topic took the notice of the activation."""

    def view(self, deadline: float) -> dict[str, Any]:  # JSON
        """What the API shows; `deadline` is when the request lapses if nobody approves it."""
        return {
            "id": self.id,
            "state": self.state,
            "digest": self.digest,
            "tenant_id": self.tenant,
            "scope": list(self.scope),
            "duration_seconds": self.duration,
            "reason": self.reason,
            "ticket": self.ticket,
            "requested_by": self.requester,
            "requested_at": stamp(self.requested_at),
            "lapses_at": stamp(deadline),
            "approved_by": self.approver,
            "approved_at": stamp(self.approved_at),
            "activated_at": stamp(self.activated_at),
            "ends_at": stamp(self.ends_at),
        }


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Access that was found to hold at one moment; it says nothing about the next."""

    request_id: str
    tenant: str
    digest: str
    ticket: str
    scope: tuple[str, ...]
    approver: str
    ends_at: float


def digest_of(request: SupportRequest) -> str:
    """`sha256:` and hex over who asks, for which tenant, what, how long and why, as canonical JSON (RFC 8785)."""
    said: dict[str, Any] = {  # JSON
        "schema": "venturi.support/1",
        "id": request.id,
        "tenant": request.tenant,
        "requester": request.requester,
        "requester_person": request.requester_person,
        "scope": sorted(request.scope),
        "duration_seconds": request.duration,
        "reason": request.reason,
        "ticket": request.ticket,
    }
    return f"sha256:{hashlib.sha256(rfc8785.dumps(said)).hexdigest()}"


def stamp(moment: float | None) -> str | None:
    """A time as the API says it (RFC 3339, UTC)."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
