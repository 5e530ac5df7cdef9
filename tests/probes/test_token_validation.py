"""The token checks are satisfied by a strict verifier, and by none that lets a forgery or an unfit token pass."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from checks import token_validation as checks
from tenantproof.clients.target import Target
from tenantproof.clients.tokens import unbase64
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.forging import catalogue
from tenantproof.probes.public_keys import verifies
from tenantproof.probes.token_showing import Presented
from tenantproof.probes.token_validation import TokenForge, TokenForgeTrail
from tests.clients.profiles import MISMATCH
from tests.probes.examining import examine
from tests.probes.fake_api import FakeApi, Json, Refused

UNFIT = checks.check_issuer_audience_expiry_and_signature_are_verified_first
FORGERY = checks.check_no_forgery_is_taken_for_genuine
TENANT = checks.check_the_answer_to_a_forgery_does_not_depend_on_its_tenant
BLAME = checks.check_a_forgery_leaves_nothing_in_the_trail_of_its_tenant
CACHE = checks.check_what_was_verified_before_does_not_lend_its_name
ALL = (UNFIT, FORGERY, TENANT, BLAME, CACHE)


def claims_of(token: str) -> Json:
    """The claims that a token shows, or none."""
    try:
        payload = json.loads(unbase64(token.split(".")[1]))
    except (ValueError, IndexError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def header_of(token: str) -> Json:
    """The header that a token shows, or an empty one."""
    return claims_of(f".{token.split('.', maxsplit=1)[0]}")


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
            claims = claims_of(token)
            tenant = str(claims.get("iss")).rpartition("/")[2]
            if tenant in self.keys and self._is_signed(token, tenant) and float(claims.get("exp", 0)) < time.time():
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


class CuriousApi(FakeApi):
    """Asks the address that a token names, and then refuses the token all the same."""

    def verify(self, token: str) -> str:
        header = header_of(token)
        if str(address := header.get("jku")).startswith("http://127.0.0.1:"):
            httpx.get(str(address), trust_env=False)
        return super().verify(token)


class CredulousApi(FakeApi):
    """Takes the key from where a token says that it is."""

    def verify(self, token: str) -> str:
        header = header_of(token)
        if str(address := header.get("jku")).startswith("http://127.0.0.1:"):
            keys = httpx.get(str(address), trust_env=False, follow_redirects=True).json().get("keys", [])
            if any(verifies(token, key, ("ES256",)) for key in keys):
                return str(claims_of(token)["iss"]).rpartition("/")[2]
        return super().verify(token)


class CachingApi(FakeApi):
    """Remembers verified tokens by all but their signature."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, str] = {}

    def verify(self, token: str) -> str:
        body = token.rpartition(".")[0]
        if body not in self.known:
            self.known[body] = super().verify(token)
        return self.known[body]


class GatewayApi(FakeApi):
    """Believes a header that only its own gateway is supposed to send."""

    def tenant_answer(self, steps: list[str], query: dict[str, list[str]], headers: dict[str, str]) -> tuple[int, Json]:
        if forwarded := headers.get("x-forwarded-access-token"):
            caller = str(claims_of(forwarded).get("iss")).rpartition("/")[2]
            return 200, self.read(caller, steps[4])
        return super().tenant_answer(steps, query, headers)


class StingyApi(FakeApi):
    """Its issuers make tokens of one kind only."""

    def issue(self, tenant: str, form: dict[str, str]) -> Json:
        return super().issue(tenant, {})


class DeafApi(FakeApi):
    """Refuses every token."""

    def verify(self, token: str) -> str:
        raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"})


class BriefForge(TokenForge):
    """Shows one forgery of each class; the whole sweep is shown once, below."""

    pairs = 5

    @cached_property
    def forged(self) -> tuple[Presented, ...]:
        first = self.tenants[0]
        return (*self._witnessed(first, first, catalogue.one_of_each(self._whole)), *self.carried)

    @cached_property
    def edited(self) -> tuple[Presented, ...]:
        first = self.tenants[0]
        return tuple(self._witnessed(first, first, catalogue.one_of_each(self._whole, (catalogue.EDITED,))))


class EarlyForge(BriefForge):
    """Has made the tokens of another claim before, as in a whole run."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        assert self.edited


def run(api: FakeApi, check: Callable[..., None], folder: Path, patch: pytest.MonkeyPatch) -> Finding:
    return examine(api, check, TokenForgeTrail if check is BLAME else BriefForge, folder, patch)


@pytest.mark.parametrize("check", [UNFIT, FORGERY])
def test_the_whole_sweep_cries_no_wolf(
    check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = examine(FakeApi(), check, TokenForge, tmp_path, monkeypatch)
    assert found.verdict is Verdict.SATISFIED, found.because
    assert found.tried == found.units >= 200


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
        (CuriousApi, FORGERY),
        (CredulousApi, FORGERY),
        (CachingApi, CACHE),
        (GatewayApi, FORGERY),
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


@pytest.mark.parametrize(("api", "verdict"), [(CuriousApi, Verdict.NOT_SATISFIED), (FakeApi, Verdict.SATISFIED)])
def test_tokens_name_the_listener_whatever_was_made_before_it_was_up(
    api: type[FakeApi], verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = examine(api(), FORGERY, EarlyForge, tmp_path, monkeypatch)
    assert found.verdict is verdict, found.because
