"""From a bearer token to a principal: nothing about any tenant is looked up before the token is verified."""

from __future__ import annotations

import re

from venturi.api.errors import insufficient_scope, invalid_request, invalid_token, missing_token
from venturi.api.exchange import Exchange
from venturi.identity.binding import Binding
from venturi.identity.principal import InvalidToken, Principal, UnknownPrincipal
from venturi.identity.verifier import TokenVerifier

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._~+/-]+=*)", re.ASCII)  # RFC 6750 section 2.1


class Authenticator:
    """Verifies the one token of a request and binds it."""

    def __init__(self, verifier: TokenVerifier, binding: Binding) -> None:
        self._verifier = verifier
        self._binding = binding

    async def principal(self, exchange: Exchange) -> Principal:
        """Who is asking. Raises ApiError."""
        token = self.token(exchange)
        try:
            return await self._binding.bind(await self._verifier.verify(token))
        except InvalidToken as fault:
            raise invalid_token(fault.why) from None
        except UnknownPrincipal:
            raise invalid_token("a subject that the directory does not hold") from None

    def token(self, exchange: Exchange) -> str:
        """The token, from the one place where it may stand. Raises ApiError."""
        if "access_token" in exchange.query_names():
            raise invalid_request("A token must not stand in the query.")
        header = exchange.header("authorization")
        if header is None:
            raise missing_token()
        found = _BEARER.fullmatch(header)
        if found is None:
            raise invalid_token("not a bearer token")
        return found[1]


def check_scope(principal: Principal, needed: frozenset[str]) -> None:
    """Raise ApiError unless the principal has one of the scopes; none is needed when there are none."""
    if needed and not needed & principal.scopes:
        raise insufficient_scope(" ".join(sorted(needed)))
