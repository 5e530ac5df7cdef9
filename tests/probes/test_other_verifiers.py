"""No false alarm: verifiers that others wrote refuse every forgery, and where they differ about spellings is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeAlias

import pytest

from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.sweep_wire import SweepWire, Volley
from tenantproof.model.profile import Safety
from tenantproof.probes.forging import catalogue
from tenantproof.probes.forging.lent_hmac import read_hmac, short_keyed
from tenantproof.probes.forging.lent_keys import good_by_rsa, likened, read_lent, signature_forgeries
from tenantproof.probes.forging.material import Material
from tests.probes.foreign_verifiers import Trust, Unavailable, jose_api, joserfc_api, nimbus_api
from tests.probes.lent import KEY_SET, LONG, SHORT, hmac_settings, settings_of, symmetric
from tests.probes.test_forging import materials

Api: TypeAlias = Callable[[Trust], AbstractContextManager[str]]
APIS: dict[str, Api] = {"joserfc": joserfc_api, "jose": jose_api, "nimbus": nimbus_api}
SPELLINGS = {
    "joserfc": {"J107"},
    "jose": {"J107", "J153", "J155", "J156"},
    "nimbus": {"J107", "J153", "J154", "J155", "J156", "J157"},
}
"""Which other spellings of a valid token each takes: docs/token-disagreements.md explains every one."""

OTHER_USES: dict[str, tuple[str, ...]] = {
    "joserfc": (),
    "jose": (),
    "nimbus": ("J113 ES256 by a key with key_ops ['deriveKey']",),
}
"""Which keys for another use each takes for a signature: explained there too."""

SHARED = {"key": symmetric(LONG, kid="long", alg="HS256"), "short_key": symmetric(SHORT, kid="short", alg="HS256")}
SHORT_KEYS: dict[str, list[str]] = {
    "joserfc": ["J035 HS256 by a key of 88 bits"],
    "jose": ["J035 HS256 by a key of 88 bits"],
    "nimbus": [],
}
"""Which keys that are shorter than their hash each uses: explained there too."""


@cache
def own() -> Material:
    """A genuine token, made when the first test wants it: what was made when tests were collected is out of date."""
    return materials()[0][0]


@pytest.fixture(scope="module", params=sorted(APIS))
def verifier(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The name of a verifier and where it listens."""
    payload = own().base.payload
    audience = payload["aud"] if isinstance(payload["aud"], str) else payload["aud"][0]
    keys = [dict(key) for key in (*own().keys, *KEY_SET, *SHARED.values())]
    trust = Trust(keys, str(payload["iss"]), str(audience), ("ES256", "RS256", "PS256", "HS256", "HS384", "HS512"))
    try:
        with APIS[request.param](trust) as host:
            yield request.param, host
    except Unavailable as why:
        pytest.skip(str(why))


def taken(host: str, tokens: Iterable[tuple[str, str]]) -> list[str]:
    """The names of the tokens that are let in."""
    found: list[str] = []

    def sink(volley: Volley[str], answers: Sequence[Answer]) -> None:
        assert not answers[0].failure, f"{volley.tag}: {answers[0].failure}"
        if answers[0].status == 200:
            found.append(volley.tag)

    safety = Safety(hosts=(host,), requests_per_second=0, connections=4, timeout_seconds=60)
    SweepWire(f"http://{host}", safety).run(
        (
            Volley(
                tag=name,
                requests=(Request(method="GET", target="/", headers=(("Authorization", f"Bearer {token}"),)),),
                fresh=True,
            )
            for name, token in tokens
        ),
        sink,
    )
    return sorted(found)


def test_the_genuine_token_is_taken(verifier: tuple[str, str]) -> None:
    assert taken(verifier[1], [("genuine", own().base.text)]) == ["genuine"]


def test_no_forgery_is_taken(verifier: tuple[str, str]) -> None:
    forgeries = [(each.vector, each.token) for each in catalogue.forge(own())]
    assert len(forgeries) > 600
    assert taken(verifier[1], forgeries) == []


def test_of_tokens_by_rsa_keys_the_good_ones_are_taken_and_none_that_is_almost_right(
    verifier: tuple[str, str],
) -> None:
    settings = settings_of(os.environ, issuer=str(own().payload["iss"]))
    lent = read_lent(settings, own().base, KEY_SET, "")
    assert taken(verifier[1], good_by_rsa(lent)) == ["PS256", "RS256"]
    forged = [(each.vector, each.token) for each in (*signature_forgeries(lent), *likened(lent))]
    assert len(forged) > 250
    assert taken(verifier[1], forged) == list(OTHER_USES[verifier[0]])


def test_whose_keys_may_be_shorter_than_their_hash_is_known(verifier: tuple[str, str]) -> None:
    shared = read_hmac(hmac_settings(os.environ, issuer=str(own().payload["iss"]), **SHARED), own().base)
    assert taken(verifier[1], [("good", shared.good())]) == ["good"]
    forged = [(each.vector, each.token) for each in short_keyed(shared)]
    assert len(forged) == 5
    assert taken(verifier[1], forged) == SHORT_KEYS[verifier[0]]


def test_the_spellings_that_are_taken_are_those_that_we_explain(verifier: tuple[str, str]) -> None:
    spelled = [(each.vector, each.token) for each in catalogue.forge(own(), (catalogue.SPELLED,))]
    # Not every signature has a character that the other alphabet writes otherwise.
    assert {each.split(" ")[0] for each in taken(verifier[1], spelled)} <= SPELLINGS[verifier[0]]
