"""A trail's signer signs as the key itself does, whoever computes it."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from venturi.trail.signer import Signer


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=600))
def test_two_implementations_sign_alike(seed: bytes, text: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert Signer(key).sign(text) == key.sign(text)


def test_the_public_key_is_the_one_that_verifies() -> None:
    key = Ed25519PrivateKey.generate()
    signer = Signer(key)
    assert signer.public_key().public_bytes_raw() == key.public_key().public_bytes_raw()
    signer.public_key().verify(signer.sign(b"text"), b"text")
    with pytest.raises(InvalidSignature):
        signer.public_key().verify(signer.sign(b"text"), b"another")
