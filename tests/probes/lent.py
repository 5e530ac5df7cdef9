"""Keys that a conformance issuer lends, its key set, and verifiers with one gap each for what is forged with them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import MutableMapping
from dataclasses import replace
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tenantproof.clients.tokens import Token, base64url, parse
from tenantproof.model.profile import LentHmac, LentKey, OneTime, Secret
from tenantproof.probes.forging import confused
from tenantproof.probes.forging.issued import Lent
from tenantproof.probes.forging.lent_hmac import SharedKeys, read_hmac
from tenantproof.probes.forging.lent_keys import good_by_rsa, read_lent, rsa_material
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import jwk, sign
from tests.probes.broken_seeing import Seen
from tests.probes.broken_verifiers import Gap, by_rendering
from tests.probes.test_forging import OWN

CURVE = ec.generate_private_key(ec.SECP256R1())
MODULUS = rsa.generate_private_key(65537, 2048)
POINT, NUMBERS = jwk(CURVE), jwk(MODULUS)
KEY_SET = (
    {**POINT, "kid": "curve", "alg": "ES256"},
    {**NUMBERS, "kid": "rs", "alg": "RS256"},
    {**NUMBERS, "kid": "ps", "alg": "PS256"},
    {**POINT, "kid": "curve.enc", "use": "enc"},
    {**{name: POINT[name] for name in ("kty", "crv", "x", "y")}, "kid": "curve.derive", "key_ops": ["deriveKey"]},
    {**jwk(ec.generate_private_key(ec.SECP256R1())), "kid": "somebody's"},
)
LONG = b"a shared key of 32 octets, which"
SHORT = b"a short one"
_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def settings_of(
    monkeypatch_env: MutableMapping[str, str],
    *,
    modulus: bool = True,
    issuer: str = "https://conformance.example",
    once: OneTime | None = None,
) -> LentKey:
    """The table of a profile; the keys are put into the environment that is given."""
    monkeypatch_env["LENT_KEY"], monkeypatch_env["LENT_RSA"] = pem(CURVE), pem(MODULUS)
    return LentKey(
        issuer=issuer,
        subject="examiner",
        tenant="acme",
        key=Secret(env="LENT_KEY"),
        rsa_key=Secret(env="LENT_RSA") if modulus else None,
        one_time=once,
    )


def hmac_settings(
    monkeypatch_env: MutableMapping[str, str],
    *,
    issuer: str = "https://conformance.example",
    key: object = None,
    short_key: object = None,
) -> LentHmac:
    """The table of a profile for shared keys, put into the environment that is given: the usual ones or others."""
    kept = {"key": key or symmetric(LONG, kid="long"), "short_key": short_key or symmetric(SHORT, kid="short")}
    for name, value in kept.items():
        monkeypatch_env[f"LENT_{name}"] = value if isinstance(value, str) else json.dumps(value)
    return LentHmac(
        issuer=issuer,
        subject="examiner",
        tenant="acme",
        key=Secret(env="LENT_key"),
        short_key=Secret(env="LENT_short_key"),
    )


def symmetric(octets: bytes, **members: str) -> dict[str, str]:
    """A symmetric JWK."""
    return {"kty": "oct", "k": base64url(octets), **members}


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """As a profile's secret holds it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def lent() -> Lent:
    """The keys as they are read."""
    return read_lent(settings_of(os.environ, once=OneTime()), OWN.base, KEY_SET, "https://api.example")


@cache
def shared() -> SharedKeys:
    """The shared keys as they are read."""
    return read_hmac(hmac_settings(os.environ), OWN.base)


@cache
def rsa_own() -> Material:
    """A forger's material where tokens are signed with RS256."""
    made = rsa_material(lent(), dict(good_by_rsa(lent()))["RS256"])
    return replace(made, spare=OWN.spare, certificate=OWN.certificate)


def under(signature: bytes) -> bytes:
    """The encoded message that an RSA signature stands for, whatever its length."""
    numbers = MODULUS.public_key().public_numbers()
    return pow(int.from_bytes(signature, "big"), numbers.e, numbers.n).to_bytes(256, "big")


def pays_no_heed_to_padding(s: Seen) -> bool:
    """Looks for the DigestInfo behind any padding, and at nothing behind it (Bleichenbacher, 2006)."""
    encoded = under(s.sig)
    content = encoded[2:].lstrip(b"\xff")[1:]
    return s.kid == "rs" and encoded[:2] == b"\0\1" and content.startswith(_INFO + hashlib.sha256(s.signed).digest())


def takes_any_salt(s: Seen) -> bool:
    """Reads from the signature how long its salt is."""
    try:
        scheme = padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO)
        MODULUS.public_key().verify(s.sig, s.signed, scheme, SHA256())
    except InvalidSignature:
        return False
    return (s.kid, s.alg) == ("ps", "PS256")


def takes_any_key(s: Seen) -> bool:
    """Takes whichever key has the id, and does not ask what it is there for."""
    private = {str(each["kid"]): CURVE if each["kty"] == "EC" else MODULUS for each in KEY_SET[:5]}.get(str(s.kid))
    return private is not None and s.by(private)


def takes_keys_of_any_length(s: Seen) -> bool:
    """Knows which key is meant, and asks neither how long it is nor which hash it is for."""
    octets = {"long": LONG, "short": SHORT}.get(str(s.kid))
    return octets is not None and s.mac(octets)


def remembers_nothing(s: Seen) -> bool:
    """Takes whatever is well signed, as if it had never seen its id."""
    return s.kid == "curve" and "jti" in s.c and s.by(CURVE)


GAPS: dict[str, Gap] = {
    "J035": takes_keys_of_any_length,
    "J042": by_rendering(confused.as_pkcs1, "256"),
    "J043": by_rendering(confused.as_pkcs1_der, "256"),
    "J045": by_rendering(confused.as_modulus, "256"),
    "J109": lambda s: s.kid == "rs" and int.from_bytes(s.sig, "big") in {0, 1, _n() - 1, _n(), _raised()},
    "J110": pays_no_heed_to_padding,
    "J111": takes_any_salt,
    "J113": takes_any_key,
    "J169": remembers_nothing,
}


def _n() -> int:
    return MODULUS.public_key().public_numbers().n


def _raised() -> int:
    return int.from_bytes(rsa_own().kept, "big") + _n()


def good(algorithm: str) -> Token:
    """A good token."""
    return parse(dict(good_by_rsa(lent()))[algorithm])


def right(algorithm: str, message: bytes) -> bytes:
    """A right signature."""
    return sign(MODULUS, message, algorithm)
