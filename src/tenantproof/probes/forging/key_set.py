"""J103 and J112: what is wrong with a published key set, found by looking at it; nothing is sent."""

from __future__ import annotations

import base64
import binascii
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tenantproof.clients.tokens import Claims

_LEAST_BITS = 2048
"""RFC 7518 section 3.3."""
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "k")
_SMALL = [n for n in range(3, 2000) if all(n % d for d in range(2, math.isqrt(n) + 1))]
_ROCA = [n for n in range(11, 168) if all(n % d for d in range(2, math.isqrt(n) + 1))]
_POWERS = {prime: {pow(65537, exponent, prime) for exponent in range(prime)} for prime in _ROCA}
"""Moduli of the library of CVE-2017-15361 are powers of 65537 modulo each of these; of others one in 2^27 is."""


def weaknesses(keys_of: Mapping[str, Sequence[Claims]]) -> dict[str, list[str]]:
    """Whose key set (by any name) has which weak keys. Moduli of all sets are compared: a prime shared is two lost."""
    moduli = [(name, str(key.get("kid", "?")), n) for name, keys in keys_of.items() for key in keys if (n := _n(key))]
    found = {name: [*_twice(keys), *(why for key in keys for why in _of_key(key))] for name, keys in keys_of.items()}
    for place, (name, kid, n) in enumerate(moduli):
        for other, other_kid, m in moduli[place + 1 :]:
            if n != m and math.gcd(n, m) > 1:
                found[name].append(f"{kid} shares a prime with {other_kid}")
                if other != name:
                    found[other].append(f"{other_kid} shares a prime with {kid}")
    return found


def _twice(keys: Sequence[Claims]) -> Iterator[str]:
    """Ids that mean several keys, so that a verifier has to choose (RFC 7517 section 4.5)."""
    times = Counter(str(key["kid"]) for key in keys if "kid" in key)
    yield from (f"{kid} is the id of {count} keys" for kid, count in times.items() if count > 1)


def _of_key(key: Claims) -> Iterator[str]:
    kid = str(key.get("kid", "?"))
    if any(name in key for name in _PRIVATE):
        yield f"{kid} is published with its secret part"
    n = _n(key)
    if not n:
        return
    if n.bit_length() < _LEAST_BITS:
        yield f"{kid} has {n.bit_length()} bits"
    if (e := _number(key.get("e"))) < 3 or e % 2 == 0:
        yield f"{kid} has the exponent {e}"
    if n % 2 == 0 or any(n % prime == 0 for prime in _SMALL):
        yield f"{kid} has a small factor"
    if all(n % prime in powers for prime, powers in _POWERS.items()):
        yield f"{kid} is of the kind that CVE-2017-15361 makes guessable"


def _n(key: Claims) -> int:
    """The modulus of an RSA key, or 0."""
    return _number(key.get("n")) if key.get("kty") == "RSA" else 0


def _number(text: object) -> int:
    if not isinstance(text, str):
        return 0
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    except (binascii.Error, ValueError):
        return 0
