"""The decisions about support access, each a small one: who may, when, for how long, and whether it still holds."""

from __future__ import annotations

import hmac

from venturi.settings import SupportSettings
from venturi.support.errors import refusal
from venturi.support.model import Grant, Person, State, SupportRequest, digest_of
from venturi.support.rows import Challenge

_MOST_CHALLENGE_SECONDS = 300
_CLAIM_SECONDS = 15.0


class Rules:
    """The desk's judgement, without its paperwork. Every method decides one thing from what it is given."""

    settings: SupportSettings

    def may_request(self, who: Person) -> bool:
        """Whether somebody may ask for support access at all."""
        return who.kind == "support" and "support:request" in who.scopes

    def may_see(self, who: Person, request: SupportRequest) -> bool:
        """Whether a request exists as far as somebody is concerned."""
        return self.is_holder(who, request) or self.speaks_for_tenant(who, request)

    def is_holder(self, who: Person, request: SupportRequest) -> bool:
        """Whether somebody is who asked: the same principal, and still the same human being behind it."""
        return who.kind == "support" and (who.id, who.person) == (request.requester, request.requester_person)

    def speaks_for_tenant(self, who: Person, request: SupportRequest) -> bool:
        """Whether somebody is an approver of the tenant that was asked."""
        return who.kind == "tenant" and who.tenant == request.tenant and "support:approve" in who.scopes

    def is_same_person(self, who: Person, request: SupportRequest) -> bool:
        """Whether somebody is the human being who asked, under whatever principal."""
        return who.id == request.requester or who.person == request.requester_person

    def may_approve(self, who: Person, request: SupportRequest) -> bool:
        """Whether somebody may say yes for the tenant: an approver of it who is not who asked."""
        return self.speaks_for_tenant(who, request) and not self.is_same_person(who, request)

    def may_revoke(self, who: Person, request: SupportRequest) -> bool:
        """Whether somebody may end an access: the tenant, or who holds it."""
        return self.may_see(who, request)

    def is_expired(self, request: SupportRequest, now: float) -> bool:
        """Whether the time that was approved is over; at its last instant it is."""
        return request.ends_at is None or now >= request.ends_at

    def lapses_at(self, request: SupportRequest) -> float:
        """When a request that nobody answered lapses."""
        return request.requested_at + self.settings.request_seconds

    def due(self, request: SupportRequest, now: float) -> State | None:
        """The final state that time alone has brought a request to, None while it has brought it to none."""
        match request.state:
            case "requested":
                return "expired" if now >= self.lapses_at(request) else None
            case "approved":
                return "expired" if self.is_expired(request, now) else None
            case "active":
                return "ended" if self.is_expired(request, now) else None
            case _:
                return None

    def window(self, request: SupportRequest, approved_at: float) -> float:
        """When access ends. The clock starts at the approval, so activating late gains nothing."""
        return approved_at + min(request.duration, self.settings.max_seconds)

    def challenge_ends(self, issued_at: float) -> float:
        """Until when a challenge may be presented."""
        return issued_at + min(self.settings.challenge_seconds, _MOST_CHALLENGE_SECONDS)

    def fits(self, challenge: Challenge, who: Person, request: SupportRequest, verb: str, now: float) -> bool:
        """Whether a challenge was given out for exactly this: this person, step, request and digest, not long ago."""
        given = (challenge.principal, challenge.person, challenge.verb, challenge.request, challenge.digest)
        return given == (who.id, who.person, verb, request.id, request.digest) and now < challenge.expires_at

    def is_digest(self, digest: object, request: SupportRequest) -> bool:
        """Whether the approver saw this very request: who, for whom, what, how long and why."""
        return isinstance(digest, str) and hmac.compare_digest(digest.encode(), digest_of(request).encode())

    def is_as_approved(self, request: SupportRequest) -> bool:
        """Whether the request is still the one that was approved."""
        return request.approved_digest is not None and self.is_digest(request.approved_digest, request)

    def check_approval(self, request: SupportRequest, now: float) -> None:
        """Raise CONFLICT unless the request waits for an answer."""
        if request.state != "requested" or self.due(request, now):
            raise refusal("CONFLICT", f"the request is {request.state}")

    def check_activation(self, request: SupportRequest, now: float) -> None:
        """Raise NOT_APPROVED or CONFLICT unless the request is approved, unchanged, in time and not activated yet."""
        if request.state in {"requested", "denied"}:
            raise refusal("NOT_APPROVED", f"the request is {request.state}")
        if request.state != "approved" or self.is_expired(request, now):
            raise refusal("CONFLICT", f"the request is {request.state}")
        if not self.is_as_approved(request):
            raise refusal("NOT_APPROVED", "the request is not what was approved")

    def is_claimed(self, request: SupportRequest, now: float) -> bool:
        """Whether an activation is under way; one whose process died stops counting after a while."""
        return request.claimed_at is not None and now - request.claimed_at < _CLAIM_SECONDS

    def is_active(self, request: SupportRequest) -> bool:
        """Whether access was begun and not ended by anybody."""
        return request.state == "active"

    def is_announced(self, request: SupportRequest) -> bool:
        """Whether the tenant was told before the first byte."""
        return request.announced

    def covers(self, request: SupportRequest, tenant: str, scope: str) -> bool:
        """Whether the request is for this tenant and this kind of access."""
        return request.tenant == tenant and scope in request.scope

    def why_not(self, who: Person, request: SupportRequest, tenant: str, scope: str, now: float) -> str:
        """Why a request gives no access at this moment; empty when it does."""
        if not self.is_holder(who, request):
            return "the grant is somebody else's"
        if not self.covers(request, tenant, scope):
            return "the grant is for something else"
        if not self.is_active(request):
            return f"the grant is {request.state}"
        if self.is_expired(request, now):
            return "the grant has run out"
        if not self.is_as_approved(request):
            return "the grant is not what was approved"
        return "" if self.is_announced(request) else "the tenant was not told"

    def grant(self, request: SupportRequest) -> Grant:
        """What a reader of data and the trail need to know of a request that gives access."""
        return Grant(
            request_id=request.id,
            tenant=request.tenant,
            digest=request.digest,
            ticket=request.ticket,
            scope=request.scope,
            approver=request.approver or "",
            ends_at=request.ends_at or 0.0,
        )
