"""The issuer over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote_plus

import httpx
import pytest

from tests.identity.served import AUDIENCE, CLIENTS, KEEPERS, Issuing
from venturi.identity.strict import b64url, read_b64url, read_json_object


def parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    header, claims, _ = token.split(".")
    return read_json_object(read_b64url(header)), read_json_object(read_b64url(claims))


def test_discovery_leads_to_the_keys_and_the_token_endpoint(issuing: Issuing) -> None:
    found = httpx.get(f"{issuing.url('alder')}/.well-known/openid-configuration").json()
    assert found["issuer"] == issuing.url("alder")
    assert httpx.get(found["jwks_uri"]).json()["keys"]
    assert found["token_endpoint"] == f"{issuing.url('alder')}/token"


def test_a_kid_is_the_thumbprint_of_its_key(issuing: Issuing) -> None:
    key = httpx.get(f"{issuing.url('alder')}/jwks").json()["keys"][0]
    required = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"), sort_keys=True)
    assert key["kid"] == b64url(hashlib.sha256(required.encode()).digest())
    assert "d" not in key


def test_a_token_says_who_and_never_which_tenant(issuing: Issuing) -> None:
    header, claims = parts(issuing.token("alder"))
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert claims["iss"] == issuing.url("alder")
    assert claims["sub"] == CLIENTS["alder"][0].subject
    assert claims["aud"] == AUDIENCE
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 300
    assert set(claims) == {"iss", "sub", "aud", "iat", "nbf", "exp", "jti", "client_id", "scope"}


def test_audience_lifetime_and_scope_can_be_asked_for(issuing: Issuing) -> None:
    _, claims = parts(issuing.token("alder", audience="https://elsewhere.example", lifetime="2", scope="audit:read"))
    assert claims["aud"] == "https://elsewhere.example"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 2
    assert claims["scope"] == "audit:read"


def test_a_client_may_authenticate_by_http_basic(issuing: Issuing) -> None:
    who = CLIENTS["alder"][0]
    pair = f"{quote_plus(who.client_id)}:{quote_plus(who.client_secret)}".encode()
    answer = httpx.post(
        f"{issuing.url('alder')}/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"},
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "birch.reader"}, 401, "invalid_client"),
        ({"client_id": "", "client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "support:approve"}, 400, "invalid_scope"),
        ({"scope": "audit:read support:approve"}, 400, "invalid_scope"),
        ({"lifetime": "301"}, 400, "invalid_request"),
        ({"lifetime": "0"}, 400, "invalid_request"),
        ({"lifetime": "-1"}, 400, "invalid_request"),
        ({"lifetime": "1e2"}, 400, "invalid_request"),
    ],
)
def test_a_token_request_is_refused_as_the_rfc_says(
    issuing: Issuing, form: dict[str, str], status: int, code: str
) -> None:
    answer = issuing.ask("alder", **form)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert "access_token" not in answer.json()


def test_two_ways_to_authenticate_at_once_are_refused(issuing: Issuing) -> None:
    who = CLIENTS["alder"][0]
    answer = httpx.post(
        f"{issuing.url('alder')}/token",
        data={"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.client_secret},
        auth=(who.client_id, "x"),
    )
    assert answer.json()["error"] == "invalid_request"


def test_a_parameter_given_twice_is_refused(issuing: Issuing) -> None:
    answer = httpx.post(
        f"{issuing.url('alder')}/token",
        content="grant_type=client_credentials&grant_type=client_credentials",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json()["error"] == "invalid_request"


def test_rotation_keeps_the_old_key_published_unless_it_is_withdrawn(issuing: Issuing) -> None:
    def kids() -> list[str]:
        return [key["kid"] for key in httpx.get(f"{issuing.url('alder')}/jwks").json()["keys"]]

    (first, *_) = kids()
    second = issuing.rotate("alder").json()["kid"]
    assert kids()[:2] == [second, first]
    assert parts(issuing.token("alder"))[0]["kid"] == second
    third = issuing.rotate("alder", {"withdraw": True}).json()["kid"]
    assert kids() == [third]


def test_a_keeper_rotates_the_keys_of_its_issuer_alone(issuing: Issuing) -> None:
    before = {name: httpx.get(f"{issuing.url(name)}/jwks").json() for name in ("alder", "birch")}
    assert issuing.rotate("birch", secret=KEEPERS["birch"]).status_code == 200
    assert issuing.rotate("alder", secret=KEEPERS["birch"]).status_code == 401
    assert httpx.get(f"{issuing.url('birch')}/jwks").json() != before["birch"]
    assert httpx.get(f"{issuing.url('alder')}/jwks").json() == before["alder"]


def test_only_the_administrator_rotates(issuing: Issuing) -> None:
    before = httpx.get(f"{issuing.url('alder')}/jwks").json()
    assert issuing.rotate("alder", secret="guess").status_code == 401
    assert issuing.rotate("alder", {"withdraw": "yes"}).status_code == 400
    assert httpx.get(f"{issuing.url('alder')}/jwks").json() == before


def test_an_issuer_that_does_not_exist_is_not_found(issuing: Issuing) -> None:
    assert httpx.get(f"{issuing.url('cedar')}/jwks").status_code == 404
