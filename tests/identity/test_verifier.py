"""The verifier against forged, damaged and unfit tokens, with genuine keys from a running issuer."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.identity.served import AUDIENCE, Issuing, Verifying
from venturi.identity.issuer import SigningKeys
from venturi.identity.jwk import public_jwk, read_jwk, sign_es256
from venturi.identity.keys import read_keys
from venturi.identity.principal import InvalidToken
from venturi.identity.strict import b64url, read_b64url, read_json_object, write_json

Json = dict[str, Any]
MINE = ec.generate_private_key(ec.SECP256R1())
FUTURE = 4_102_444_800
"""The first second of 2100: no test takes that long after it was collected."""
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def opened(token: str) -> tuple[Json, Json, bytes]:
    header, claims, signature = token.split(".")
    return read_json_object(read_b64url(header)), read_json_object(read_b64url(claims)), read_b64url(signature)


def closed(header: Json | bytes, claims: Json | bytes, sign: Callable[[bytes], bytes] | bytes) -> str:
    halves = [part if isinstance(part, bytes) else write_json(part) for part in (header, claims)]
    signed = ".".join(b64url(half) for half in halves)
    return f"{signed}.{b64url(sign if isinstance(sign, bytes) else sign(signed.encode()))}"


def mine(message: bytes) -> bytes:
    return sign_es256(MINE, message)


def header_with(**change: object) -> Callable[[str], str]:
    def forge(token: str) -> str:
        header, claims, _ = opened(token)
        merged = {name: value for name, value in {**header, **change}.items() if value is not ...}
        return closed(merged, claims, mine)

    return forge


def claims_with(**change: object) -> Callable[[str], str]:
    def forge(token: str) -> str:
        header, claims, signature = opened(token)
        return closed(header, {**claims, **change}, signature)

    return forge


def resigned(change: Callable[[bytes], bytes]) -> Callable[[str], str]:
    def forge(token: str) -> str:
        header, claims, signature = opened(token)
        return closed(header, claims, change(signature))

    return forge


def unsigned(algorithm: object, signature: bytes = b"") -> Callable[[str], str]:
    return lambda token: closed({**opened(token)[0], "alg": algorithm}, opened(token)[1], signature)


def confused(encoding: Encoding, form: PublicFormat) -> Callable[[str, ec.EllipticCurvePublicKey], str]:
    def forge(token: str, key: ec.EllipticCurvePublicKey) -> str:
        header, claims, _ = opened(token)
        secret = key.public_bytes(encoding, form)
        return closed({**header, "alg": "HS256"}, claims, lambda signed: hmac.digest(secret, signed, hashlib.sha256))

    return forge


def twice(token: str) -> str:
    header, claims, signature = opened(token)
    doubled = write_json(claims)[:-1] + b',"sub":"sub-birch-reader"}'
    return closed(header, doubled, signature)


def spelled_otherwise(token: str) -> str:
    """The same bytes: the last character of 86 holds four bits that belong to none of them."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


