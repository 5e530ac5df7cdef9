"""The probes of erasure and of the stores, on targets that are dead, agree with everything, or refuse everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tenantproof.clients.aws import AwsAnswer
from tenantproof.clients.exchange import Answer, Request
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR
from tenantproof.model.profile import AwsPrincipal, Operation, Refusal, Secret
from tenantproof.probes.encrypted_stores import EncryptedStores
from tenantproof.probes.erasure import Erasure

KEY = "arn:aws:kms:us-east-1:100000000001:key/1"
ANY = AwsPrincipal(arn="arn:aws:iam::100000000001:user/u", access_key_id="k", secret_access_key=Secret(env="E"))
Respond = Callable[[Request], Answer]


class FakeTarget:
    """Answers every request with `respond` and every AWS call with `aws_answers` by operation, or `otherwise`."""

    def __init__(self, respond: Respond, otherwise: AwsAnswer, **aws_answers: AwsAnswer) -> None:
        self._otherwise, self._aws_answers = otherwise, aws_answers
        self.calls: list[str] = []
        tenant = SimpleNamespace(
            id="alder", key_arn=KEY, region="us-east-1", bucket="b", database_instance="d", disposable=True,
            aws={"keyadmin": ANY, "auditor": ANY},
        )  # fmt: skip
        names = ("write", "shred", "begin", "certificates")
        ways = SimpleNamespace(
            tenant=tenant, principal="steward", subject="subject_id", text="note", template={}, event=None,
            operations={name: Operation(method="POST", path=f"/{name}") for name in names},
        )  # fmt: skip
        self.profile = SimpleNamespace(
            erasure=ways,
            tenants=(tenant, SimpleNamespace(**{**vars(tenant), "id": "birch", "key_arn": f"{KEY}2"})),
            aws=SimpleNamespace(workload=ANY, export_prefix="exports/"),
            http=SimpleNamespace(
                refusals={
                    "key": Refusal(status=503, code="KEY_UNAVAILABLE"),
                    "conflict": Refusal(status=409, code="CONFLICT"),
                },
                code_field="error",
            ),
            safety=SimpleNamespace(allow_writes=True),
        )
        self.wire = SimpleNamespace(send=respond)
        self.aws = SimpleNamespace(client=lambda *_, **__: None, call=self.call, identify=lambda *_, **__: "")

    def call(self, client: object, operation: str, **arguments: object) -> AwsAnswer:
        del client, arguments
        self.calls.append(operation)
        return self._aws_answers.get(operation, self._otherwise)

    def bearer(self, tenant: str, principal: str) -> str:
        return f"{tenant}.{principal}"

    def operation(self, name: str) -> Operation:
        return Operation(method="GET", path=f"/{name}/{{id}}")

    def request(self, operation: Operation, *, record: str = "", **more: Any) -> Request:
        return Request(
            method=operation.method,
            target=operation.path.replace("{id}", record),
            headers=more.get("headers", ()),
            body=more.get("body", b""),
            principal=more["principal"],
            probe=more["probe"],
        )


def says(status: int, body: object) -> Respond:
    return lambda _: Answer(status=status, reason="", headers=(), body=json.dumps(body).encode(), seconds=0.0)


DEAD: Respond = lambda _: Answer(failure="refused")  # noqa: E731  # one line says it
GRANTED, DENIED, GONE = AwsAnswer(), AwsAnswer(code="AccessDenied"), AwsAnswer(failure="no answer")


def erasure(respond: Respond, otherwise: AwsAnswer = GRANTED, **answers: AwsAnswer) -> Erasure:
    return Erasure(cast("Any", FakeTarget(respond, otherwise, **answers)))


def stores(otherwise: AwsAnswer, **answers: AwsAnswer) -> EncryptedStores:
    return EncryptedStores(cast("Any", FakeTarget(DEAD, otherwise, **answers)))


@pytest.mark.parametrize(
    "respond", [DEAD, says(200, []), says(403, {"error": "NO"})], ids=["dead", "agreeable", "refuser"]
)
def test_a_hollow_target_has_neither_refused_nor_erased_anything(respond: Respond) -> None:
    probe = erasure(respond)
    row = probe.plant()
    seen: list[Observation] = [probe.read(row), probe.listed(row), probe.content(row), probe.shred(row)]
    seen += [probe.write_again(row)]
    assert {each.outcome for each in seen} <= {UNCLEAR, UNANSWERED}


def test_a_record_without_its_content_is_not_a_record_that_can_not_be_read() -> None:
    row = erasure(DEAD).plant()
    held = {"id": row.id, "note": row.canary}
    assert erasure(says(200, held)).content(row).outcome is PRESENT
    assert erasure(says(200, {**held, "note": None})).content(row).outcome is ABSENT
    assert erasure(says(200, {"id": "another", "note": None})).content(row).outcome is UNCLEAR
    assert erasure(says(404, {"error": "NOT_FOUND"})).content(row).outcome is UNCLEAR
    assert erasure(says(503, {"error": "KEY_UNAVAILABLE"})).content(row).outcome is UNCLEAR


def test_only_the_contracts_own_refusal_shows_that_the_key_is_out_of_use() -> None:
    row = erasure(DEAD).plant()
    assert erasure(says(503, {"error": "KEY_UNAVAILABLE"})).read(row).outcome is REFUSED
    assert erasure(says(503, {"error": "UNAVAILABLE"})).read(row).outcome is UNCLEAR
    assert erasure(says(503, {"error": "KEY_UNAVAILABLE", "note": row.canary})).read(row).outcome is PERMITTED


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (AwsAnswer(code="DisabledException"), REFUSED),
        (AwsAnswer(code="KMSInvalidStateException"), REFUSED),
        (AwsAnswer(code="AccessDeniedException"), UNCLEAR),
        (GRANTED, PERMITTED),
        (GONE, UNANSWERED),
    ],
)
def test_a_lack_of_permission_is_not_the_end_of_a_key(answer: AwsAnswer, outcome: object) -> None:
    assert erasure(DEAD, decrypt=answer).unwrap().outcome is outcome


def test_a_certificate_with_one_date_is_none() -> None:
    row = erasure(DEAD).plant()
    dates = {"unreadable_since": "2026-01-01T00:00:00Z", "unrecoverable_from": "2026-01-08T00:00:00Z"}
    assert erasure(says(200, {"certificate": dates})).shred(row).outcome is PERMITTED
    assert erasure(says(200, {"certificate": {"unreadable_since": "x"}})).shred(row).outcome is UNCLEAR


def test_a_key_left_out_of_use_by_a_killed_run_is_brought_back_first() -> None:
    target = FakeTarget(DEAD, GRANTED)
    Erasure(cast("Any", target))
    assert target.calls == ["cancel_key_deletion", "enable_key"]


@pytest.mark.parametrize(
    ("instance", "outcome"),
    [
        ({"StorageEncrypted": True, "KmsKeyId": KEY}, PRESENT),
        ({"StorageEncrypted": True, "KmsKeyId": f"{KEY}2"}, ABSENT),
        ({"StorageEncrypted": False, "KmsKeyId": KEY}, ABSENT),
        ({}, ABSENT),
    ],
)
def test_a_database_counts_as_encrypted_under_its_own_tenants_key_only(instance: object, outcome: object) -> None:
    probe = stores(GONE, describe_db_instances=AwsAnswer(data={"DBInstances": [instance]}))
    assert probe.database_under_own_key(probe.tenants[0]).outcome is outcome


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}, PRESENT),
        ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": f"{KEY}2"}, ABSENT),
        ({"SSEAlgorithm": "AES256"}, ABSENT),
    ],
)
def test_a_bucket_counts_as_encrypted_under_its_own_tenants_key_only(rule: object, outcome: object) -> None:
    said = {"ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}}
    probe = stores(GONE, get_bucket_encryption=AwsAnswer(data=said))
    assert probe.bucket_under_own_key(probe.tenants[0]).outcome is outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(GRANTED, PERMITTED), (DENIED, REFUSED), (GONE, UNANSWERED), (AwsAnswer(code="NoSuchBucket"), UNCLEAR)],
)
def test_only_a_denial_refuses_a_wrong_put(answer: AwsAnswer, outcome: object) -> None:
    probe = stores(answer)
    assert {seen.outcome for seen in probe.wrong_puts(probe.tenants[0])} == {outcome}


def test_a_put_that_can_not_be_read_back_under_the_key_calibrates_nothing() -> None:
    probe = stores(GRANTED, get_object=AwsAnswer(data={"SSEKMSKeyId": f"{KEY}2"}))
    assert probe.right_put(probe.tenants[0]).outcome is UNCLEAR
