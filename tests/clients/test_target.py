"""A target says who it is, its principals get tokens, and its secrets stay where they are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgspec
import pytest

from tenantproof.clients.secrets import reveal
from tenantproof.clients.target import Target
from tenantproof.clients.tokens import parse
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.profile import AwsPrincipal, Secret
from tests.clients.loopback import Served, saying, serving
from tests.clients.profiles import CANARIES, client_of, profile_of

ENV = "TENANTPROOF_TEST_SECRET"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


def said(status: int, body: object) -> bytes:
    octets = json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(octets)}\r\n\r\n".encode() + octets


@contextmanager
def target(*answers: bytes, **more: Any) -> Iterator[tuple[Target, Served]]:
    with serving(saying(*answers)) as served:
        principals = {tenant: client_of(served.host, tenant, ENV) for tenant in CANARIES}
        with closing(Target(profile_of(served.host, principals, more=more))) as reached:
            yield reached, served


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, "s3cret/+")


def test_the_right_deployment_is_recognised() -> None:
    with target(said(200, {"product": "fake", "deployment": "one", "more": 1})) as (reached, _):
        assert reached.identify() == {"product": "fake", "deployment": "one"}


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (said(200, {"product": "fake", "deployment": "two"}), "deployment is 'two', the profile expects 'one'"),
        (said(200, {"product": "fake"}), "deployment is 'nothing'"),
        (said(200, [1]), "wanted 200 and a JSON object"),
        (said(500, {}), "answered 500"),
        (b"garbage\r\n\r\n", "no readable answer"),
        (said(200, {"product": "fake", "deployment": "\x1b[2J"}), "deployment is ''"),
    ],
)
def test_another_deployment_is_an_error_that_says_what_was_seen(answer: bytes, complaint: str) -> None:
    with target(answer) as (reached, _), pytest.raises(TargetError) as caught:
        reached.identify()
    assert complaint in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_token_is_asked_for_once_and_kept() -> None:
    with target(said(200, {"access_token": TOKEN, "expires_in": 300})) as (reached, served):
        assert reached.bearer("acme") == reached.bearer("acme") == TOKEN
    assert len(served.received) == 1
    assert b"Authorization: Basic YWNtZS5yZWFkZXI6czNjcmV0JTJGJTJC" in served.received[0]


def test_a_token_that_has_run_out_is_asked_for_again() -> None:
    answer = said(200, {"access_token": TOKEN, "expires_in": 0.01})
    with target(answer, answer) as (reached, served):
        reached.bearer("acme")
        time.sleep(0.02)
        reached.bearer("acme")
    assert len(served.received) == 2


def test_a_fetched_token_is_never_one_that_was_kept() -> None:
    answers = [said(200, {"access_token": TOKEN + letter, "expires_in": 300}) for letter in "ab"]
    with target(*answers) as (reached, _):
        principal = reached.principal("acme")
        assert reached.bearer("acme") != reached.tokens.fetch(principal, audience="x", lifetime=1)


@pytest.mark.parametrize(
    "answer",
    [said(401, {"error": "invalid_client"}), said(200, {}), said(200, {"access_token": "a\nb"}), b"garbage\r\n\r\n"],
)
def test_an_issuer_that_gives_no_token_is_named_and_the_secret_is_not(answer: bytes) -> None:
    with target(answer) as (reached, served), pytest.raises(TargetError) as caught:
        reached.bearer("acme")
    assert "tenant acme, reader" in str(caught.value)
    assert f"{served.url}/issuers/acme/token" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_key_set_is_fetched_once_and_an_unknown_issuer_is_an_error() -> None:
    with target(said(200, {"keys": [{"kid": "1"}]})) as (reached, served):
        issuer = f"{served.url}/issuers/acme"
        assert reached.tokens.key_set(issuer) == reached.tokens.key_set(issuer) == ({"kid": "1"},)
        with pytest.raises(TargetError, match=r"tokens\.jwks"):
            reached.tokens.key_set("https://nobody.invalid")


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "!.!.!", "e30.W10.", "e30." + "W" * 8 + ".x"])
def test_what_is_no_token_can_not_be_taken_apart(text: str) -> None:
    with pytest.raises(TargetError):
        parse(text)


def test_a_token_taken_apart_does_not_show_itself() -> None:
    assert parse(TOKEN).payload == {"sub": "alice"}
    assert "alice" not in repr(parse(TOKEN))


def test_capabilities_follow_from_the_profile() -> None:
    with target() as (reached, _):
        assert reached.capabilities == {"http", "tokens", "trail"}
        with pytest.raises(UsageError, match=r"no \[aws\]"):
            _ = reached.aws
        for missing in (
            lambda: reached.bearer("nobody"),
            lambda: reached.bearer("acme", "king"),
            lambda: reached.support_bearer("x"),
            lambda: reached.operation("fly"),
        ):
            with pytest.raises(UsageError):
                missing()


def test_ids_are_quoted_in_paths() -> None:
    with target() as (reached, _):
        request = reached.request(reached.operation("read"), tenant="a/b", record="?x", bearer="t", query="q=1")
    assert request.target == "/v1/tenants/a%2Fb/attributions/%3Fx?q=1"
    assert request.headers[0] == ("Authorization", "Bearer t")


def test_a_secret_is_read_where_the_profile_says(tmp_path: Any) -> None:
    (tmp_path / "s").write_text("from a file\n")
    assert reveal(Secret(file=str(tmp_path / "s")), "key") == "from a file"
    assert reveal(Secret(env=ENV), "key") == "s3cret/+"


@pytest.mark.parametrize(
    "secret", [Secret(env="TENANTPROOF_NOT_SET"), Secret(file="/nowhere/at/all"), Secret(file="/dev/null")]
)
def test_a_secret_that_is_not_there_names_its_key(secret: Secret) -> None:
    with pytest.raises(UsageError, match=r"^tenants\.acme: "):
        reveal(secret, "tenants.acme")


AWS = {
    "region": "us-east-1",
    "workload": {"arn": "arn:aws:iam::1:role/w", "access_key_id": "AKIA", "secret_access_key": {"env": ENV}},
}


def aws_said(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def aws_target(answer: bytes) -> Iterator[tuple[Target, AwsPrincipal]]:
    with serving(saying(answer)) as served:
        principals = {tenant: client_of(served.host, tenant, ENV) for tenant in CANARIES}
        profile = profile_of(served.host, principals, more={"aws": {**AWS, "endpoint": served.url}})
        assert profile.aws
        with closing(Target(profile)) as reached:
            yield reached, profile.aws.workload


IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>%s</Arn></GetCallerIdentityResult>"
    b"</GetCallerIdentityResponse>"
)


def test_aws_credentials_turn_out_to_be_who_the_profile_says() -> None:
    with aws_target(aws_said(IDENTITY % b"arn:aws:iam::1:role/w")) as (reached, workload):
        assert reached.aws.identify(workload) == workload.arn
    told = pytest.raises(TargetError, match="arn:aws:iam::2:root, the profile says arn:aws:iam::1:role/w")
    with aws_target(aws_said(IDENTITY % b"arn:aws:iam::2:root")) as (reached, workload), told:
        reached.aws.identify(workload)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (
            aws_said(b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", "403 Forbidden"),
            "AccessDenied",
        ),
        (aws_said(b"not xml at all"), ""),
        (b"garbage\r\n\r\n", ""),
        (b"", ""),
    ],
    ids=["refusal", "no xml", "no http", "nothing"],
)
def test_whatever_aws_answers_is_reported_and_not_raised(answer: bytes, code: str) -> None:
    with aws_target(answer) as (reached, workload):
        client = reached.aws.client("sts", workload)
        seen = reached.aws.call(client, "get_caller_identity")
    assert not seen.is_granted
    assert seen.code == code
    assert bool(seen.failure) == (not code)


def test_an_aws_endpoint_that_the_profile_does_not_allow_is_refused() -> None:
    with aws_target(b"") as (reached, workload), serving(saying(b"")) as other:
        aws = msgspec.structs.replace(reached.profile.aws, endpoint=other.url)  # type: ignore[type-var]  # it is there
        stray = Target(msgspec.structs.replace(reached.profile, aws=aws))
        with closing(stray), pytest.raises(UsageError, match=r"safety\.hosts"):
            stray.aws.client("kms", workload)
        client = reached.aws.client("sqs", workload)
        client.meta.events.register("before-sign", lambda request, **_: setattr(request, "url", other.url))
        with pytest.raises(UsageError, match=r"safety\.hosts"):
            reached.aws.call(client, "receive_message", QueueUrl=f"{other.url}/q")
        assert other.connections == 0