FORGERIES: dict[str, Callable[[str], str]] = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "none with the signature kept": lambda token: unsigned("none", opened(token)[2])(token),
    "none in an array": unsigned(["none", "ES256"]),
    "no alg": lambda token: closed({"typ": "at+jwt", "kid": opened(token)[0]["kid"]}, opened(token)[1], mine),
    "alg null": unsigned(None),
    "alg is an object": unsigned({}),
    "HS256 with an empty key": lambda token: closed(
        {**opened(token)[0], "alg": "HS256"}, opened(token)[1], lambda signed: hmac.digest(b"", signed, "sha256")
    ),
    "signed by a key of one's own": header_with(),
    "own key, own kid": header_with(kid="mine"),
    "own key in the header": header_with(kid="mine", jwk=public_jwk(MINE.public_key())),
    "own key in the header, kid of the issuer's": header_with(jwk=public_jwk(MINE.public_key())),
    "kid missing": header_with(kid=...),
    "kid is a number": header_with(kid=1),
    "kid is a list": header_with(kid=[]),
    "subject changed": claims_with(sub="sub-birch-reader"),
    "expiry changed": claims_with(exp=time.time() + 9999),
    "scope changed": claims_with(scope="support:approve"),
    "signature empty": resigned(lambda _: b""),
    "signature of zeros": resigned(lambda _: bytes(64)),
    "r and s are the order of the curve": resigned(lambda _: ORDER.to_bytes(32, "big") * 2),
    "signature cut": resigned(lambda signature: signature[:-1]),
    "signature longer": resigned(lambda signature: signature + b"\0"),
    "first bit flipped": resigned(lambda signature: bytes([signature[0] ^ 1]) + signature[1:]),
    "signature as DER": lambda token: closed(
        opened(token)[0],
        opened(token)[1],
        lambda signed: MINE.sign(signed, ec.ECDSA(ec.hashes.SHA256())),  # type: ignore[attr-defined]
    ),
    "two segments": lambda token: token.rpartition(".")[0],
    "four segments": lambda token: f"{token}.",
    "signature in another spelling": spelled_otherwise,
    "padded": lambda token: f"{token}==",
    "space behind": lambda token: f"{token} ",
    "line feed inside": lambda token: token.replace(".", ".\n", 1),
    "no header": lambda token: "." + token.partition(".")[2],
    "empty": lambda _: "",
    "dots": lambda _: "..",
    "not ASCII": lambda token: token[:-1] + "é",
    "a member twice": twice,
    "JSON serialization": lambda token: write_json({"payload": token.split(".")[1], "signatures": []}).decode(),
    "nested too deeply": lambda token: closed(b"[" * 3000, opened(token)[1], mine),
    "too large": lambda token: token + "A" * 9000,
    "issuer is nobody we trust": claims_with(iss="https://elsewhere.example"),
    "issuer is a list": claims_with(iss=["https://elsewhere.example"]),
}


def test_a_genuine_token_is_verified(issuing: Issuing, verifying: Verifying) -> None:
    verified = verifying.verify(issuing.token("alder"))
    assert verified.issuer == issuing.url("alder")
    assert verified.subject == "sub-alder-reader"
    assert verified.scopes == {"attributions:read", "audit:read"}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(issuing: Issuing, verifying: Verifying, name: str) -> None:
    genuine = issuing.token("alder")
    forged = FORGERIES[name](genuine)
    assert forged != genuine
    with pytest.raises(InvalidToken):
        verifying.verify(forged)
    verifying.verify(genuine)


@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.X962, PublicFormat.UncompressedPoint),
    ],
)
def test_a_public_key_is_no_shared_secret(
    issuing: Issuing, verifying: Verifying, encoding: Encoding, form: PublicFormat
) -> None:
    (key, *_) = read_keys(httpx.get(f"{issuing.url('alder')}/jwks").content).values()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    with pytest.raises(InvalidToken):
        verifying.verify(confused(encoding, form)(issuing.token("alder"), key))


def test_a_token_for_another_audience_is_refused(issuing: Issuing, verifying: Verifying) -> None:
    for audience in ("https://elsewhere.example", AUDIENCE + "/", AUDIENCE.upper()):
        with pytest.raises(InvalidToken, match="audience"):
            verifying.verify(issuing.token("alder", audience=audience))


def test_a_token_ends_when_it_says(issuing: Issuing, verifying: Verifying) -> None:
    token = issuing.token("alder", lifetime="10")
    verifying.now = 8
    verifying.verify(token)
    verifying.now = 10
    with pytest.raises(InvalidToken, match="expired"):
        verifying.verify(token)


def test_a_token_from_the_future_is_refused(issuing: Issuing, verifying: Verifying) -> None:
    token = issuing.token("alder")
    verifying.now = -4
    verifying.verify(token)
    verifying.now = -8
    with pytest.raises(InvalidToken):
        verifying.verify(token)


