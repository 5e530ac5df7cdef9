"""Break-glass over HTTP: reads requests, asks the support desk, and words its refusals."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Collection
from typing import TYPE_CHECKING, TypeVar

import msgspec

from venturi.api.answer import Answer, json_answer
from venturi.api.errors import ApiError, invalid_request, no_grant, not_found
from venturi.api.exchange import Exchange
from venturi.api.paths import Route
from venturi.support.errors import SupportError

if TYPE_CHECKING:
    from venturi.support.desk import SupportDesk
    from venturi.support.model import Grant

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_ASKS = "/v1/support/requests"
_ANSWERS = "/v1/tenants/{tenant_id}/support/requests"
_REQUEST, _APPROVE = frozenset({"support:request"}), frozenset({"support:approve"})
_T = TypeVar("_T")
_MESSAGES = {
    "NOT_FOUND": "No such resource.",
    "NO_GRANT": "Support access to this tenant needs an active grant.",
    "MFA_REQUIRED": "A fresh second factor for exactly this step is required.",
    "NOT_APPROVED": "The tenant has not approved this request.",
    "CONFLICT": "The request is in a state that does not allow this.",
    "NOTICE_UNAVAILABLE": "The tenant could not be notified, so nothing was begun.",
    "INSUFFICIENT_SCOPE": "The token does not carry the scope that this needs.",
}
"""What the client is told for a code of the desk; any other code is worded as a refusal without detail."""


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """A request for access, for at most `duration_seconds` once it is active."""

    tenant_id: str
    scope: list[str]
    duration_seconds: int
    reason: str
    ticket: str


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What a challenge is for."""

    verb: str


class Factor(msgspec.Struct, forbid_unknown_fields=True):
    """An ES256 assertion over the challenge, both base64url."""

    challenge: str
    signature: str


class Code(msgspec.Struct, forbid_unknown_fields=True):
    """A code of an authenticator application (RFC 6238), and the challenge that says what it is for."""

    challenge: str
    code: str


class SecurityKey(msgspec.Struct, forbid_unknown_fields=True):
    """What a browser hands over of a security key (Web Authentication); bytes as base64url."""

    challenge: str
    credential: str
    client_data: str
    authenticator_data: str
    signature: str


class Approval(msgspec.Struct, forbid_unknown_fields=True):
    """The tenant's yes, to the request with exactly this digest."""

    digest: str
    mfa: dict[str, str] | None = None


