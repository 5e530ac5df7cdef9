"""RSA keys as JWKs: which are read, and that a key signs with its own algorithm and no other."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from venturi.identity.issuer import SigningKeys
from venturi.identity.jwk import RsaKey, public_jwk, public_rsa_jwk, read_jwk, sign_es256, verifies
from venturi.identity.keys import read_keys
from venturi.identity.strict import write_json
from venturi.provision.conformance import published

MESSAGE = b"header.claims"
SCHEMES = {"RS256": padding.PKCS1v15(), "PS256": padding.PSS(padding.MGF1(SHA256()), 32)}


@cache
def mine(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_a_key_signs_with_its_own_algorithm_and_no_other(algorithm: str) -> None:
    key = read_jwk(public_rsa_jwk(mine().public_key(), algorithm))
    for name, scheme in SCHEMES.items():
        signature = mine().sign(MESSAGE, scheme, SHA256())
        for said in (*SCHEMES, "ES256", "none"):
            is_right = name == said == algorithm
            assert verifies(key, said, MESSAGE, signature) is is_right, (name, said)
        assert not verifies(key, algorithm, MESSAGE + b".", signature)


def test_a_curve_key_signs_no_rsa_token() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    signature = sign_es256(curve, MESSAGE)
    assert verifies(curve.public_key(), "ES256", MESSAGE, signature)
    assert not verifies(curve.public_key(), "RS256", MESSAGE, signature)


def test_another_salt_and_another_hash_are_refused() -> None:
    key = read_jwk(public_rsa_jwk(mine().public_key(), "PS256"))
    for salt in (0, 20, 31, 33, 222):
        assert not verifies(
            key, "PS256", MESSAGE, mine().sign(MESSAGE, padding.PSS(padding.MGF1(SHA256()), salt), SHA256())
        )
    mixed = mine().sign(MESSAGE, padding.PSS(padding.MGF1(SHA1()), 32), SHA256())  # what is refused
    assert not verifies(key, "PS256", MESSAGE, mixed)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "RS512"},
        {"alg": "RSA-OAEP"},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"e": "Aw"},
        {"n": "AQAB"},
    ],
    ids=str,
)
def test_an_rsa_key_of_another_kind_is_not_read(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_jwk({**public_rsa_jwk(mine().public_key(), "RS256"), **change})


def test_a_short_key_is_not_read_and_neither_is_one_without_its_algorithm() -> None:
    with pytest.raises(ValueError, match="too weak"):
        read_jwk(public_rsa_jwk(mine(1024).public_key(), "RS256"))
    unsaid = {name: value for name, value in public_rsa_jwk(mine().public_key(), "RS256").items() if name != "alg"}
    with pytest.raises(ValueError, match="not a key for"):
        read_jwk(unsaid)


def test_of_what_the_conformance_issuer_publishes_only_keys_for_signatures_are_usable() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    pems = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() for key in (curve, mine())]
    others = published(*pems)
    issuing = SigningKeys(first=curve, others=others)
    found = read_keys(write_json(issuing.jwks()))
    assert len(issuing.jwks()["keys"]) == 7
    assert [each.algorithm for each in found.values() if isinstance(each, RsaKey)] == ["RS256", "PS256"]
    assert found.keys() == {public_jwk(curve.public_key())["kid"], *(str(each["kid"]) for each in others[:2])}
    with pytest.raises(TypeError, match="not the keys"):
        published(*reversed(pems))
