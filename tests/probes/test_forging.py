"""Every forgery is one: it differs, nobody who knows the keys takes it, and no class is missing."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenantproof.clients.tokens import parse, unbase64
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.material import Material, own_keys
from tenantproof.probes.forging.witness import is_signed, witness_of
from tenantproof.probes.public_keys import verifies
from tests.probes.fake_api import FakeApi, Json

ALGORITHMS = ("ES256",)
ALL = (*catalogue.FORGED, catalogue.EDITED)


def materials() -> list[tuple[Material, list[Json]]]:
    api = FakeApi()
    own, victim, spare = (parse(str(api.issue(tenant, {})["access_token"])) for tenant in ("acme", "globex", "acme"))
    keys = [key for tenant in api.keys for key in api.jwks(tenant)["keys"]]
    acme, globex = (tuple(api.jwks(tenant)["keys"]) for tenant in ("acme", "globex"))
    return [
        (
            Material.in_own_name(
                own,
                victim,
                acme,
                spare=spare,
                listener="http://127.0.0.1:1",
                withdrawn=("gone",),
                certificate=own_keys().certificate,
            ),
            keys,
        ),
        (Material.in_anothers_name(own, victim, globex), keys),
    ]


MATERIALS = materials()
OWN, KEYS = MATERIALS[0]


@pytest.mark.parametrize(("material", "keys"), MATERIALS, ids=["own name", "another's name"])
def test_no_forgery_verifies_under_any_published_key(material: Material, keys: list[Json]) -> None:
    made = list(catalogue.forge(material))
    assert len({forgery.vector for forgery in made}) == len(made)
    assert len({forgery.token for forgery in made}) == len(made)
    taken = [f.vector for f in made for key in keys if verifies(f.token, key, ("ES256", "HS256", "none"))]
    assert not taken


@pytest.mark.parametrize(("material", "keys"), MATERIALS, ids=["own name", "another's name"])
def test_the_witness_speaks_for_every_forgery(material: Material, keys: list[Json]) -> None:
    for forgery in catalogue.forge(material):
        seen = witness_of(forgery.token, material.base, keys, ALGORITHMS)
        assert seen.is_forgery, f"{forgery.vector}: {seen}"


def test_the_witness_does_not_speak_against_the_genuine_token() -> None:
    seen = witness_of(OWN.base.text, OWN.base, OWN.keys, ALGORITHMS)
    assert (seen.differs, seen.accepted_by) == ((), ("PyJWT", "the strict reading"))
    assert not seen.is_forgery


def test_a_valid_signature_of_other_arithmetic_is_no_forgery() -> None:
    made = {each.klass: each.token for each in catalogue.forge(OWN, (catalogue.SPELLED,))}
    assert not witness_of(made["J107"], OWN.base, OWN.keys, ALGORITHMS).is_forgery


def test_a_spelling_says_what_the_genuine_token_says() -> None:
    made = list(catalogue.forge(OWN, (catalogue.SPELLED,)))
    assert len(made) >= 10
    for spelling in made:
        # Whoever decodes leniently reads the very same claims, if anything at all.
        middle = spelling.token.strip('.,"<>').split(".")[1]
        assert OWN.base.segments[1].startswith(middle.rstrip("= ")[:-2])


def test_the_catalogue_has_all_its_classes_and_each_is_made_or_says_what_it_needs() -> None:
    assert list(catalogue.CLASSES) == [f"J{number:03d}" for number in range(1, 195)]
    made = Counter(each.klass for each in catalogue.forge(OWN, (*ALL, catalogue.SPELLED)))
    made.update(each.klass for each in catalogue.carried(OWN))
    left = catalogue.open_classes(made)
    assert len(made) >= 155
    assert {ident for ident, needs in left.items() if needs == "listener"} == set()
    assert {ident for ident, needs in left.items() if needs == "public key"} == {
        "J042",
        "J043",
        "J044",
        "J045",
        "J109",
    }, "only what an RSA key or a certificate would be needed for"


def test_there_are_at_least_690_forgeries_of_one_token() -> None:
    assert sum(1 for _ in catalogue.forge(OWN)) >= 690


def test_nothing_is_fetched_from_a_listener_that_is_not_there() -> None:
    material = MATERIALS[1][0]
    assert not [f for f in catalogue.forge(material) if catalogue.CLASSES[f.klass].needs == "listener"]


def test_forgeries_in_anothers_name_never_hold_the_others_signature() -> None:
    material = MATERIALS[1][0]
    signature = material.base.segments[2]
    assert not [f.vector for f in catalogue.forge(material) if signature in f.token]


def test_a_key_of_our_own_signs_well_or_the_forgery_would_be_refused_for_the_wrong_reason() -> None:
    for klass in ("J065", "J066", "J068", "J072"):
        token = next(each.token for each in catalogue.forge(OWN) if each.klass == klass)
        header = parse(token).header
        key = {**header["jwk"], "alg": header["alg"]}
        assert verifies(token, key, (header["alg"],)), klass
        assert is_signed(token, key, (header["alg"],)), klass
        assert not is_signed(token, OWN.keys[0], (header["alg"],)), klass


def test_a_mac_made_with_the_public_key_is_one() -> None:
    named = {each.name: each.token for each in catalogue.forge(OWN)}
    token = named["HS256 with the public key as PEM"]
    key = jwt.PyJWK.from_dict(dict(OWN.keys[0])).key
    assert isinstance(key, ec.EllipticCurvePublicKey)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed, _, signature = token.rpartition(".")
    assert unbase64(signature) == hmac.digest(pem, signed.encode(), hashlib.sha256)


def test_octets_are_those_that_the_class_names() -> None:
    named = {each.vector: each.token for each in catalogue.forge(OWN)}
    head, _, signature = named["J001 alg none, no signature"].split(".")
    assert json.loads(unbase64(head)) == {**OWN.header, "alg": "none"}
    assert signature == ""
    assert unbase64(named["J146 a header in utf-16-le"].split(".")[0]).startswith(b"{\0")
    assert unbase64(named["J142 none last, no signature"].split(".")[0]).count(b'"alg"') == 2
