"""An RSA public key comes out of two tokens that it signed, and out of nothing else, in bounded time."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tenantproof.clients import recovered_key
from tenantproof.clients.recovered_key import KeyRecovery, Recovered
from tenantproof.clients.rsa_recovery import EXPONENTS, LONGEST, RsaKey, Signed, encoded, is_by, recover
from tenantproof.clients.tokens import Token, base64url, parse, unbase64
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Tokens

QUICK = (3, 5, 17, 257)
"""Exponents whose powers take no time."""
PAIR = [rsa.generate_private_key(3, 2048) for _ in range(2)]
HEAD = {"kid": "k"}
ISSUER = "https://issuer.example"


def settings(**said: object) -> Tokens:
    return Tokens(audience="a", algorithms=("RS256", "RS384", "RS512"), **said)  # type: ignore[arg-type]  # as a profile says it


def recovery(exponents: tuple[int, ...] = QUICK, **said: object) -> KeyRecovery:
    return KeyRecovery(settings(**said), exponents)


def by(key: rsa.RSAPrivateKey, jti: str, algorithm: str = "RS256") -> Token:
    return parse(jwt.encode({"iss": ISSUER, "jti": jti}, key, algorithm, headers=HEAD))


def numbers(jwk: object) -> RsaKey:
    assert isinstance(jwk, dict)
    return RsaKey(*(int.from_bytes(unbase64(jwk[name]), "big") for name in "ne"))


def small_key(e: int, bits: int = 512) -> tuple[RsaKey, int]:
    """A key that is shorter than libraries make them, and its private exponent."""
    while True:
        p, q = (_prime(bits // 2) for _ in range(2))
        if (p - 1) % e and (q - 1) % e and (p * q).bit_length() == bits:
            return RsaKey(p * q, e), pow(e, -1, (p - 1) * (q - 1))


def _prime(bits: int) -> int:
    while True:
        n = random.getrandbits(bits) | 1 << bits - 1 | 1
        if all(pow(base, n - 1, n) == 1 for base in (2, 3, 5, 7)):
            return n


def token_of(signature: bytes, jti: str = "a", **head: object) -> Token:
    """A token with whatever signature."""
    said = {"alg": "RS256", **HEAD, **head}
    text = ".".join(base64url(json.dumps(each).encode()) for each in (said, {"iss": ISSUER, "jti": jti}))
    return parse(f"{text}.{base64url(signature)}")


def signed_with(key: RsaKey, d: int, jti: str) -> Token:
    octets = (key.n.bit_length() + 7) // 8
    text = token_of(b"", jti).text.rpartition(".")[0]
    return token_of(pow(encoded("RS256", text.encode(), octets), d, key.n).to_bytes(octets, "big"), jti)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_two_tokens_give_the_key_that_signed_them(algorithm: str) -> None:
    key = PAIR[0].public_key().public_numbers()
    found = recovery().of(by(PAIR[0], "a", algorithm), by(PAIR[0], "b", algorithm))
    assert numbers(found.jwk) == (key.n, key.e)
    assert ({*(found.jwk or {})}, found.because) == ({"kty", "n", "e"}, "")


def test_the_exponent_that_most_keys_have_takes_a_moment_and_no_hours() -> None:
    key, d = small_key(65537)
    found = recovery(EXPONENTS).of(signed_with(key, d, "a"), signed_with(key, d, "b"))
    assert numbers(found.jwk) == key
    assert found.seconds > 0


@pytest.mark.parametrize("e", [5, 17, 257])
def test_so_do_the_smaller_primes_of_fermat(e: int) -> None:
    key, d = small_key(e)
    assert numbers(recovery().of(signed_with(key, d, "a"), signed_with(key, d, "b")).jwk) == key


def test_many_pairs_share_small_factors_and_all_give_the_key() -> None:
    key = PAIR[0].public_key().public_numbers()
    tokens = [by(PAIR[0], str(number)) for number in range(40)]
    pairs = [
        [
            Signed(int.from_bytes(each.signature, "big"), encoded("RS256", each.text.rpartition(".")[0].encode(), 256))
            for each in two
        ]
        for two in pairwise(tokens)
    ]
    assert {recover(one, two, 256, (3,)) for one, two in pairs} == {(key.n, key.e)}


def test_tokens_of_two_keys_give_none() -> None:
    found = recovery().of(by(PAIR[0], "a"), by(PAIR[1], "b"))
    assert found.jwk is None
    assert "by different keys" in found.because


def test_what_is_signed_must_be_what_the_signature_stands_for() -> None:
    changed = token_of(by(PAIR[0], "a").signature, "another")
    assert recovery().of(changed, by(PAIR[0], "b")).jwk is None
    good = by(PAIR[0], "a")
    number = int.from_bytes(good.signature, "big")
    n = PAIR[0].public_key().public_numbers().n
    assert is_by(Signed(number, pow(number, 3, n)), RsaKey(n, 3))
    assert not is_by(Signed(number + n, pow(number, 3, n)), RsaKey(n, 3))


FULL = b"\xff" * 256


@pytest.mark.parametrize(
    ("one", "two", "because"),
    [
        (token_of(FULL), token_of(FULL, "b"), "two tokens are needed, and both are the same"),
        (token_of(FULL), token_of(FULL), "two tokens are needed, and both are the same"),
        (token_of(bytes(256)), token_of(FULL, "b"), "the signature is the number 0, which no key makes"),
        (token_of(FULL), token_of(bytes(255) + b"\1", "b"), "the signature is the number 1, which no key makes"),
        (token_of(b""), token_of(FULL, "b"), "the signature is the number 0"),
        (token_of(b"\xff" * 61), token_of(FULL, "b"), "a signature of 61 octets has no room for RS256"),
        (token_of(b"\xff" * 80, alg="RS512"), token_of(FULL, "b"), "a signature of 80 octets has no room for RS512"),
        (token_of(b"\xff" * 513), token_of(FULL, "b"), "a signature of 513 octets is longer than any of 4096 bits"),
        (token_of(FULL), token_of(b"\xff" * 255, "b"), "the tokens are by different keys: 256 and 255 octets"),
        (token_of(FULL, alg="PS256"), token_of(FULL, "b"), "a token by PS256 gives no key"),
        (token_of(FULL, alg=["RS256"]), token_of(FULL, "b"), "a token by ['RS256'] gives no key"),
        (token_of(FULL), token_of(b"\xfe" * 256, "b", alg="ES256"), "a token by ES256 gives no key"),
    ],
)
def test_tokens_that_can_give_no_key_are_told_by_what_is_wrong_and_nothing_is_computed(
    one: Token, two: Token, because: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovered_key, "_in_a_process", pytest.fail)
    found = recovery().of(one, two)
    assert (found.jwk, found.because[: len(because)]) == (None, because)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (2, 3),
        (2**2048 - 1, 2**2048 - 2),
        # Multiples of each other, so that much is shared.
        (2**1000, 2**2000),
        (6**700, 6**780),
    ],
)
def test_numbers_that_a_stranger_chose_give_no_key(one: int, two: int) -> None:
    pair = [token_of(number.to_bytes(256, "big"), jti) for number, jti in ((one, "a"), (two, "b"))]
    assert "by different keys" in recovery().of(*pair).because
    assert recover(Signed(one, one**3), Signed(two, two**3), 256, (3,)) is None  # both differences are zero
    assert recover(Signed(one, one), Signed(two, two), 256, QUICK) is None


def test_a_modulus_counts_only_if_both_signatures_are_right_under_it() -> None:
    n = PAIR[0].public_key().public_numbers().n
    chosen = (3**1200, 5**800)
    right, wrong = ([Signed(each, pow(each, 3, n) + more) for each in chosen] for more in (0, n))
    assert recover(right[0], right[1], 256, (3,)) == (n, 3)
    for one, two in ((wrong[0], wrong[1]), (right[0], wrong[1]), (wrong[0], right[1])):
        assert recover(one, two, 256, (3,)) is None


def test_a_signature_may_be_as_long_as_of_4096_bits() -> None:
    key = rsa.generate_private_key(3, 8 * LONGEST)
    found = recovery().of(by(key, "a"), by(key, "b"))
    assert numbers(found.jwk).n == key.public_key().public_numbers().n


def test_a_key_is_computed_once_and_so_is_that_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    keeps = recovery()
    found, none = keeps.of(by(PAIR[0], "a"), by(PAIR[0], "b")), recovery()
    failed = none.of(by(PAIR[0], "a"), by(PAIR[1], "b"))
    monkeypatch.setattr(recovered_key, "_in_a_process", pytest.fail)
    assert keeps.of(by(PAIR[0], "c"), by(PAIR[0], "d")) == found == keeps.known(by(PAIR[0], "e"))
    assert keeps.known(by(PAIR[1], "a")) is None
    assert none.of(by(PAIR[0], "c"), by(PAIR[0], "d")) == failed


def children() -> list[str]:
    return [child for listed in Path("/proc/self/task").glob("*/children") for child in listed.read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_time_is_kept_and_nothing_is_left_behind() -> None:
    told: list[str] = []
    before, begun = children(), time.monotonic()
    slow = recovery((65537,), recover_seconds=1)
    slow.tell = told.append
    found = slow.of(token_of(b"\xfe" * LONGEST), token_of(b"\xfd" * LONGEST, "b"))
    assert found.because == "it was not computed within 1 s; tokens.recover_seconds allows more"
    assert (time.monotonic() - begun < 20, children()) == (True, before)
    assert told
    assert f"computing the RSA key of {ISSUER} from two tokens (J049): 0 s, at most 1 s" in told


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_whoever_interrupts_the_run_leaves_nothing_behind_either(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def interrupt(line: str) -> None:
        told.append(line)
        if len(told) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(recovered_key, "_TOLD_SECONDS", 0.2)
    before, slow = children(), recovery((65537,))
    slow.tell = interrupt
    with pytest.raises(KeyboardInterrupt):
        slow.of(token_of(b"\xfe" * LONGEST), token_of(b"\xfd" * LONGEST, "b"))
    assert children() == before


def test_where_nobody_waits_for_it_any_more_the_process_ends_itself() -> None:
    asked = {"octets": LONGEST, "pairs": [["f" * 1024, "e"], ["e" * 1024, "d"]], "exponents": [65537]}
    command = [sys.executable, "-m", "tenantproof.clients.rsa_recovery", "1"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (-14, "")  # SIGALRM


def test_a_computation_that_breaks_off_says_why() -> None:
    found = recovery(("no number",)).of(by(PAIR[0], "a"), by(PAIR[0], "b"))  # type: ignore[arg-type]  # that is the point
    assert found.because.startswith("the computation broke off (exit 1): TypeError")


@pytest.mark.parametrize(
    ("said", "algorithm", "published", "needs"),
    [
        ({}, "RS256", False, ""),
        ({"recover_public_key": True}, "RS512", True, ""),
        ({}, "RS256", True, "tokens.recover_public_key = true where a key set is named; J037 to J048 show the same"),
        ({"recover_public_key": False}, "RS256", False, "tokens.recover_public_key, which is false"),
        ({}, "PS256", False, "two tokens by RS256, RS384 or RS512; these are by PS256"),
        ({}, "\x1b[2J", False, "two tokens by RS256, RS384 or RS512; these are by "),
        ({"algorithms": ("RS384",)}, "RS256", False, "RS256 in tokens.algorithms, for such are the tokens"),
    ],
)
def test_what_it_would_take(said: dict[str, object], algorithm: str, *, published: bool, needs: str) -> None:
    tokens = Tokens(**{"audience": "a", "algorithms": ("RS256", "RS512"), **said})  # type: ignore[arg-type]  # as above
    barred = KeyRecovery(tokens).barred(algorithm, published=published)
    assert barred.startswith(needs)
    assert (barred == "") is (needs == "")
    assert barred.isprintable()


def test_without_the_library_the_command_is_named_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovered_key, "find_spec", {"flint": None}.__getitem__)
    needs = "python-flint; run: pip install 'tenantproof[recovery]'"
    assert recovery().barred("RS256", published=False) == needs
    assert "true" in recovery().barred("RS256", published=True)
    with pytest.raises(
        UsageError, match=r"recover_public_key is true, and python-flint is not .*tenantproof\[recovery"
    ):
        recovery(recover_public_key=True).barred("RS256", published=True)


def test_nothing_is_imported_before_it_is_needed() -> None:
    code = "import sys, tenantproof.cli, tenantproof.clients.target; sys.exit('flint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert Recovered().jwk is None
