"""The token checks are satisfied by a strict verifier, and by none that lets a forgery or an unfit token pass."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from checks import token_validation as checks
from tenantproof.clients.tokens import Token, parse, unbase64
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.forgeries import FAMILIES, Material, of_families
from tenantproof.probes.public_keys import verifies
from tenantproof.probes.token_validation import FORGED, TAMPERED, TokenForge, TokenForgeTrail
from tests.clients.profiles import MISMATCH
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused

UNFIT = checks.check_issuer_audience_expiry_and_signature_are_verified_first
FORGERY = checks.check_no_forgery_is_taken_for_genuine
TENANT = checks.check_the_answer_to_a_forgery_does_not_depend_on_its_tenant
BLAME = checks.check_a_forgery_leaves_nothing_in_the_trail_of_its_tenant
ALL = (UNFIT, FORGERY, TENANT, BLAME)


def claims_of(token: str) -> Json:
    payload: Json = json.loads(unbase64(token.split(".")[1]))
    return payload


class TrustingApi(FakeApi):
    """Checks no signature."""

    def verify(self, token: str) -> str:
        try:
            tenant = str(claims_of(token)["iss"]).rpartition("/")[2]
        except (ValueError, KeyError, IndexError):
            raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"}) from None
        return tenant if tenant in self.keys else super().verify(token)


class NoneApi(FakeApi):
    """Takes alg none for an algorithm."""

    def verify(self, token: str) -> str:
        try:
            if str(jwt.get_unverified_header(token).get("alg")).lower() == "none":
                return str(claims_of(token)["iss"]).rpartition("/")[2]
        except (jwt.PyJWTError, ValueError, KeyError):
            pass
        return super().verify(token)


class SecretApi(FakeApi):
    """Takes the public key for a shared secret."""

    def verify(self, token: str) -> str:
        signed, _, signature = token.rpartition(".")
        for tenant, key in self.keys.items():
            pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            if unbase64(signature) == hmac.new(pem, signed.encode(), hashlib.sha256).digest():
                return tenant
        return super().verify(token)


class AnyAudienceApi(FakeApi):
    """Does not ask whom a token is for."""

    def verify(self, token: str) -> str:
        tenant = self._issuer_of(token)
        key = self.keys[tenant].public_key() if tenant in self.keys else None
        try:
            jwt.decode(token, key, ["ES256"], options={"verify_aud": False, "require": ["exp", "aud"]})  # type: ignore[arg-type]  # None is refused
        except (jwt.PyJWTError, TypeError):
            raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"}) from None
        return tenant

    def _issuer_of(self, token: str) -> str:
        try:
            return str(claims_of(token).get("iss")).rpartition("/")[2]
        except (ValueError, IndexError):
            return ""


class EternalApi(FakeApi):
    """Takes tokens that have ended."""

    def verify(self, token: str) -> str:
        try:
            return super().verify(token)
        except Refused:
            claims = claims_of(token) if token.count(".") == 2 else {}
            tenant = str(claims.get("iss")).rpartition("/")[2]
            if tenant in self.keys and float(claims.get("exp", 0)) < time.time() and self._is_signed(token, tenant):
                return tenant
            raise

    def _is_signed(self, token: str, tenant: str) -> bool:
        key = {**self.jwks(tenant)["keys"][0]}
        return verifies(token, key, ("ES256",))


class HastyApi(FakeApi):
    """Looks at the tenant before it looks at the signature."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        token = headers.get("authorization", "").partition(" ")[2]
        if token.count(".") == 2 and str(claims_of(token).get("iss")).rpartition("/")[2] != steps[2]:
            raise Refused(403, MISMATCH)
        return super().tenant_answer(steps, query, headers)