class Activation(msgspec.Struct, forbid_unknown_fields=True):
    """The second factor of whoever asked."""

    mfa: dict[str, str] | None = None


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A step that takes no arguments."""


class Support:
    """`tenants` are those that exist; the desk is not asked about any other."""

    def __init__(self, desk: SupportDesk, tenants: Collection[str]) -> None:
        self._desk = desk
        self._tenants = tenants

    def routes(self) -> list[Route]:
        """The endpoints of the vendor's people, then those of the tenant's."""
        either = _REQUEST | _APPROVE
        return [
            Route("POST", _ASKS, self.ask, _REQUEST),
            Route("GET", f"{_ASKS}/{{id}}", self.state, either),
            Route("POST", f"{_ASKS}/{{id}}/challenges", self.challenge, either),
            Route("POST", f"{_ASKS}/{{id}}/activate", self.activate, _REQUEST),
            Route("POST", f"{_ASKS}/{{id}}/withdraw", self.withdraw, _REQUEST),
            Route("POST", f"{_ASKS}/{{id}}/revoke", self.give_back, _REQUEST),
            Route("GET", _ANSWERS, self.listing, _APPROVE),
            Route("POST", f"{_ANSWERS}/{{id}}/approve", self.approve, _APPROVE),
            Route("POST", f"{_ANSWERS}/{{id}}/deny", self.deny, _APPROVE),
            Route("POST", f"{_ANSWERS}/{{id}}/revoke", self.revoke, _APPROVE),
        ]

    async def granted(self, exchange: Exchange, scopes: Collection[str]) -> Grant:
        """The active grant that the caller names in `Support-Grant`. Raises ApiError, the same for every cause."""
        named = exchange.header("support-grant")
        if named is None or not _ID.fullmatch(named):
            raise no_grant("no grant named")
        if exchange.tenant not in self._tenants:
            raise no_grant("no such tenant")
        (scope,) = scopes
        try:
            return await self._desk.authorize(exchange.caller, exchange.tenant, named, scope, _context(exchange))
        except SupportError as refused:
            raise no_grant(refused.message) from None

    async def ask(self, exchange: Exchange) -> Answer:
        """Ask for access."""
        asked = _read(exchange, Ask)
        if asked.tenant_id not in self._tenants:
            raise not_found()
        made = await _worded(
            self._desk.request(
                exchange.caller,
                asked.tenant_id,
                asked.scope,
                asked.duration_seconds,
                asked.reason,
                asked.ticket,
                _context(exchange),
            )
        )
        return json_answer(made, status=201, rows=1)

    async def state(self, exchange: Exchange) -> Answer:
        """A request, for who asked and for the tenant that was asked."""
        return json_answer(await _worded(self._desk.get(exchange.caller, _id(exchange))), rows=1)

    async def challenge(self, exchange: Exchange) -> Answer:
        """A single-use challenge for the caller's own second factor."""
        wanted = _read(exchange, Wanted)
        if wanted.verb not in {"approve", "activate"}:
            raise invalid_request("verb must be approve or activate.")
        return json_answer(await _worded(self._desk.challenge(exchange.caller, _id(exchange), wanted.verb)))

    async def activate(self, exchange: Exchange) -> Answer:
        """Start the clock of an approved request."""
        given = _read(exchange, Activation)
        return json_answer(
            await _worded(self._desk.activate(exchange.caller, _id(exchange), _factor(given.mfa), _context(exchange)))
        )

    async def withdraw(self, exchange: Exchange) -> Answer:
        """Take a request back before it is active."""
        _read(exchange, Nothing)
        return json_answer(await _worded(self._desk.withdraw(exchange.caller, _id(exchange), _context(exchange))))

    async def give_back(self, exchange: Exchange) -> Answer:
        """End one's own access early."""
        _read(exchange, Nothing)
        step = self._desk.revoke(exchange.caller, None, _id(exchange), _context(exchange))
        return json_answer(await _worded(step))

    async def listing(self, exchange: Exchange) -> Answer:
        """Every request for the tenant's data."""
        found = await _worded(self._desk.list(exchange.caller, exchange.tenant))
        return json_answer({"items": found}, rows=len(found))

    async def approve(self, exchange: Exchange) -> Answer:
        """The tenant's yes."""
        given = _read(exchange, Approval)
        mfa = _factor(given.mfa)
        answered = self._desk.approve(
            exchange.caller, exchange.tenant, _id(exchange), given.digest, mfa, _context(exchange)
        )
        return json_answer(await _worded(answered))

    async def deny(self, exchange: Exchange) -> Answer:
        """The tenant's no."""
        _read(exchange, Nothing)
        return json_answer(
            await _worded(self._desk.deny(exchange.caller, exchange.tenant, _id(exchange), _context(exchange)))
        )

    async def revoke(self, exchange: Exchange) -> Answer:
        """The tenant ends an access."""
        _read(exchange, Nothing)
        return json_answer(
            await _worded(self._desk.revoke(exchange.caller, exchange.tenant, _id(exchange), _context(exchange)))
        )


def refused_by_desk(refused: SupportError) -> ApiError:
    """The error body of a refusal of the desk."""
    # What is wrong with a request is worth saying, and the desk never repeats a value; other causes stay inside.
    said = refused.message if refused.code == "INVALID_REQUEST" else "The support desk refused this step."
    message = _MESSAGES.get(refused.code, said)
    return ApiError(refused.status, refused.code, message, why=refused.message)


async def _worded(asking: Awaitable[_T]) -> _T:
    try:
        return await asking
    except SupportError as refused:
        raise refused_by_desk(refused) from None


def _read(exchange: Exchange, shape: type[_T]) -> _T:
    try:
        return msgspec.convert(exchange.json(), shape)
    except msgspec.ValidationError:
        raise invalid_request("The body does not have the members that this needs.") from None


def _id(exchange: Exchange) -> str:
    ident = exchange.params["id"]
    if not _ID.fullmatch(ident):
        raise not_found()
    return ident


def _factor(given: dict[str, str] | None) -> dict[str, str] | None:
    """A second factor of one of the three kinds, as it was sent. Raises ApiError for anything else."""
    if given is None:
        return None
    for shape in (Factor, Code, SecurityKey):
        if given.keys() == set(shape.__struct_fields__):
            return given
    raise invalid_request("The body does not have the members that this needs.")


def _context(exchange: Exchange) -> dict[str, str]:
    return {
        "trace_id": exchange.trace.trace_id,
        "parent_id": exchange.trace.parent_id,
        "request_id": exchange.id,
    }
