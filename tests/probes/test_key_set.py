"""A weak key in a published set is found by looking at it, and a good one is left alone."""

from __future__ import annotations

import base64
import math
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tenantproof.probes.forging.key_set import weaknesses
from tenantproof.probes.forging.raw import jwk

GOOD = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NUMBERS = GOOD.private_numbers()


def b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def key(n: int, e: int = 65537, kid: str = "k") -> dict[str, object]:
    return {"kty": "RSA", "kid": kid, "n": b64(n), "e": b64(e)}


def of_roca_kind(bits: int) -> int:
    """A number of the form that the library made primes of: a multiple of small primes, and a power of 65537."""
    small = math.prod(each for each in range(2, 168) if all(each % d for d in range(2, each)))
    return secrets.randbits(bits - small.bit_length()) * small + pow(65537, secrets.randbits(60), small)


@pytest.mark.parametrize(
    ("weak", "why"),
    [
        (key((NUMBERS.p >> 600) | 1), "bits"),
        (key(NUMBERS.public_numbers.n, e=1), "exponent 1"),
        (key(NUMBERS.public_numbers.n, e=65536), "exponent 65536"),
        (key(NUMBERS.public_numbers.n * 3), "small factor"),
        (key(of_roca_kind(1024) * of_roca_kind(1024)), "CVE-2017-15361"),
        ({**jwk(ec.generate_private_key(ec.SECP256R1())), "kid": "k", "d": "AQ"}, "secret part"),
        ({"kty": "oct", "kid": "k", "k": "c2VjcmV0"}, "secret part"),
    ],
)
def test_a_weak_key_is_found(weak: dict[str, object], why: str) -> None:
    assert any(why in each for each in weaknesses({"acme": [weak]})["acme"])


def test_an_id_that_means_two_keys_is_found() -> None:
    twins = [{**jwk(ec.generate_private_key(ec.SECP256R1())), "kid": "same"} for _ in range(2)]
    other = {**jwk(ec.generate_private_key(ec.SECP256R1())), "kid": "other"}
    assert weaknesses({"acme": [*twins, other], "globex": [other]}) == {
        "acme": ["same is the id of 2 keys"],
        "globex": [],
    }


def test_a_prime_that_two_tenants_share_is_found_with_both() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    found = weaknesses({"acme": [key(NUMBERS.public_numbers.n)], "globex": [key(NUMBERS.p * other.p, kid="o")]})
    assert found == {"acme": ["k shares a prime with o"], "globex": ["o shares a prime with k"]}


@pytest.mark.parametrize("good", [key(NUMBERS.public_numbers.n), jwk(ec.generate_private_key(ec.SECP256R1()))])
def test_a_good_key_is_left_alone(good: dict[str, object]) -> None:
    assert weaknesses({"acme": [good], "globex": [good]}) == {"acme": [], "globex": []}


def test_what_is_no_key_does_no_harm() -> None:
    assert weaknesses({"acme": [{}, {"kty": "RSA", "n": 5}, {"kty": "RSA", "n": "*", "e": None}]}) == {"acme": []}
