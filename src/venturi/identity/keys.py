"""The signing keys of trusted issuers, fetched from their JWK sets and kept for a few seconds."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from venturi.identity.jwk import VerifyingKey, read_jwk
from venturi.identity.strict import read_json_object

_LARGEST = 64 * 1024
_NEVER = float("-inf")


@dataclass(frozen=True)
class TrustedIssuer:
    """An issuer that we accept tokens of, where its keys are, and which algorithms it may sign with."""

    url: str
    jwks_uri: str
    algorithms: frozenset[str] = frozenset({"ES256"})


class KeysUnavailable(Exception):
    """The issuer's keys can't be fetched, and what we had of them is too old to be believed."""


@dataclass
class _Shelf:
    """What is known of one issuer. Times are of the monotonic clock, in seconds."""

    keys: Mapping[str, VerifyingKey] = field(default_factory=dict)
    asked: float = _NEVER
    """When the fetch that brought `keys` began: a key withdrawn before then is not among them."""
    tried: float = _NEVER
    """When any fetch last began."""
    fetching: asyncio.Task[None] | None = None


class KeyCache:
    """Keys by issuer and kid.

    A set is trusted for `stale` seconds and renewed in the background after `fresh`, so a withdrawn key is gone within
    `stale`. An unknown kid is looked up at once, with at most one fetch per issuer every `pause` seconds.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        now: Callable[[], float] = time.monotonic,
        fresh: float = 1.0,
        stale: float = 4.0,
        pause: float = 0.1,
    ) -> None:
        self._client = client
        self._now = now
        self._fresh = fresh
        self._stale = stale
        self._pause = pause
        self._shelves: dict[str, _Shelf] = {}

    async def find(self, issuer: TrustedIssuer, kid: str) -> VerifyingKey | None:
        """The issuer's key with this kid, or None when the issuer has none.

        Raises KeysUnavailable when the issuer can't be asked and must be.
        """
        shelf = self._shelves.setdefault(issuer.url, _Shelf())
        arrived = self._now()
        if kid not in shelf.keys or arrived - shelf.asked > self._stale:
            await self._renewed_since(shelf, issuer, arrived)
        elif arrived - shelf.asked > self._fresh and arrived - shelf.tried > self._fresh:
            self._fetch_soon(shelf, issuer)
        return shelf.keys.get(kid)

    async def close(self) -> None:
        """Give up on fetches that are under way."""
        for shelf in self._shelves.values():
            if shelf.fetching is not None:
                shelf.fetching.cancel()

    async def _renewed_since(self, shelf: _Shelf, issuer: TrustedIssuer, arrived: float) -> None:
        # A fetch that began before the token arrived may have missed a rotation; only a later one settles it.
        while shelf.tried < arrived:
            await asyncio.sleep(max(0.0, shelf.tried + self._pause - self._now()))
            if shelf.fetching is not None and not shelf.fetching.done():
                await asyncio.wait([shelf.fetching])
            elif shelf.tried < arrived:
                self._fetch_soon(shelf, issuer)
        if shelf.fetching is not None and not shelf.fetching.done():
            await asyncio.wait([shelf.fetching])
        if shelf.asked < arrived:
            raise KeysUnavailable(f"no keys from {issuer.jwks_uri}")

    def _fetch_soon(self, shelf: _Shelf, issuer: TrustedIssuer) -> None:
        if shelf.fetching is None or shelf.fetching.done():
            shelf.tried = self._now()
            shelf.fetching = asyncio.create_task(self._fetch(shelf, issuer, shelf.tried))

    async def _fetch(self, shelf: _Shelf, issuer: TrustedIssuer, began: float) -> None:
        try:
            keys = read_keys(await self._body(issuer.jwks_uri))
        except (httpx.HTTPError, ValueError):
            return  # an outage: find() says so once the old keys are too old
        shelf.keys, shelf.asked = keys, began

    async def _body(self, url: str) -> bytes:
        # Redirects are not followed: the address is ours, and nobody on the way may change it.
        answer = await self._client.get(url, follow_redirects=False)
        if answer.status_code != httpx.codes.OK or len(answer.content) > _LARGEST:
            raise ValueError(f"{url} answered {answer.status_code} with {len(answer.content)} bytes")
        return answer.content


def read_keys(body: bytes) -> dict[str, VerifyingKey]:
    """The usable keys of a JWK set, by kid. A kid that stands twice is ambiguous, so neither key counts.

    Raises ValueError when the body is no JWK set.
    """
    listed = read_json_object(body).get("keys")
    if not isinstance(listed, list):
        raise ValueError("no JWK set")  # noqa: TRY004  # a parse error like any other
    named = [jwk for jwk in listed if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str)]
    times = Counter(jwk["kid"] for jwk in named)
    return {jwk["kid"]: key for jwk in named if times[jwk["kid"]] == 1 and (key := _usable(jwk)) is not None}


def _usable(jwk: Mapping[str, Any]) -> VerifyingKey | None:
    try:
        return read_jwk(jwk)
    except ValueError:
        return None
