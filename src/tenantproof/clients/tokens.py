"""Gets genuine tokens for the principals of the profile, and takes tokens apart without believing them."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.redaction import one_line
from tenantproof.clients.secrets import reveal
from tenantproof.clients.wire import Wire, origin_and_target, response_line
from tenantproof.model.errors import TargetError
from tenantproof.model.profile import ClientCredentials, PasswordForm, Principal, Profile

_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_UNKNOWN_LIFETIME = 60.0
_LARGEST_MARGIN = 30.0

Claims = Mapping[str, Any]
"""A decoded JSON object of somebody else's; its values can be anything."""


@dataclass(frozen=True, repr=False)
class Token:
    """A JWS in compact form (RFC 7515 section 7.1), taken apart and not verified."""

    header: Claims
    payload: Claims
    signature: bytes
    segments: tuple[str, str, str]

    @property
    def text(self) -> str:
        """The token as it was issued."""
        return ".".join(self.segments)


class TokenSource:
    """Tokens of principals, kept until shortly before they expire; safe to use from several threads."""

    def __init__(self, profile: Profile, wire: Wire) -> None:
        self._profile, self._wire = profile, wire
        self._kept: dict[Principal, tuple[str, float]] = {}
        self._key_sets: dict[str, tuple[Claims, ...]] = {}
        self._lock = threading.Lock()

    def bearer(self, principal: Principal, name: str) -> str:
        """A token of the principal that is good for a while; `name` says who it is, in messages.

        Raises TargetError when the issuer gives none, UsageError when the profile's secret is not there.
        """
        if principal.token:
            return reveal(principal.token, f"{name}.token")
        with self._lock:
            token, good_until = self._kept.get(principal, ("", 0.0))
            if time.monotonic() >= good_until:
                token, seconds = self._ask(principal, name, {})
                good_until = time.monotonic() + seconds - min(_LARGEST_MARGIN, seconds / 4)
                self._kept[principal] = (token, good_until)
            return token

    def fetch(self, principal: Principal, *, name: str = "", audience: str = "", lifetime: int = 0) -> str:
        """A token made for this call. `audience` and `lifetime` (seconds) are asked for; an issuer may ignore them.

        A principal with a static token gets that one. Raises as `bearer` does.
        """
        if principal.token:
            return reveal(principal.token, f"{name}.token")
        wishes = {"audience": audience, "lifetime": str(lifetime) if lifetime else ""}
        return self._ask(principal, name, {key: value for key, value in wishes.items() if value})[0]

    def key_set(self, issuer: str, *, anew: bool = False) -> tuple[Claims, ...]:
        """The public keys (JWKs, RFC 7517) of an issuer that the profile names, fetched once, or `anew`.

        Raises TargetError when there are none to be had.
        """
        urls = self._profile.tokens.jwks if self._profile.tokens else {}
        if issuer not in urls:
            raise TargetError(f"tokens.jwks names no key set of {one_line(issuer)}; add its URL to the profile")
        with self._lock:
            if anew or issuer not in self._key_sets:
                self._key_sets[issuer] = self._key_set(urls[issuer])
            return self._key_sets[issuer]

    def _key_set(self, url: str) -> tuple[Claims, ...]:
        origin, target = origin_and_target(url)
        answer = self._wire.send(Request(method="GET", target=target), to=origin)
        keys = _json_object(answer).get("keys")
        if answer.status != 200 or not isinstance(keys, list) or not keys:
            raise TargetError(
                f"{url} answered {response_line(answer)}; wanted 200 and a JWK set with keys; correct tokens.jwks"
            )
        return tuple(key for key in keys if isinstance(key, dict))

    def _ask(self, principal: Principal, name: str, wishes: Mapping[str, str]) -> tuple[str, float]:
        """A fresh token and for how many seconds it is good."""
        if principal.login:
            return self._log_in(principal.login, name)
        assert principal.client
        client = principal.client
        answer = self._wire.send(_token_request(client, name, wishes), to=origin_and_target(client.url)[0])
        said = _json_object(answer)
        token = said.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not token or not token.isprintable():
            code = said.get("error")
            because = f" ({one_line(code, 80)})" if isinstance(code, str) else ""
            raise TargetError(
                f"{name}: {client.url} answered {response_line(answer)}{because}; wanted 200 with an access_token; "
                f"check url, client_id and client_secret of this principal in the profile"
            )
        return token, _lifetime(said, token)

    def _log_in(self, login: PasswordForm, name: str) -> tuple[str, float]:
        """The token that a login form gives, and for how many seconds it is good."""
        answer = self._wire.send(_login_request(login, name), to=origin_and_target(login.url)[0])
        said = _json_object(answer)
        token: Any = said  # Any: the JSON is the issuer's
        for step in login.token_field.split("."):
            token = token.get(step) if isinstance(token, dict) else None
        if answer.status not in {200, 201} or not isinstance(token, str) or not token or not token.isprintable():
            raise TargetError(
                f"{name}: {login.url} answered {response_line(answer)}; wanted 200 with a token in "
                f"{login.token_field!r}; check url, user, password and token_field of this principal in the profile"
            )
        return token, _lifetime(said, token)


def parse(token: str) -> Token:
    """The token taken apart. Raises TargetError when it is no JWS whose header and payload are JSON objects."""
    segments = token.split(".")
    if len(segments) != 3:
        raise TargetError(f"the token has {len(segments)} segments, not the 3 of a JWT; it can't be taken apart")
    try:
        header, payload = (json.loads(unbase64(segment)) for segment in segments[:2])
        signature = unbase64(segments[2])
    except (ValueError, RecursionError):
        raise TargetError("the token's segments are not base64url of JSON; it can't be taken apart") from None
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise TargetError("the token's header or payload is no JSON object; it can't be taken apart")
    return Token(header, payload, signature, (segments[0], segments[1], segments[2]))


def base64url(octets: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unbase64(text: str) -> bytes:
    """The octets of base64url text without padding. Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _token_request(client: ClientCredentials, name: str, wishes: Mapping[str, str]) -> Request:
    secret = reveal(client.client_secret, f"{name}.client.client_secret")
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    pair = f"{quote(client.client_id, safe='')}:{quote(secret, safe='')}"
    form = {"grant_type": "client_credentials", **({"scope": client.scope} if client.scope else {}), **wishes}
    basic = base64.b64encode(pair.encode()).decode()
    return Request(
        method="POST",
        target=origin_and_target(client.url)[1],
        headers=(("Authorization", f"Basic {basic}"), _FORM, ("Accept", "application/json")),
        body=urlencode(form).encode(),
        principal=name,
        repeatable=True,
    )


def _login_request(login: PasswordForm, name: str) -> Request:
    secret = reveal(login.password, f"{name}.login.password")
    form = {**login.fields, login.user_field: login.user, login.password_field: secret}
    return Request(
        method="POST",
        target=origin_and_target(login.url)[1],
        headers=(_FORM, ("Accept", "application/json")),
        body=urlencode(form).encode(),
        principal=name,
        repeatable=True,
    )


def _lifetime(said: Claims, token: str) -> float:
    seconds = said.get("expires_in")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0:
        return float(seconds)
    try:
        expires = parse(token).payload.get("exp")
    except TargetError:
        return _UNKNOWN_LIFETIME
    return max(float(expires) - time.time(), 0.0) if isinstance(expires, int | float) else _UNKNOWN_LIFETIME


def _json_object(answer: Answer) -> dict[str, Any]:
    """The JSON object that the answer holds, or an empty one. Any: the JSON is the issuer's."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