def test_an_issuer_that_is_not_trusted_is_refused(issuing: Issuing) -> None:
    only_alder = Verifying(issuing.trusted("alder"))
    with pytest.raises(InvalidToken, match="issuer"):
        only_alder.verify(issuing.token("birch"))
    only_alder.close()


def test_one_issuer_cannot_sign_for_another(issuing: Issuing, verifying: Verifying) -> None:
    header, claims, _ = opened(issuing.token("birch"))
    keys = SigningKeys()
    theirs = {**claims, "iss": issuing.url("alder")}
    with pytest.raises(InvalidToken):
        verifying.verify(keys.sign(theirs))
    with pytest.raises(InvalidToken, match="no such key"):
        verifying.verify(closed(header, theirs, mine))


class TestClaimsOfATrustedIssuer:
    """Tokens that a trusted issuer really signed, with claims that it should not have."""

    @pytest.fixture
    def lent(self, issuing: Issuing, verifying: Verifying, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        issuer = next(iter(issuing.trusted("alder").values()))

        async def find(*_: object) -> ec.EllipticCurvePublicKey:
            return MINE.public_key()

        monkeypatch.setattr(verifying.keys, "find", find)

        def verify(header: Json, claims: Json) -> None:
            now = time.time()
            good = {"iss": issuer.url, "aud": AUDIENCE, "sub": "s", "iat": now, "exp": now + 60}
            full = {name: value for name, value in {**good, **claims}.items() if value is not ...}
            verifying.verify(closed({"alg": "ES256", "typ": "at+jwt", "kid": "k", **header}, full, mine))

        return verify

    @pytest.mark.parametrize("audience", [AUDIENCE, ["https://other.example", AUDIENCE]])
    def test_a_good_one_passes(self, lent: Callable[..., None], audience: object) -> None:
        lent({}, {"aud": audience, "nbf": time.time()})

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": ...},
            {"exp": "9999999999"},
            {"exp": True},
            {"exp": None},
            {"iat": ...},
            {"iat": FUTURE},
            {"nbf": FUTURE},
            {"nbf": "now"},
            {"sub": ...},
            {"sub": ""},
            {"sub": 7},
            {"sub": "a\0b"},
            {"sub": "a" * 256},
            {"aud": ...},
            {"aud": []},
            {"aud": [AUDIENCE, 7]},
            {"aud": {AUDIENCE: 1}},
            {"aud": f"{AUDIENCE} https://other.example"},
        ],
        ids=str,
    )
    def test_bad_claims_are_refused(self, lent: Callable[..., None], claims: Json) -> None:
        with pytest.raises(InvalidToken):
            lent({}, claims)

    @pytest.mark.parametrize(
        "header",
        [
            {"typ": "JWT"},
            {"typ": "AT+JWT"},
            {"typ": "at+jwt\0"},
            {"typ": None},
            {"crit": []},
            {"crit": ["exp"]},
            {"b64": False},
            {"b64": True},
            {"zip": "DEF"},
            {"alg": "ES384"},
            {"alg": "es256"},
            {"alg": "ES256 "},
        ],
        ids=str,
    )
    def test_bad_headers_are_refused(self, lent: Callable[..., None], header: Json) -> None:
        with pytest.raises(InvalidToken):
            lent(header, {})


@pytest.mark.parametrize(
    "change",
    [{"kty": "RSA"}, {"crv": "P-384"}, {"use": "enc"}, {"alg": "ES384"}, {"x": "AAAA"}, {"y": b64url(bytes(32))}],
    ids=str,
)
def test_a_key_of_another_kind_is_not_read(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_jwk({**public_jwk(MINE.public_key()), **change})


def test_a_kid_that_stands_twice_names_no_key() -> None:
    jwk, other = public_jwk(MINE.public_key()), public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
    assert read_keys(write_json({"keys": [jwk, other]})).keys() == {jwk["kid"], other["kid"]}
    assert read_keys(write_json({"keys": [jwk, {**other, "kid": jwk["kid"]}]})) == {}
