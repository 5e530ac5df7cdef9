"""The search finds keys that people choose, and says how many it tried and why it tried none."""

from __future__ import annotations

import hmac

import pytest

from tenantproof.clients.tokens import Token, base64url, parse
from tenantproof.probes.forging.key_search import crack, deployment_names, guesses, search
from tenantproof.probes.forging.raw import maced
from tests.probes.test_forging import OWN

SAID = {"iss": "https://login.globex.example/realms/nightly", "sub": "u-1"}


def token_by(key: bytes, bits: str = "256") -> Token:
    return parse(maced({"typ": "JWT"}, SAID, key, bits))


@pytest.mark.parametrize(
    "key",
    [b"", b"secret", b"null", b"[object Object]", b"123456", b"004711", b"globex2026", b"Nightly!", b"jwt-secret123"],
)
@pytest.mark.parametrize("bits", ["256", "512"])
def test_a_key_that_people_choose_is_found(key: bytes, bits: str) -> None:
    found = search(token_by(key, bits), digits=6)
    assert found.found == key
    assert found.tried > 0


def test_a_key_longer_than_a_block_is_hashed_first() -> None:
    key = b"k" * 200
    assert crack(b"message", hmac.digest(key, b"message", "sha256"), [b"x", key]).found == key


def test_a_drawn_key_is_not_found_and_the_guesses_are_counted() -> None:
    found = search(token_by(b"\x9f" * 32), digits=2)
    assert found.found is None
    assert found.tried == len(list(guesses(({"typ": "JWT", "alg": "HS256"}, SAID), 2)))


def test_a_token_by_a_private_key_is_not_searched_for_a_shared_one() -> None:
    found = search(OWN.base)
    assert (found.tried, found.found) == (0, None)
    assert "ES256" in found.skipped


def test_the_deployment_is_taken_to_pieces() -> None:
    assert {"login", "globex", "realms", "nightly", SAID["iss"]} <= set(deployment_names([SAID]))


def test_a_signature_that_is_nobodys_ends_the_search_at_its_end() -> None:
    assert crack(b"m", b"", [b"a", b"b"]).tried == 2
    assert base64url(b"") == ""
