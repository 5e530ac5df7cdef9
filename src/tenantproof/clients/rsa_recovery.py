"""Computes the RSA public key by which two signatures were made, from nothing but them and what they sign.

A right signature s of an encoded message m means s^e = m modulo n, so n divides s^e - m for both, and is what these two
have in common but for small factors (Silent Signal, "Abusing JWT public keys without the public key", 2021). For
e = 65537 and 2048 bits each of the two has 134 million bits, for which Python's integers would take hours; FLINT takes
half a minute.

Run as a process of its own, for FLINT lets nothing else run in its process meanwhile, and can't be interrupted:

    echo '{"octets": 256, "pairs": [["SIGNATURE", "ENCODED"], ["SIGNATURE", "ENCODED"]], "exponents": [65537]}' |
        python -m tenantproof.clients.rsa_recovery 300     # seconds; signatures and what is encoded are hexadecimal
"""

from __future__ import annotations

import hashlib
import json
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

EXPONENTS = (3, 5, 17, 257, 65537)
"""The primes of Fermat: what RSA keys have for an exponent, and what costs least first."""
LONGEST = 512
"""Octets of a modulus: 4096 bits. What is computed grows with it, and a stranger chose how long his signature is."""
_SMALL = 1 << 16
_DIGEST_INFO = {
    # RFC 8017 section 9.2, note 1.
    "RS256": ("sha256", bytes.fromhex("3031300d060960864801650304020105000420")),
    "RS384": ("sha384", bytes.fromhex("3041300d060960864801650304020205000430")),
    "RS512": ("sha512", bytes.fromhex("3051300d060960864801650304020305000440")),
}
ALGORITHMS = tuple(_DIGEST_INFO)
"""Whose encoding leaves nothing to chance; that of PS256 has a salt in it, which a signature does not tell."""


class Signed(NamedTuple):
    """A signature and the encoded message that it stands for, both as numbers."""

    signature: int
    encoded: int


class RsaKey(NamedTuple):
    """The modulus and the public exponent."""

    n: int
    e: int


def encoded(algorithm: str, message: bytes, octets: int) -> int:
    """EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) for a modulus of so many octets, as a number.

    Raises ValueError when the modulus is too short for it.
    """
    name, info = _DIGEST_INFO[algorithm]
    info += hashlib.new(name, message).digest()
    if octets < len(info) + 11:
        raise ValueError(f"a signature of {octets} octets has no room for {algorithm}")
    return int.from_bytes(b"\0\1" + b"\xff" * (octets - len(info) - 3) + b"\0" + info, "big")


def is_by(signed: Signed, key: RsaKey) -> bool:
    """RSAVP1 (RFC 8017 section 5.2.2): whether the signature is the key's."""
    return signed.signature < key.n and pow(signed.signature, key.e, key.n) == signed.encoded


def recover(one: Signed, two: Signed, octets: int, exponents: Sequence[int] = EXPONENTS) -> RsaKey | None:
    """The key that made both signatures, if one key did, with one of the exponents. Needs FLINT.

    Bounded by `octets`, which are at most `LONGEST`, whatever the numbers are: nothing is tried twice.
    """
    for e in exponents:
        n = _without_small_factors(_in_common(one, two, e), octets)
        key = RsaKey(n, e)
        if 8 * (octets - 1) < n.bit_length() <= 8 * octets and is_by(one, key) and is_by(two, key):
            return key
    return None


def _in_common(one: Signed, two: Signed, e: int) -> int:
    """The greatest common divisor of both s^e - m."""
    from flint import fmpz  # only here: python-flint is an extra

    first, second = (fmpz(each.signature) ** e - fmpz(each.encoded) for each in (one, two))
    return int(first.gcd(second))


def _without_small_factors(common: int, octets: int) -> int:
    """What is left of a common divisor; 0, if it is much longer than any modulus of so many octets.

    Two numbers that are alike in nothing but n share another prime above `_SMALL` in about one case of a million.
    """
    if not 0 < common.bit_length() <= 16 * octets:
        return 0
    for prime in _primes():
        while common % prime == 0:
            common //= prime
    return common


@cache
def _primes() -> tuple[int, ...]:
    return tuple(_sieved(_SMALL))


def _sieved(end: int) -> Iterator[int]:
    is_prime = bytearray([1]) * end
    for n in range(2, end):
        if is_prime[n]:
            yield n
            if n <= math.isqrt(end):
                is_prime[n * n :: n] = bytes(len(range(n * n, end, n)))


def main(seconds: int) -> None:
    """Read two signatures from standard input, write the key, or null, to standard output."""
    if hasattr(signal, "alarm"):
        # The parent ends this process in time; where the parent is gone, this does, and needs no Python for it.
        signal.alarm(seconds)
    asked = json.load(sys.stdin)
    one, two = (Signed(*(int(number, 16) for number in pair)) for pair in asked["pairs"])
    key = recover(one, two, asked["octets"], asked["exponents"])
    json.dump(key and {"n": f"{key.n:x}", "e": key.e}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
