"""Tokens by withdrawn keys are looked for where an issuer's keys may be turned, and nothing is turned elsewhere."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from checks.token_validation import check_a_key_that_was_withdrawn_vouches_for_nobody as check
from tenantproof.clients.target import Target
from tenantproof.judge.conclude import finding
from tenantproof.ledger.journal import Journal
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.errors import TargetError
from tenantproof.model.profile import Rotation
from tenantproof.model.verdict import Finding, Verdict
from tenantproof.probes.key_rotation import KeyRotation
from tests.clients.profiles import CANARIES, client_of, profile_of
from tests.probes.fake_api import AUDIENCE, FakeApi, Json, Refused, serving_api

_SECRET = "TENANTPROOF_TEST_SECRET"


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


def _examined(
    api: TurningApi, folder: Path, patch: pytest.MonkeyPatch, *, writes: bool = True, **more: Any
) -> tuple[Finding, int]:
    """What the check comes to, and how many trials it said that there are."""
    patch.setenv(_SECRET, "not a secret")
    with serving_api(api) as host:
        bare = profile_of(host, {tenant: client_of(host, tenant, _SECRET) for tenant in CANARIES})
        table: dict[str, Any] = msgspec.to_builtins(bare)
        table["tokens"]["jwks"][f"http://{host}/issuers/turned"] = f"http://{host}/issuers/turned/jwks"
        turned = {"tenant": "acme", "principal": client_of(host, "turned", _SECRET), "secret": {"env": _SECRET}}
        table["tokens"]["rotation"] = {**turned, "url": f"http://{host}/turn", "seconds": 1, **more}
        table["safety"]["allow_writes"] = writes
        profile = msgspec.convert(table, type(bare))
        with (
            closing(Target(profile)) as target,
            closing(Journal.create(folder / "journal.sqlite", {})) as journal,
        ):
            check(KeyRotation(target), Ledger(journal, "check", "TK-2"))
            tally = journal.tally("check")
            return finding("TK-2", "check", tally), tally.trials


def test_keys_that_are_withdrawn_in_time_satisfy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = TurningApi()
    found, trials = _examined(api, tmp_path, monkeypatch)
    assert found.verdict is Verdict.SATISFIED, found
    assert trials > 3
    assert api.turns == [{}, {"withdraw": True}]


def test_a_key_that_stays_good_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = _examined(LastingApi(), tmp_path, monkeypatch)
    assert found.verdict is Verdict.NOT_SATISFIED


def test_where_the_issuer_withdraws_nothing_nothing_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = _examined(ListlessApi(), tmp_path, monkeypatch)
    assert found.verdict is Verdict.NOT_ASSESSED


def test_no_key_is_turned_where_nothing_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = TurningApi()
    found, trials = _examined(api, tmp_path, monkeypatch, writes=False)
    assert (found.verdict, trials, api.turns) == (Verdict.SATISFIED, 1, [])


def test_an_issuer_that_does_not_turn_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANTPROOF_WRONG", "wrong")
    with pytest.raises(TargetError, match=r"answered 401.*correct tokens\.rotation"):
        _examined(TurningApi(), tmp_path, monkeypatch, secret={"env": "TENANTPROOF_WRONG"})


def test_rotation_is_described_with_what_it_does_when_nothing_else_is_said() -> None:
    told = {"tenant": "a", "principal": {"token": {"env": "T"}}, "url": "http://h/turn", "secret": {"env": "S"}}
    made = msgspec.convert(told, Rotation)
    assert (made.renew, made.withdraw, made.seconds) == ({}, {"withdraw": True}, 5)
