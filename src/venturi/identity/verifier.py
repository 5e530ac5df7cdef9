"""Verifies access tokens (RFC 9068) strictly, in the order that RFC 8725 asks for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from venturi.identity.jwk import VerifyingKey, verifies
from venturi.identity.keys import KeyCache, KeysUnavailable, TrustedIssuer
from venturi.identity.principal import InvalidToken, Verified
from venturi.identity.strict import read_b64url, read_json_object

_LARGEST = 8 * 1024
_LEEWAY_SECONDS = 5
_LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0 section 2

Json = Mapping[str, Any]  # a JSON object: its values are whatever the sender wrote


@dataclass(frozen=True)
class Compact:
    """A JWS in compact serialization (RFC 7515 section 7.1), taken apart; nothing in it is trusted yet."""

    header: Json
    claims: Json
    signed: bytes
    signature: bytes


class TokenVerifier:
    """Accepts a token of an allow-listed issuer, for our audience, now, signed by a key that this issuer publishes.

    `clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        issuers: Mapping[str, TrustedIssuer],
        audience: str,
        keys: KeyCache,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuers = issuers
        self._audience = audience
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str) -> Verified:
        """What the token says, once every check has passed. Raises InvalidToken."""
        parts = self.take_apart(token)
        self.check_type(parts.header)
        self.check_critical(parts.header)
        issuer = self.select_issuer(parts.claims)
        self.check_algorithm(parts.header, issuer)
        key = await self.select_key(parts.header, issuer)
        self.check_signature(parts, key)
        self.check_claims(parts.claims, issuer)
        return Verified(issuer.url, parts.claims["sub"], self.scopes(parts.claims), parts.claims)

    def take_apart(self, token: str) -> Compact:
        """Split and decode, each part in its one spelling. An empty signature is left to `check_signature`."""
        if len(token) > _LARGEST:
            raise InvalidToken("too large")
        segments = token.split(".")
        if len(segments) != 3:
            raise InvalidToken("not three segments")
        try:
            header, claims, signature = (read_b64url(segment) for segment in segments)
            signed = token.rpartition(".")[0].encode()
            return Compact(read_json_object(header), read_json_object(claims), signed, signature)
        except ValueError as unreadable:
            raise InvalidToken(f"malformed: {type(unreadable).__name__}") from None

    def check_type(self, header: Json) -> None:
        """Only access tokens, not an id token of the same issuer (RFC 8725 section 3.11)."""
        if header.get("typ") != "at+jwt":
            raise InvalidToken("typ is not at+jwt")

    def check_critical(self, header: Json) -> None:
        """No extension is understood here, so none may be demanded (RFC 7515 section 4.1.11), nor slip in unasked."""
        if {"crit", "b64", "zip"} & header.keys():
            raise InvalidToken("an extension that is not understood")

    def select_issuer(self, claims: Json) -> TrustedIssuer:
        """The allow-listed issuer that the token says it is from; its signature has yet to prove that."""
        name = claims.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise InvalidToken("issuer is not trusted")
        return issuer

    def check_algorithm(self, header: Json, issuer: TrustedIssuer) -> None:
        """The algorithm is the issuer's, whatever the token asks for (RFC 8725 section 3.1)."""
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
            raise InvalidToken("algorithm is not allowed")

    async def select_key(self, header: Json, issuer: TrustedIssuer) -> VerifyingKey:
        """The issuer's own key with this kid. Keys and addresses in the header are never looked at."""
        kid = header.get("kid")
        try:
            key = await self._keys.find(issuer, kid) if isinstance(kid, str) else None
        except KeysUnavailable:
            raise InvalidToken("the issuer's keys can't be had") from None
        if key is None:
            raise InvalidToken("no such key")
        return key

    def check_signature(self, parts: Compact, key: VerifyingKey) -> None:
        """The signature is by this key and its algorithm, over exactly these bytes."""
        if not verifies(key, parts.header["alg"], parts.signed, parts.signature):
            raise InvalidToken("signature does not verify")

    def check_claims(self, claims: Json, issuer: TrustedIssuer) -> None:
        """Everything that the claims must say, now that they are known to be the issuer's."""
        self.check_issuer(claims, issuer)
        self.check_audience(claims)
        self.check_expiry(claims)
        self.check_not_before(claims)
        self.check_issued(claims)
        self.check_subject(claims)
        self.check_confirmation(claims)

    def check_issuer(self, claims: Json, issuer: TrustedIssuer) -> None:
        """The issuer whose key signed is the issuer that the token names (RFC 8725 section 3.8)."""
        if claims.get("iss") != issuer.url:
            raise InvalidToken("issued by somebody else")

    def check_audience(self, claims: Json) -> None:
        """The token is for us (RFC 8725 section 3.9)."""
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not all(isinstance(name, str) for name in named) or self._audience not in named:
            raise InvalidToken("for another audience")

    def check_expiry(self, claims: Json) -> None:
        """The token has an end, and it has not come. No leeway: the issuer's clock is ours."""
        if self.instant(claims, "exp") <= self._clock():
            raise InvalidToken("expired")

    def check_not_before(self, claims: Json) -> None:
        """The token is valid already, give or take the leeway."""
        if "nbf" in claims and self.instant(claims, "nbf") > self._clock() + _LEEWAY_SECONDS:
            raise InvalidToken("not valid yet")

    def check_issued(self, claims: Json) -> None:
        """The token was not issued in the future, give or take the leeway."""
        if self.instant(claims, "iat") > self._clock() + _LEEWAY_SECONDS:
            raise InvalidToken("issued in the future")

    def check_subject(self, claims: Json) -> None:
        """The subject is something that a directory can hold: 1 to 255 printable ASCII characters."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise InvalidToken("no subject")
        if not (subject.isascii() and subject.isprintable()):
            raise InvalidToken("a subject that nobody has")

    def check_confirmation(self, claims: Json) -> None:
        """The token is a bearer's: one that is bound to a key proves nothing without it (RFC 9449 section 7.2)."""
        if "cnf" in claims:
            raise InvalidToken("bound to a key that nobody showed")

    def instant(self, claims: Json, name: str) -> float:
        """A NumericDate (RFC 7519 section 2): seconds since the epoch. Raises InvalidToken when it is none."""
        value = claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidToken(f"{name} is not a time")
        try:
            seconds = float(value)
        except OverflowError:
            raise InvalidToken(f"{name} is not a time") from None
        if not math.isfinite(seconds):
            raise InvalidToken(f"{name} is not a time")
        return seconds

    def scopes(self, claims: Json) -> frozenset[str]:
        """The scopes of the token (RFC 8693 section 4.2); none when the claim is no string."""
        scope = claims.get("scope")
        return frozenset(scope.split(" ")) - {""} if isinstance(scope, str) else frozenset()
