"""The support desk: break-glass access as a state machine whose every step is in the tenant's own database."""

from __future__ import annotations

import secrets
from typing import TypeAlias

import msgspec

from venturi.support import asking, rows
from venturi.support.errors import refusal
from venturi.support.model import VERBS, Grant, Person, State, SupportRequest, digest_of, stamp
from venturi.support.notices import Notice, NoticeUnavailable
from venturi.support.paperwork import Paperwork, View
from venturi.support.record import Context, record

Views: TypeAlias = list[View]


class SupportDesk(Paperwork):
    """Takes requests, answers, activations and their ends, and says at every read whether a grant holds.

    `pools` and `trails` map each tenant to its own; a request lives in the database of the tenant that it is about,
    and changes there in one transaction with its trail event and its notice. `clock` tells seconds since 1970.
    """

    # -- what the vendor's people do ----------------------------------------------------------------------------------

    async def request(
        self,
        principal: Person,
        tenant_id: str,
        scope: object,
        duration_seconds: object,
        reason: object,
        ticket: object,
        context: Context | None = None,
    ) -> View:
        """Ask for access to a tenant's data. Raises INSUFFICIENT_SCOPE, NOT_FOUND or INVALID_REQUEST."""
        await self.open()
        if not self.may_request(principal):
            raise refusal("INSUFFICIENT_SCOPE", "only support asks for support access")
        if tenant_id not in self._pools:
            raise refusal("NOT_FOUND", "no such tenant")
        request = self._drawn(principal, tenant_id, scope, duration_seconds, reason, ticket)
        async with self._trails[tenant_id].transaction() as (connection, append):
            await rows.insert(connection, request)
            now = request.requested_at
            await append(record("support.requested", request, principal, context, now))
            await self._notifier.queue(connection, request, "requested", principal.id, now)
        self._homes[request.id] = tenant_id
        self._tell(tenant_id)
        return self._view(request)

    async def activate(self, principal: Person, request_id: str, mfa: object, context: Context | None = None) -> View:
        """Begin an approved access, once, after the tenant was told.

        Raises NOT_FOUND, MFA_REQUIRED, NOT_APPROVED, CONFLICT, or NOTICE_UNAVAILABLE when the tenant can't be told;
        then access has not begun.
        """
        tenant = await self._home(request_id)
        presented = await self._present(tenant, mfa)
        request = await self._settled(tenant, request_id)
        async with self._recording("support.activate", request, principal, context):
            if not self.is_holder(principal, request):
                raise refusal("NOT_FOUND", "the request is somebody else's")
            await self._prove(principal, request, "activate", presented)
            notice, claim = await self._claim(principal, request, context)
            await self._announce(tenant, notice, claim, request_id)
            active = await self._begin(principal, request_id, tenant, notice, claim, context)
        self._end_later(active)
        return self._view(active)

    async def withdraw(self, principal: Person, request_id: str, context: Context | None = None) -> View:
        """Take back one's own request before it is active. Raises NOT_FOUND or CONFLICT."""
        tenant = await self._home(request_id)
        request = await self._settled(tenant, request_id)
        async with self._recording("support.withdraw", request, principal, context):
            if not self.is_holder(principal, request):
                raise refusal("NOT_FOUND", "the request is somebody else's")
            return await self._finish(principal, request, "withdrawn", {"requested", "approved"}, context)

    # -- what the tenant's people do ----------------------------------------------------------------------------------

    async def approve(
        self,
        principal: Person,
        tenant: str,
        request_id: str,
        digest: object,
        mfa: object,
        context: Context | None = None,
    ) -> View:
        """The tenant's yes to the request with exactly this digest; the time of access begins to run.

        Raises NOT_FOUND, INSUFFICIENT_SCOPE, MFA_REQUIRED or CONFLICT.
        """
        await self._at(tenant, request_id)
        presented = await self._present(tenant, mfa)
        request = await self._settled(tenant, request_id)
        async with self._recording("support.approve", request, principal, context):
            if not self.may_approve(principal, request):
                raise refusal("INSUFFICIENT_SCOPE", "only an approver of the tenant who did not ask may approve")
            await self._prove(principal, request, "approve", presented)
            if not self.is_digest(digest, request):
                raise refusal("CONFLICT", "the digest is of another request")
            return await self._approve(principal, request, context)

    async def deny(self, principal: Person, tenant: str, request_id: str, context: Context | None = None) -> View:
        """The tenant's no. Raises NOT_FOUND, INSUFFICIENT_SCOPE or CONFLICT."""
        await self._at(tenant, request_id)
        request = await self._settled(tenant, request_id)
        async with self._recording("support.deny", request, principal, context):
            if not self.speaks_for_tenant(principal, request):
                raise refusal("INSUFFICIENT_SCOPE", "only an approver of the tenant may deny")
            return await self._finish(principal, request, "denied", {"requested"}, context)

    async def revoke(
        self, principal: Person, tenant: str | None, request_id: str, context: Context | None = None
    ) -> View:
        """End an approved or active access, as the tenant or, without `tenant`, as who holds it.

        Raises NOT_FOUND or CONFLICT. The next read under the grant is refused.
        """
        home = await self._at(tenant, request_id) if tenant else await self._home(request_id)
        request = await self._settled(home, request_id)
        async with self._recording("support.revoke", request, principal, context):
            if not self.may_revoke(principal, request):
                raise refusal("NOT_FOUND", "the request is somebody else's")
            return await self._finish(principal, request, "revoked", {"approved", "active"}, context)

    async def list(self, principal: Person, tenant: str) -> Views:
        """The requests about a tenant that the principal may see, the newest first."""
        await self.open()
        if tenant not in self._pools:
            raise refusal("NOT_FOUND", "no such tenant")
        async with rows.borrowed(self._pools[tenant]) as connection:
            known = await rows.every(connection)
        seen = [request for request in known if self.may_see(principal, request)]
        return [self._view(await self._settled(tenant, request.id)) for request in seen]

    # -- what both do -------------------------------------------------------------------------------------------------

    async def get(self, principal: Person, request_id: str) -> View:
        """A request. Raises NOT_FOUND also for what the principal may not see."""
        return self._view(await self._seen(principal, request_id))

    async def challenge(self, principal: Person, request_id: str, verb: str) -> View:
        """A challenge for the principal's own second factor, for one step of one request, once, not for long.

        Raises INVALID_REQUEST for another verb, NOT_FOUND for a request that the principal may not see.
        """
        if verb not in VERBS:
            raise refusal("INVALID_REQUEST", "verb: approve or activate")
        request = await self._seen(principal, request_id)
        now = self._clock()
        given = rows.Challenge(
            principal=principal.id,
            person=principal.person,
            verb=verb,
            request=request.id,
            digest=request.digest,
            issued_at=now,
            expires_at=self.challenge_ends(now),
        )
        challenge = secrets.token_urlsafe(32)
        async with rows.borrowed(self._pools[request.tenant]) as connection:
            await rows.issue(connection, challenge, given)
        return {"challenge": challenge, "expires_at": stamp(given.expires_at)}

    async def authorize(
        self,
        principal: Person,
        tenant: str,
        request_id: str,
        scope: str,
        context: Context | None = None,  # noqa: ARG002  # what an override may want
    ) -> Grant:
        """The grant, when it holds at this moment for this read; asked of the database every time.

        Raises NO_GRANT. The caller records the read, allowed or not, in the tenant's trail (`context` is unused).
        """
        await self.open()
        if tenant not in self._pools:
            raise refusal("NO_GRANT", "no such tenant")
        request = await self.looked_up(tenant, request_id)
        if request is None:
            raise refusal("NO_GRANT", "no such grant here")
        if why := self.why_not(principal, request, tenant, scope, self._clock()):
            raise refusal("NO_GRANT", why)
        return self.grant(request)

    # -- how it is done ------------------------------------------------------------------------------------------------

    async def looked_up(self, tenant: str, request_id: str) -> SupportRequest | None:
        """The request as the tenant's own database has it now; never remembered from before, never from elsewhere."""
        async with rows.borrowed(self._pools[tenant]) as connection:
            return await rows.find(connection, request_id)

    def _drawn(
        self, who: Person, tenant: str, scope: object, seconds: object, reason: object, ticket: object
    ) -> SupportRequest:
        now = self._clock()
        request = SupportRequest(
            id=f"sr_{secrets.token_hex(16)}",
            tenant=tenant,
            requester=who.id,
            requester_person=who.person,
            scope=asking.check_scope(scope),
            duration=asking.check_duration(seconds, self.settings),
            reason=asking.check_reason(reason),
            ticket=asking.check_ticket(ticket),
            digest="",
            requested_at=now,
            state="requested",
            changed_at=now,
        )
        return msgspec.structs.replace(request, digest=digest_of(request))

    async def _approve(self, who: Person, asked: SupportRequest, context: Context | None) -> View:
        async with self._trails[asked.tenant].transaction() as (connection, append):
            request = await self._locked(connection, asked.id)
            now = self._clock()
            self.check_approval(request, now)
            moved = await self._move(
                connection,
                append,
                request,
                "approved",
                "support.approved",
                who,
                context,
                now,
                approver=who.id,
                approver_person=who.person,
                approved_digest=request.digest,
                approved_at=now,
                ends_at=self.window(request, now),
            )
        self._tell(asked.tenant)
        return self._view(moved)

    async def _finish(
        self, who: Person, asked: SupportRequest, state: State, leads_from: set[State], context: Context | None
    ) -> View:
        async with self._trails[asked.tenant].transaction() as (connection, append):
            request = await self._locked(connection, asked.id)
            if request.state not in leads_from:
                raise refusal("CONFLICT", f"the request is {request.state}")
            now = self._clock()
            moved = await self._move(connection, append, request, state, f"support.{state}", who, context, now)
        self._tell(asked.tenant)
        return self._view(moved)

    async def _claim(self, who: Person, asked: SupportRequest, context: Context | None) -> tuple[Notice, float]:
        """Let one activation through; the lock on the row is let go before the topic is asked, which takes long."""
        async with self._trails[asked.tenant].transaction() as (connection, append):
            request = await self._locked(connection, asked.id)
            now = self._clock()
            self.check_activation(request, now)
            if self.is_claimed(request, now):
                raise refusal("CONFLICT", "an activation is under way")
            await rows.change(connection, request.id, claimed_at=now)
            await append(record("support.activating", request, who, context, now, factor=True))
            return await self._notifier.queue(connection, request, "activated", who.id, now), now

    async def _announce(self, tenant: str, notice: Notice, claim: float, request_id: str) -> None:
        try:
            await self._notifier.send(notice)
        except NoticeUnavailable as problem:
            async with rows.borrowed(self._pools[tenant]) as connection, connection.transaction():
                request = await self._locked(connection, request_id)
                if request.claimed_at == claim and request.state == "approved":
                    await rows.change(connection, request_id, claimed_at=None)
                await self._notifier.drop(connection, notice, self._clock())
            raise refusal("NOTICE_UNAVAILABLE", str(problem)) from problem

    async def _begin(
        self, who: Person, request_id: str, tenant: str, notice: Notice, claim: float, context: Context | None
    ) -> SupportRequest:
        async with self._trails[tenant].transaction() as (connection, append):
            request = await self._locked(connection, request_id)
            now = self._clock()
            self.check_activation(request, now)
            if request.claimed_at != claim:
                raise refusal("CONFLICT", "another activation took over")
            await self._notifier.sent(connection, notice, now)
            return await self._move(
                connection, append, request, "active", "support.activated", who, context, now, activated_at=now
            )
