"""What is forged with lent keys: none verifies, each differs in one respect, and what must do does."""

from __future__ import annotations

import hashlib

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tenantproof.clients.recovered_key import KeyRecovery
from tenantproof.clients.tokens import parse
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Tokens
from tenantproof.probes.forging import catalogue, confused
from tenantproof.probes.forging.lent_keys import good_by_rsa, likened, read_lent, signature_forgeries
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import jwk, maced, signed
from tenantproof.probes.forging.rsa_signatures import RawRsa, pkcs1, pss
from tenantproof.probes.public_keys import verifies
from tests.probes.lent import CURVE, KEY_SET, MODULUS, lent, pem, right, settings_of, under
from tests.probes.test_forging import OWN

MESSAGE = b"header.claims"
SCHEMES = {"RS256": padding.PKCS1v15(), "PS256": padding.PSS(padding.MGF1(SHA256()), 32)}
FAMILIES = (confused.FAMILY,)
MAKERS = {"RS256": pkcs1, "PS256": pss}


def is_right(algorithm: str, signature: bytes) -> bool:
    try:
        MODULUS.public_key().verify(signature, MESSAGE, SCHEMES[algorithm], SHA256())
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("algorithm", MAKERS)
def test_no_signature_that_is_almost_right_verifies(algorithm: str) -> None:
    made = dict(MAKERS[algorithm](RawRsa(MODULUS), MESSAGE))
    assert len(made) == len(list(MAKERS[algorithm](RawRsa(MODULUS), MESSAGE))) == len({*made.values()})
    assert len(made) >= {"RS256": 110, "PS256": 45}[algorithm]
    for name, signature in made.items():
        assert not is_right(algorithm, signature), name
    assert is_right(algorithm, right(algorithm, MESSAGE))


@pytest.mark.parametrize("library", ["PyJWT", "joserfc"])
def test_libraries_refuse_them_too(library: str) -> None:
    take = {"PyJWT": by_pyjwt, "joserfc": by_joserfc}[library]
    for algorithm, token in good_by_rsa(lent()):
        assert take(token, algorithm)
    almost = [each for each in signature_forgeries(lent()) if each.klass in {"J110", "J111"}]
    taken = [each.vector for each in almost if take(each.token, "RS256" if each.klass == "J110" else "PS256")]
    assert (len(almost) > 150, taken) == (True, [])


def by_pyjwt(token: str, algorithm: str) -> bool:
    try:
        jwt.decode(token, MODULUS.public_key(), [algorithm], options={"verify_aud": False})
    except jwt.PyJWTError:
        return False
    return True


def by_joserfc(token: str, algorithm: str) -> bool:
    try:
        jws.deserialize_compact(token, RSAKey.import_key(MODULUS.public_key()), algorithms=[algorithm])
    except JoseError:
        return False
    return True


def test_the_private_operation_is_the_one_that_makes_right_signatures() -> None:
    assert RawRsa(MODULUS).sign(under(right("RS256", MESSAGE))) == right("RS256", MESSAGE)


def test_what_stands_in_the_padding_is_all_that_a_padding_forgery_changes() -> None:
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(MESSAGE).digest()
    encoded = under(dict(pkcs1(RawRsa(MODULUS), MESSAGE))["the middle padding octet fe"])
    assert encoded.endswith(b"\x00" + info)
    whole = under(right("RS256", MESSAGE))
    assert [(a, b) for a, b in zip(encoded, whole, strict=True) if a != b] == [(0xFE, 0xFF)]


def test_good_tokens_by_the_rsa_key_verify_under_the_key_that_is_published_for_them() -> None:
    made = dict(good_by_rsa(lent()))
    assert made.keys() == {"RS256", "PS256"}
    for algorithm, token in made.items():
        (key,) = (each for each in KEY_SET if each.get("alg") == algorithm)
        assert verifies(token, key, (algorithm,))
        assert jwt.get_unverified_header(token)["kid"] == key["kid"]


def test_tokens_under_every_key_that_is_there_for_something_else() -> None:
    made = {each.name: each for each in signature_forgeries(lent()) if each.klass == "J113"}
    assert set(made) == {
        "PS256 by a key with use sig, alg RS256",
        "RS256 by a key with use sig, alg PS256",
        "ES256 by a key with use enc",
        "ES256 by a key with key_ops ['deriveKey']",
    }
    for each in made.values():
        header = jwt.get_unverified_header(each.token)
        key = MODULUS if header["alg"] != "ES256" else CURVE
        jwt.decode(each.token, key.public_key(), [header["alg"]], options={"verify_aud": False})


def test_the_public_half_of_a_lent_rsa_key_is_confused_with_a_secret_in_every_form() -> None:
    made = list(likened(lent()))
    assert {"J037", "J042", "J043", "J045", "J109"} <= {each.klass for each in made}
    assert len({each.vector for each in made}) == len(made)
    assert not [each.vector for each in made for key in KEY_SET if verifies(each.token, key, ("RS256", "PS256"))]
    assert {each.klass for each in made} <= catalogue.CLASSES.keys()


def test_a_published_key_that_two_tokens_give_as_well_forges_nothing_new() -> None:
    """J049 where a key set is named, with an exponent for which the numbers are small."""
    key, claims = rsa.generate_private_key(3, 2048), ({**OWN.payload, "jti": each} for each in "ab")
    own, other = (parse(signed({**OWN.header, "alg": "RS256", "kid": "three"}, each, key)) for each in claims)
    computed = KeyRecovery(Tokens(audience="a", algorithms=("RS256",))).of(own, other).jwk
    assert computed
    published = {**jwk(key), "kid": "three"}
    assert computed.items() <= published.items()
    shown = {each.token for each in catalogue.forge(Material.in_own_name(own, other, (published,)), FAMILIES)}
    for form, secret in confused.renderings(computed):
        # As a JWK a published key says more of itself than two tokens do.
        assert (maced(own.header, own.payload, secret) in shown) is ("JWK" not in form), form


def test_without_an_rsa_key_only_the_curve_key_is_misused(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, str] = {}
    settings = settings_of(environment, modulus=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    alone = read_lent(settings, OWN.base, KEY_SET, "https://api.example")
    assert [*good_by_rsa(alone), *likened(alone)] == []
    assert {each.klass for each in signature_forgeries(alone)} == {"J113"}


def test_a_key_of_another_kind_is_told_by_its_place_in_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of({})
    monkeypatch.setenv("LENT_KEY", pem(CURVE))
    monkeypatch.setenv("LENT_RSA", pem(CURVE))
    with pytest.raises(UsageError, match=r"tokens\.test_key\.rsa_key is no RSA private key"):
        read_lent(settings, OWN.base, KEY_SET, "https://api.example")
    monkeypatch.setenv("LENT_KEY", pem(MODULUS))
    with pytest.raises(UsageError, match=r"tokens\.test_key\.key is no P-256 private key"):
        read_lent(settings, OWN.base, KEY_SET, "https://api.example")
