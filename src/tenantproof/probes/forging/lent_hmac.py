"""Shared keys that an issuer lends: a good token by the long one, and J035, tokens by a key shorter than its hash."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenantproof.clients.exchange import new_probe
from tenantproof.clients.secrets import reveal
from tenantproof.clients.tokens import Token, unbase64
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import LentHmac, Secret
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.lent_keys import good_claims
from tenantproof.probes.forging.raw import maced

_WIDTHS = ("256", "384", "512")


@dataclass(frozen=True, repr=False)
class SharedKey:
    """A symmetric key: its octets, the width of the hash that it is for ("256"), and its id, empty without one."""

    octets: bytes
    width: str
    kid: str

    def is_short(self, width: str) -> bool:
        """Whether it is shorter than the hash (RFC 7518 section 3.2)."""
        return 8 * len(self.octets) < int(width)


@dataclass(frozen=True, repr=False)
class SharedKeys:
    """The lent keys, and header and claims of the good token that the long one makes; `tenant` is the subject's."""

    tenant: str
    key: SharedKey
    short_key: SharedKey
    header: Mapping[str, Any]  # Any: JSON
    claims: Mapping[str, Any]  # Any: JSON

    def good(self) -> str:
        """A token that must do."""
        return self.by(self.key, self.key.width)

    def by(self, key: SharedKey, width: str) -> str:
        """A good token's claims, with an id of its own, under an HMAC by a key."""
        header = {**self.header, "kid": key.kid} if key.kid else self.header
        return maced(header, {**self.claims, "jti": new_probe()}, key.octets, width)


def read_hmac(settings: LentHmac, like: Token) -> SharedKeys:
    """The lent keys with the good token that they make, in the likeness of a genuine one.

    Raises UsageError for what is no symmetric JWK, for a key that is too short, and for a short one that is not.
    """
    key = _read(settings.key, "tokens.test_hmac.key")
    short_key = _read(settings.short_key, "tokens.test_hmac.short_key")
    if key.is_short(key.width):
        raise UsageError(f"tokens.test_hmac.key has {_bits(key)} bits; lend one that has {key.width} for HS{key.width}")
    if not short_key.is_short(short_key.width):
        raise UsageError(
            f"tokens.test_hmac.short_key has {_bits(short_key)} bits, which are enough for HS{short_key.width}; lend a "
            f"shorter one"
        )
    header = {name: value for name, value in like.header.items() if name != "kid"}
    return SharedKeys(settings.tenant, key, short_key, header, good_claims(settings, like))


def short_keyed(lent: SharedKeys) -> Iterator[Forgery]:
    """J035: with either key, tokens by every hash that is wider than the key is long."""
    for key in (lent.short_key, lent.key):
        for width in _WIDTHS:
            if key.is_short(width):
                yield Forgery("J035", f"HS{width} by a key of {_bits(key)} bits", lent.by(key, width))


def _read(secret: Secret, at: str) -> SharedKey:
    try:
        jwk = json.loads(reveal(secret, at))
        octets, algorithm = unbase64(jwk["k"]), jwk.get("alg", "HS256")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f'{at} is no symmetric JWK; write it as {{"kty": "oct", "k": BASE64URL}}') from None
    if jwk.get("kty") != "oct" or algorithm not in {f"HS{width}" for width in _WIDTHS}:
        raise UsageError(f"{at} is no JWK of kty oct for HS256, HS384 or HS512; lend one")
    return SharedKey(octets, algorithm[2:], str(jwk.get("kid", "")))


def _bits(key: SharedKey) -> int:
    return 8 * len(key.octets)
