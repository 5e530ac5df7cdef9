"""Tokens by withdrawn keys are looked for where an issuer's keys may be turned, and nothing is turned elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from checks.token_validation import check_a_key_that_was_withdrawn_vouches_for_nobody as check
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.errors import TargetError
from tenantproof.model.profile import Profile, Rotation
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.key_rotation import KeyRotation
from tenantproof.probes.token_validation import TokenForge
from tests.clients.profiles import client_of
from tests.probes.examining import SECRET_ENV, examine
from tests.probes.fake_api import AUDIENCE, FakeApi, Json, Refused


class TurningApi(FakeApi):
    """One more issuer, whose keys can be turned, for a reader of acme."""

    def __init__(self) -> None:
        super().__init__()
        self.ring: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.turn({})
        self.turns: list[Json] = []

    def turn(self, body: Json) -> None:
        if body.get("withdraw"):
            self.ring.clear()
        self.ring[f"turned-{time.monotonic_ns()}"] = ec.generate_private_key(ec.SECP256R1())

    def key_named(self, kid: str) -> ec.EllipticCurvePrivateKey | None:
        return self.ring.get(kid)

    def issue(self, tenant: str, form: dict[str, str]) -> Json:
        if tenant != "turned":
            return super().issue(tenant, form)
        kid, key = list(self.ring.items())[-1]
        now = int(time.time())
        claims = {"iss": f"{self.base}/issuers/turned", "sub": "s", "aud": AUDIENCE, "iat": now, "exp": now + 300}
        return {"access_token": jwt.encode(claims, key, "ES256", headers={"kid": kid}), "expires_in": 300}

    def jwks(self, tenant: str) -> Json:
        if tenant != "turned":
            return super().jwks(tenant)
        to_jwk = jwt.algorithms.ECAlgorithm.to_jwk
        return {"keys": [{**to_jwk(key.public_key(), as_dict=True), "kid": kid} for kid, key in self.ring.items()]}

    def verify(self, token: str) -> str:
        try:
            header = jwt.get_unverified_header(token)
            is_turned = jwt.decode(token, options={"verify_signature": False})["iss"].endswith("/turned")
        except (jwt.PyJWTError, KeyError):
            return super().verify(token)
        if not is_turned:
            return super().verify(token)
        key = self.key_named(str(header.get("kid")))
        try:
            jwt.decode(token, key and key.public_key(), ["ES256"], audience=AUDIENCE)  # type: ignore[arg-type]
        except (jwt.PyJWTError, TypeError):
            raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"}) from None
        return "acme"

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        if not url.endswith("/turn"):
            return super().answer(method, url, headers, body)
        if headers.get("authorization") != "Bearer not a secret":
            return 401, {}
        self.turns.append(json.loads(body))
        self.turn(self.turns[-1])
        return 200, {}


class LastingApi(TurningApi):
    """What was a key once stays one."""

    known: dict[str, ec.EllipticCurvePrivateKey]

    def turn(self, body: Json) -> None:
        self.known = {**getattr(self, "known", {}), **self.ring}
        super().turn(body)

    def key_named(self, kid: str) -> ec.EllipticCurvePrivateKey | None:
        return self.ring.get(kid) or self.known.get(kid)


class ListlessApi(TurningApi):
    """Says that it withdraws its keys, and goes on publishing them."""

    def turn(self, body: Json) -> None:  # it does not listen
        super().turn({})


def _turned(*, writes: bool = True, **more: Any) -> Callable[[Profile, str], Profile]:
    """Describes the issuer in a profile; `more` is said of it."""

    def edited(usual: Profile, host: str) -> Profile:
        assert usual.tokens
        issuer = f"http://{host}/issuers/turned"
        told = {"tenant": "acme", "principal": client_of(host, "turned", SECRET_ENV), "secret": {"env": SECRET_ENV}}
        rotation = msgspec.convert({**told, "url": f"http://{host}/turn", "seconds": 1, **more}, Rotation)
        jwks = {**usual.tokens.jwks, issuer: f"{issuer}/jwks"}
        tokens = msgspec.structs.replace(usual.tokens, jwks=jwks, rotation=rotation)
        safety = msgspec.structs.replace(usual.safety, allow_writes=writes)
        return msgspec.structs.replace(usual, tokens=tokens, safety=safety)

    return edited


def _examined(api: TurningApi, folder: Path, patch: pytest.MonkeyPatch, **more: Any) -> Finding:
    return examine(api, check, KeyRotation, folder, patch, _turned(**more))


def test_keys_that_are_withdrawn_in_time_satisfy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = TurningApi()
    found = _examined(api, tmp_path, monkeypatch)
    assert found.verdict is Verdict.SATISFIED, found
    assert found.trials > 3
    assert api.turns == [{}, {"withdraw": True}]


def test_a_key_that_stays_good_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _examined(LastingApi(), tmp_path, monkeypatch)
    assert found.verdict is Verdict.NOT_SATISFIED


def test_where_the_issuer_withdraws_nothing_nothing_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _examined(ListlessApi(), tmp_path, monkeypatch)
    assert found.verdict is Verdict.NOT_ASSESSED


def test_no_key_is_turned_where_nothing_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = TurningApi()
    found = _examined(api, tmp_path, monkeypatch, writes=False)
    assert (found.verdict, found.trials, api.turns) == (Verdict.SATISFIED, 1, [])


def test_an_issuer_that_does_not_turn_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTPROOF_WRONG", "wrong")
    with pytest.raises(TargetError, match=r"answered 401.*correct tokens\.rotation"):
        _examined(TurningApi(), tmp_path, monkeypatch, secret={"env": "TENANTPROOF_WRONG"})


def test_rotation_is_described_with_what_it_does_when_nothing_else_is_said() -> None:
    told = {"tenant": "a", "principal": {"token": {"env": "T"}}, "url": "http://h/turn", "secret": {"env": "S"}}
    made = msgspec.convert(told, Rotation)
    assert (made.renew, made.withdraw, made.seconds) == ({}, {"withdraw": True}, 5)


@pytest.mark.parametrize("writes", [True, False])
def test_the_class_counts_as_tried_only_where_keys_may_be_turned(
    writes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []

    def look(probe: TokenForge, _: Ledger) -> None:
        notes.extend(probe.coverage("acme").notes)

    examine(TurningApi(), look, TokenForge, tmp_path, monkeypatch, _turned(writes=writes))
    assert any(note.startswith("not tried: J102") for note in notes) != writes
