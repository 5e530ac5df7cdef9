"""By which public keys tokens are verified: those that their issuer publishes, or else the one that two tokens give."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tenantproof.clients.recovered_key import Recovered
from tenantproof.clients.redaction import one_line
from tenantproof.clients.tokens import Claims, Token, parse
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.profile import Tokens
from tenantproof.probes.forging.witness import is_signed
from tenantproof.probes.probe import Probe
from tenantproof.probes.public_keys import verifies

_NEXT_SECOND = 1.1
"""A token without an id is another one as soon as its times are, and these are whole seconds."""


class KnownKeys(Probe):
    """Knows the keys of issuers. Where no key set is named, that of RSA tokens is computed, if the profile lets it."""

    def keys_of(self, token: Token) -> tuple[Claims, ...]:
        """The published keys of a token's issuer; none where it signs with a shared key, or no key set is named.

        Raises TargetError when the key set that is named can't be had.
        """
        issuer = _issuer(token)
        return self.target.tokens.key_set(issuer) if issuer in self.settings.jwks else ()

    def known_keys(self, tenant: str, token: Token) -> tuple[Claims, ...]:
        """What a tenant's token is verified by; none where it is signed with a shared key.

        Raises TargetError when the profile names no key set of an issuer that must have one, and none can be computed.
        """
        return (*self.keys_of(token), *(_stated(key, token) for key in self.unpublished(tenant, token)))

    def unpublished(self, tenant: str, token: Token) -> tuple[Claims, ...]:
        """The key that was computed of a tenant's token and another one, where its issuer's key set is not named.

        None where there is a key set, or tokens are signed with a shared key. Raises TargetError when none comes of it.
        """
        issuer = _issuer(token)
        if issuer in self.settings.jwks or (self._is_shared and not self.settings.jwks):
            return ()
        found = self.recovered(tenant, token)
        if found.jwk is None:
            raise TargetError(
                f"tokens.jwks names no key set of {one_line(issuer)}; add its URL to the profile "
                f"(to have its key computed takes {found.because})"
            )
        return (found.jwk,)

    def recovered(self, tenant: str, token: Token) -> Recovered:
        """The key by which a tenant's token is signed, computed of it and another one; or what that would take.

        Raises UsageError where the profile asks for it and the library is missing.
        """
        recovery, algorithm = self.target.recovery, str(token.header.get("alg", ""))
        barred = recovery.barred(algorithm, published=_issuer(token) in self.settings.jwks)
        if barred:
            return Recovered(because=barred)
        found = recovery.known(token)
        if found is None:
            other = next(self._others(tenant, token), None)
            if other is None:
                return Recovered(because="a second token by the same key, and there is none to be had")
            found = recovery.of(token, other)
        if found.jwk is None:
            return Recovered(because=f"two tokens that give one: {found.because}")
        if not self._is_taken(token, found.jwk):
            return Recovered(because="a key under which two verifiers take the token; they refuse what two tokens gave")
        return found

    def lent(self, tenant: str, *, audience: str = "", lifetime: int = 0) -> str:
        """A token as asked for, or the empty string when the issuer refuses to make it."""
        name = f"tenant {tenant}, reader"
        try:
            token = self.target.tokens.fetch(
                self.target.principal(tenant), name=name, audience=audience, lifetime=lifetime
            )
            parse(token)
        except TargetError:
            return ""
        return token

    @property
    def settings(self) -> Tokens:
        """What the profile says of tokens."""
        assert self.target.profile.tokens
        return self.target.profile.tokens

    @property
    def _is_shared(self) -> bool:
        """Whether tokens are signed with a shared key, so that nobody but issuer and target can verify one."""
        return all(name.startswith("HS") for name in self.settings.algorithms)

    def _is_taken(self, token: Token, jwk: Claims) -> bool:
        """The positive control: both verifiers take a genuine token under the key."""
        key, algorithms = _stated(jwk, token), self.settings.algorithms
        return verifies(token.text, key, algorithms) and is_signed(token.text, key, algorithms)

    def _others(self, tenant: str, token: Token) -> Iterator[Token]:
        """Other tokens that may be by the same key: of the tenant's reader first, then of anybody."""
        if self.target.principal(tenant).token is None:
            yield from self._like(token, self.lent(tenant))
            time.sleep(_NEXT_SECOND)
            yield from self._like(token, self.lent(tenant))
        profile = self.target.profile
        for each in sorted(profile.tenants, key=lambda one: one.id != tenant):
            for name in each.principals:
                try:
                    yield from self._like(token, self.target.bearer(each.id, name))
                except (TargetError, UsageError):
                    continue

    def _like(self, token: Token, text: str) -> Iterator[Token]:
        """The token of this text, if it is another one and says the same of its key."""
        try:
            other = parse(text)
        except TargetError:
            return
        if text != token.text and _said_of_its_key(other) == _said_of_its_key(token):
            yield other


def _issuer(token: Token) -> str:
    issuer = token.payload.get("iss")
    return issuer if isinstance(issuer, str) else ""


def _stated(jwk: Claims, token: Token) -> Claims:
    """A computed key with the algorithm that it was used for, as published ones say it; PyJWT takes RS256 otherwise."""
    return {**jwk, "alg": token.header.get("alg")}


def _said_of_its_key(token: Token) -> tuple[object, ...]:
    return (_issuer(token), token.header.get("alg"), token.header.get("kid"))
