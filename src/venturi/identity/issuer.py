"""One OpenID provider: its clients, its signing keys, and the access tokens (RFC 9068) that it issues."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venturi.identity.jwk import public_jwk, sign_es256
from venturi.identity.strict import b64url, write_json
from venturi.settings import ClientSettings

Jwk: TypeAlias = Mapping[str, str | list[str]]

LONGEST_SECONDS = 300
GRACE_SECONDS = 600.0
"""How long a rotated key stays published: twice the life of the last token that it signed."""


class OAuthError(Exception):
    """A refused token request: `code` is of RFC 6749 section 5.2."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.status = status


class SigningKeys:
    """The current signing key and the ones before it that are still published. Private keys never leave."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        first: ec.EllipticCurvePrivateKey | None = None,
        others: Sequence[Jwk] = (),
    ) -> None:
        self._now = now
        self._others = tuple(others)
        self._old: list[tuple[dict[str, str], float]] = []
        self._take(first or ec.generate_private_key(ec.SECP256R1()))

    def rotate(self, *, withdraw: bool) -> str:
        """Make a new current key and return its kid.

        Old keys stay published for GRACE_SECONDS, or with `withdraw` none does.
        """
        self._old.append((self._jwk, self._now() + GRACE_SECONDS))
        if withdraw:
            self._old.clear()
        self._take(ec.generate_private_key(ec.SECP256R1()))
        return self._jwk["kid"]

    def jwks(self) -> dict[str, list[Jwk]]:
        """The published JWK set (RFC 7517 section 5), the current key first, then old ones, then others'."""
        self._old = [(jwk, until) for jwk, until in self._old if until > self._now()]
        return {"keys": [self._jwk, *(jwk for jwk, _ in self._old), *self._others]}

    def sign(self, claims: dict[str, object]) -> str:
        """A signed JWT of type at+jwt, in compact serialization."""
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self._jwk["kid"]}
        signed = f"{b64url(write_json(header))}.{b64url(write_json(claims))}"
        return f"{signed}.{b64url(sign_es256(self._key, signed.encode()))}"

    def _take(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._jwk = public_jwk(self._key.public_key())


class Issuer:
    """Issues tokens to its own clients. `url` is its issuer identifier, known once the process listens.

    `key` is the ES256 private key (PEM) that it begins with; without one it makes its own. `published` are public keys
    beside its own, by which others sign.
    """

    def __init__(
        self,
        clients: Sequence[ClientSettings],
        audience: str,
        clock: Callable[[], float] = time.time,
        *,
        key: str = "",
        published: Sequence[Jwk] = (),
    ) -> None:
        self._clients = {client.client_id: client for client in clients}
        self._audience = audience
        self._clock = clock
        self.keys = SigningKeys(first=_read_key(key) if key else None, others=published)

    def authenticate(self, client_id: str, secret: str) -> ClientSettings:
        """The client with this id and secret. Raises OAuthError, in the same time whether or not the id exists."""
        client = self._clients.get(client_id)
        expected = client.client_secret if client else secrets.token_urlsafe(24)
        if not hmac.compare_digest(secret.encode(), expected.encode()) or client is None:
            raise OAuthError("invalid_client", "no client of this issuer has this id and secret", 401)
        return client

    def grant(self, url: str, client: ClientSettings, *, scope: str, audience: str, lifetime: str) -> dict[str, object]:
        """The answer to a client_credentials request (RFC 6749 section 4.4.3). An empty parameter was not given.

        `audience` may be any string: whoever asks for a token for somebody else gets one that this API refuses.
        `lifetime` is in seconds, 1 to 300. Raises OAuthError.
        """
        granted = self._scopes(client, scope)
        seconds = self._seconds(lifetime)
        now = int(self._clock())
        token = self.keys.sign(
            {
                "iss": url,
                "sub": client.subject,
                "aud": audience or self._audience,
                "client_id": client.client_id,
                "scope": granted,
                "jti": secrets.token_urlsafe(16),
                "iat": now,
                "nbf": now,
                "exp": now + seconds,
            }
        )
        return {"access_token": token, "token_type": "Bearer", "expires_in": seconds, "scope": granted}

    def _scopes(self, client: ClientSettings, asked: str) -> str:
        if not asked:
            return " ".join(client.scopes)
        if not set(asked.split(" ")) <= set(client.scopes):
            raise OAuthError("invalid_scope", f"{client.client_id} may ask for: {' '.join(client.scopes)}")
        return asked

    def _seconds(self, asked: str) -> int:
        if not asked:
            return LONGEST_SECONDS
        if not (asked.isascii() and asked.isdigit() and len(asked) <= 3 and 1 <= int(asked) <= LONGEST_SECONDS):
            raise OAuthError("invalid_request", f"lifetime is a number of seconds from 1 to {LONGEST_SECONDS}")
        return int(asked)


def _read_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("an issuer's key is a P-256 key")  # noqa: TRY004  # a setting like any other
    return key
