"""The second factor's signature, the clock and the topics' regions, each by itself."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.office import base64url, sign
from tests.trail.cluster import run
from venturi.support.clock import SteadyClock
from venturi.support.mfa import Assertion, SecondFactor, read, statement
from venturi.support.sns import region_of

KEY = ec.generate_private_key(ec.SECP256R1())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CHALLENGE = base64url(b"c" * 32)
STEP = ("approve", "sr_1", "sha256:0", CHALLENGE)
TEXT = "\n".join(("venturi-mfa/1", *STEP))


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def is_proven(signature: str, key: str | None = pem(KEY)) -> bool:  # made once, on purpose
    async def keys(principal_id: str) -> str | None:
        return key if principal_id == "ann" else None

    verb, request, digest, challenge = STEP
    return run(SecondFactor(keys).verify("ann", verb, request, digest, Assertion(challenge, signature)))


def test_the_statement_is_five_lines() -> None:
    assert statement(*STEP) == TEXT.encode()


def test_a_signature_counts_with_a_high_or_a_low_s() -> None:
    signature = sign(KEY, TEXT)
    raw = base64.urlsafe_b64decode(signature + "==")
    other = raw[:32] + (ORDER - int.from_bytes(raw[32:])).to_bytes(32)
    assert is_proven(signature)
    assert is_proven(base64url(other))


def test_a_signature_counts_in_its_one_spelling() -> None:
    signature = sign(KEY, TEXT)
    raw = base64.urlsafe_b64decode(signature + "==")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bumped = signature[:-1] + last[last.index(signature[-1]) + 1]
    for wrong in (
        "",
        signature + "==",
        signature + "A",
        signature[:-1],
        signature + "\n",
        base64.b64encode(raw).decode(),
        base64url(raw + b"\x00"),
        base64url(b"\x00" + raw),
        base64url(raw[:63]),
        bumped,
        base64url(KEY.sign(TEXT.encode(), ec.ECDSA(SHA256()))),
    ):
        assert not is_proven(wrong)


@pytest.mark.parametrize("r", [0, 1, ORDER, 2**256 - 1])
@pytest.mark.parametrize("s", [0, 1, ORDER, 2**256 - 1])
def test_degenerate_signatures_count_for_nothing(r: int, s: int) -> None:
    assert not is_proven(base64url(r.to_bytes(32) + s.to_bytes(32)))


def test_only_a_p256_key_of_the_principal_counts() -> None:
    signature = sign(KEY, TEXT)
    others = (ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1()))
    for key in (*map(pem, others), pem(ed25519.Ed25519PrivateKey.generate()), None):
        assert not is_proven(signature, key)


@pytest.mark.parametrize("index", range(4))
def test_a_signature_over_anything_else_counts_for_nothing(index: int) -> None:
    lines = TEXT.split("\n")
    lines[index + 1] += "x"
    assert not is_proven(sign(KEY, "\n".join(lines)))
    assert not is_proven(sign(KEY, TEXT + "\n"))
    assert not is_proven(sign(KEY, TEXT.replace("mfa/1", "mfa/2")))


def test_what_is_no_assertion_is_not_read_as_one() -> None:
    good = {"challenge": CHALLENGE, "signature": sign(KEY, TEXT)}
    assert read(good) == Assertion(**good)
    assert read(Assertion(**good)) == Assertion(**good)
    things: tuple[object, ...] = (None, [], "x", {})
    assert all(read(thing) is None for thing in things)
    faults: tuple[dict[str, object], ...] = ({"challenge": 1}, {"signature": None}, {"challenge": "x"})
    assert all(read({**good, **fault}) is None for fault in faults)


def test_a_steady_clock_follows_the_wall_forward_and_never_back_and_never_stands_still() -> None:
    wall, passed = [1_000.0], [0.0]
    clock = SteadyClock(lambda: wall[0], lambda: passed[0])
    assert clock() == 1_000
    wall[0], passed[0] = 1_010, 10
    assert clock() == 1_010
    wall[0] = 5_000
    assert clock() == 5_000
    wall[0], passed[0] = 1_020, 20
    assert clock() == 5_010
    clock.reach(6_000)
    passed[0] = 21
    assert clock() == 6_001
    clock.reach(10)
    assert clock() == 6_001


def test_a_topic_is_asked_in_its_own_region() -> None:
    assert region_of("arn:aws:sns:eu-central-1:100000000002:venturi-notices") == "eu-central-1"
    for wrong in ("", "venturi-notices", "arn:aws:sns::1:x", "urn:aws:sns:eu-central-1:1:x"):
        with pytest.raises(ValueError, match="region"):
            region_of(wrong)