class BlamingApi(FakeApi):
    """Writes whoever a token names into the trail, before it is verified."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        try:
            return super().tenant_answer(steps, query, headers)
        except Refused as refused:
            token = headers.get("authorization", "").partition(" ")[2]
            if refused.status == 401 and token.count(".") == 2:
                named = str(claims_of(token).get("iss")).rpartition("/")[2]
                self.write(
                    named, self.event(named, headers["traceparent"].split("-")[1], "/", 401, "INVALID_TOKEN", "")
                )
            raise


class StingyApi(FakeApi):
    """Its issuers make tokens of one kind only."""

    def issue(self, tenant: str, form: dict[str, str]) -> Json:
        return super().issue(tenant, {})


class DeafApi(FakeApi):
    """Refuses every token."""

    def verify(self, token: str) -> str:
        raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"})


def run(api: FakeApi, check: Callable[..., None], folder: Path, patch: pytest.MonkeyPatch) -> Finding:
    return examine(api, check, TokenForgeTrail if check is BLAME else TokenForge, folder, patch)


@pytest.mark.parametrize("check", ALL)
def test_a_strict_verifier_satisfies_every_check(
    check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(FakeApi(), check, tmp_path, monkeypatch)
    assert (found.verdict, found.because[:4]) == (Verdict.SATISFIED, "all ")
    assert found.tried == found.units


@pytest.mark.parametrize(
    ("api", "check"),
    [
        (TrustingApi, UNFIT),
        (TrustingApi, FORGERY),
        (TrustingApi, TENANT),
        (NoneApi, FORGERY),
        (NoneApi, TENANT),
        (SecretApi, FORGERY),
        (AnyAudienceApi, UNFIT),
        (EternalApi, UNFIT),
        (HastyApi, TENANT),
        (BlamingApi, BLAME),
    ],
)
def test_a_verifier_with_a_gap_is_found_out(
    api: type[FakeApi], check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(api(), check, tmp_path, monkeypatch).verdict is Verdict.NOT_SATISFIED


@pytest.mark.parametrize(("api", "check"), [(AnyAudienceApi, FORGERY), (EternalApi, FORGERY)])
def test_a_gap_elsewhere_is_not_taken_for_one_here(
    api: type[FakeApi], check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(api(), check, tmp_path, monkeypatch).verdict is Verdict.SATISFIED


@pytest.mark.parametrize("check", ALL)
def test_a_verifier_that_refuses_everything_proves_nothing(
    check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(DeafApi(), check, tmp_path, monkeypatch).verdict is Verdict.NOT_ASSESSED


def test_an_issuer_that_makes_no_unfit_tokens_leaves_the_rest_to_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(StingyApi(), UNFIT, tmp_path, monkeypatch)
    assert found.verdict is Verdict.SATISFIED
    assert found.tried == found.units


def _materials() -> list[tuple[Material, list[Json]]]:
    api = FakeApi()
    own, victim = (parse(str(api.issue(tenant, {})["access_token"])) for tenant in ("acme", "globex"))
    keys = [key for tenant in api.keys for key in api.jwks(tenant)["keys"]]
    acme, globex = (tuple(api.jwks(tenant)["keys"]) for tenant in ("acme", "globex"))
    return [
        (Material.in_own_name(own, victim, acme), keys),
        (Material.in_anothers_name(own, victim, globex), keys),
    ]


@pytest.mark.parametrize(("material", "keys"), _materials(), ids=["own name", "another's name"])
def test_no_forgery_verifies_under_any_published_key(material: Material, keys: list[Json]) -> None:
    made = of_families(material, FAMILIES)
    assert len(made) >= 45
    assert len({forgery.name for forgery in made}) == len(made)
    assert not [f.name for f in made for key in keys if verifies(f.token, key, ("ES256", "HS256", "none"))]


def test_forgeries_in_anothers_name_never_hold_the_others_signature() -> None:
    material, _ = _materials()[1]
    signature = material.base.segments[2]
    assert not [forgery.name for forgery in of_families(material, FAMILIES) if signature in forgery.token]


def test_the_families_of_the_checks_are_all_there_are() -> None:
    assert {*FORGED, *TAMPERED} == set(FAMILIES)


def test_a_key_of_our_own_signs_well_or_the_forgery_would_be_refused_for_the_wrong_reason() -> None:
    material, _ = _materials()[0]
    named = {forgery.name: forgery.token for forgery in of_families(material, ["own key"])}
    token: Token = parse(named["jwk in the header"])
    assert verifies(token.text, token.header["jwk"], ("ES256",))
    assert not verifies(token.text, {**token.header["jwk"], "x": "AA"}, ("ES256",))


def test_a_mac_made_with_the_public_key_is_one() -> None:
    material, _ = _materials()[0]
    named = {forgery.name: forgery.token for forgery in of_families(material, ["confused"])}
    token = named["HS256 with the public key as PEM"]
    key = jwt.PyJWK.from_dict(dict(material.keys[0])).key
    assert isinstance(key, ec.EllipticCurvePublicKey)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed, _, signature = token.rpartition(".")
    assert unbase64(signature) == hmac.new(pem, signed.encode(), hashlib.sha256).digest()
