"""Who the front takes a caller for, and what the other services let that caller do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.aws.served import ALDER, BIRCH, IDENTITIES, ROLE, VENDOR, Cloud, document
from venturi.aws.faults import AwsFault
from venturi.aws.sigv4 import Message, read_credential, verify


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code a call is refused with, or "ok"."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"


@pytest.mark.parametrize("who", ["alder", "auditor", "workload"])
def test_everybody_learns_who_they_are(cloud: Cloud, who: str) -> None:
    answer = cloud.client(who, "sts").get_caller_identity()
    arn = IDENTITIES[who].arn
    assert (answer["Arn"], answer["Account"]) == (arn, arn.split(":")[4])


@pytest.mark.parametrize(
    ("service", "method", "stranger", "forged"),
    [
        ("kms", "list_keys", "UnrecognizedClientException", "InvalidSignatureException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("sqs", "list_queues", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    ],
)
def test_strangers_and_forgers_are_told_apart_in_the_services_own_words(
    cloud: Cloud, service: str, method: str, stranger: str, forged: str
) -> None:
    unknown = cloud.connect(service, "AKIAAAAAAAAAAAAAAAAA", "x")
    assert code_of(getattr(unknown, method)) == stranger
    wrong = cloud.connect(service, IDENTITIES["alder"].access_key_id, "not the secret of alder")
    assert code_of(getattr(wrong, method)) == forged
    tokened = cloud.connect(service, IDENTITIES["alder"].access_key_id, "secret of alder", token="x")
    assert code_of(getattr(tokened, method)) == stranger


def test_health_is_open_and_everything_else_wants_a_signature(cloud: Cloud) -> None:
    for path, status in (("/healthz", 200), ("/", 403), ("/moto-api/data.json", 403), ("/moto-api/reset", 403)):
        connection = http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"), timeout=5)
        connection.request("GET", path)
        assert connection.getresponse().status == status, path
        connection.close()


def _signed(**changes: Any) -> tuple[Message, datetime]:
    """A KMS request as botocore signs it, and the moment it was signed."""
    captured: list[Any] = []
    kms = boto3.client(
        "kms", endpoint_url="http://127.0.0.1:9", region_name="us-east-1", aws_access_key_id="AKIAAAAAAAAAAAAAAAAA",
        aws_secret_access_key="secret",
    )  # fmt: skip

    def keep(request: Any, **_: Any) -> Any:
        captured.append(request)
        return _answered()

    kms.meta.events.register("before-send.kms", keep)
    kms.list_keys()
    sent = captured[0]
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in sent.headers.items()
    }
    moment = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    headers["host"] = "127.0.0.1:9"
    return Message("POST", "/", headers | changes.get("headers", {}), changes.get("body", sent.body)), moment


def _answered() -> Any:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    class _Body:
        def stream(self, **_: Any) -> list[bytes]:
            return [b'{"Keys": []}']

    return AWSResponse("http://127.0.0.1:9", 200, HTTPHeaders(), _Body())


def test_a_genuine_signature_verifies() -> None:
    message, moment = _signed()
    verify(message, read_credential(message.headers), "secret", moment)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"body": b'{"Limit": 1}'}, 0),
        ({"headers": {"x-amz-target": "TrentService.DisableKey"}}, 0),
        ({"headers": {"host": "127.0.0.1:10"}}, 0),
        ({"headers": {"x-amz-extra": "unsigned"}}, 0),
        ({"headers": {"x-amz-content-sha256": "0" * 64}}, 0),
        ({}, 301),
        ({}, -301),
    ],
    ids=["body", "action", "host", "unsigned header", "claimed hash", "too late", "too early"],
)
def test_a_request_changed_or_delayed_after_signing_is_refused(changes: dict[str, Any], seconds: int) -> None:
    message, moment = _signed(**changes)
    with pytest.raises(AwsFault, match="InvalidSignatureException"):
        verify(message, read_credential(message.headers), "secret", moment + timedelta(seconds=seconds))


def test_a_user_does_what_its_own_policy_says_on_a_key_that_trusts_the_account(cloud: Cloud, alder_key: str) -> None:
    iam, kms = cloud.client("alder", "iam"), cloud.client("auditor")
    iam.create_user(UserName="auditor")
    assert code_of(kms.describe_key, KeyId=alder_key) == "AccessDeniedException"
    reads = {"Effect": "Allow", "Action": ["kms:Describe*", "kms:ListGrants"], "Resource": "*"}
    iam.put_user_policy(UserName="auditor", PolicyName="audit", PolicyDocument=document(reads))
    assert code_of(kms.describe_key, KeyId=alder_key) == "ok"
    assert code_of(kms.list_grants, KeyId=alder_key) == "ok"
    assert code_of(kms.disable_key, KeyId=alder_key) == "AccessDeniedException"
    assert code_of(cloud.client("auditor", "iam").list_users) == "AccessDenied"


def test_a_key_that_does_not_trust_the_account_is_closed_to_its_users(cloud: Cloud) -> None:
    iam = cloud.client("alder", "iam")
    iam.create_user(UserName="clerk")
    iam.put_user_policy(
        UserName="clerk", PolicyName="all", PolicyDocument=document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    )
    user = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ALDER}:user/other"}, "Action": "kms:*"}
    made = cloud.client("alder").create_key(
        Policy=document(user | {"Resource": "*"}), BypassPolicyLockoutSafetyCheck=True
    )
    key = made["KeyMetadata"]["KeyId"]
    assert code_of(cloud.client("clerk").describe_key, KeyId=key) == "AccessDeniedException"
    assert code_of(cloud.client("alder").describe_key, KeyId=key) == "AccessDeniedException"


def test_the_workload_publishes_to_the_topic_that_names_it_and_the_notice_arrives(cloud: Cloud) -> None:
    sns, sqs = cloud.client("birch", "sns"), cloud.client("birch", "sqs")
    topic = sns.create_topic(Name="notices")["TopicArn"]
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    publish = cloud.client("workload", "sns").publish
    assert code_of(publish, TopicArn=topic, Message="before") == "AuthorizationError"
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sns:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document(allow))
    assert code_of(publish, TopicArn=topic, Message="after") == "ok"
    received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)["Messages"]
    assert [message["Body"] for message in received] == ["after"]
    assert code_of(cloud.client("alder", "sqs").receive_message, QueueUrl=queue) == "AccessDenied"
    assert code_of(cloud.client("workload", "sqs").receive_message, QueueUrl=queue) == "AccessDenied"
    assert code_of(sqs.delete_message, QueueUrl=queue, ReceiptHandle=received[0]["ReceiptHandle"]) == "ok"


def test_the_account_is_the_callers_whatever_header_says_otherwise(cloud: Cloud) -> None:
    cloud.client("birch", "iam").create_user(UserName="birch-only")
    iam = cloud.connect("iam", IDENTITIES["alder"].access_key_id, "secret of alder")
    iam.meta.events.register(
        "before-send.iam", lambda request, **_: request.headers.update({"x-moto-account-id": BIRCH})
    )
    assert "birch-only" not in {user["UserName"] for user in iam.list_users()["Users"]}


def test_a_bucket_belongs_to_the_account_that_made_it(cloud: Cloud) -> None:
    s3 = cloud.client("alder", "s3")
    s3.create_bucket(Bucket="alder-exports")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket="alder-exports", ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket="alder-exports", Key="a/b c+d.txt", Body=b"export")
    assert s3.get_object(Bucket="alder-exports", Key="a/b c+d.txt")["Body"].read() == b"export"
    stranger = cloud.client("birch", "s3")
    assert code_of(stranger.get_object, Bucket="alder-exports", Key="a/b c+d.txt") == "AccessDenied"
    assert code_of(stranger.list_objects_v2, Bucket="alder-exports") == "AccessDenied"


def test_a_role_is_assumed_by_whom_it_trusts_and_its_session_is_held_to_its_policy(
    cloud: Cloud, alder_key: str
) -> None:
    assert code_of(cloud.client("alder", "sts").assume_role, RoleArn=ROLE, RoleSessionName="night") == "AccessDenied"
    lent = cloud.client("vendor", "sts").assume_role(RoleArn=ROLE, RoleSessionName="night")["Credentials"]
    key, secret, token = lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"]
    session = cloud.connect("sts", key, secret, token=token).get_caller_identity()
    assert session["Arn"] == f"arn:aws:sts::{VENDOR}:assumed-role/venturi-workload/night"
    asked = {"KeyId": alder_key, "KeySpec": "AES_256"}
    kms = cloud.connect("kms", key, secret, token=token)
    assert code_of(kms.generate_data_key, **asked, EncryptionContext={"tenant": "alder"}) == "ok"
    assert code_of(kms.generate_data_key, **asked, EncryptionContext={"tenant": "birch"}) == "AccessDeniedException"
    assert code_of(cloud.connect("kms", key, secret, token="").list_keys) == "UnrecognizedClientException"


def test_every_decision_is_logged_without_a_secret(
    cloud: Cloud, alder_key: str, capfd: pytest.CaptureFixture[str]
) -> None:
    kms = cloud.client("workload")
    made = kms.generate_data_key(KeyId=alder_key, KeySpec="AES_256", EncryptionContext={"tenant": "alder"})
    assert code_of(kms.disable_key, KeyId=alder_key) == "AccessDeniedException"
    logged = capfd.readouterr().err
    lines = [json.loads(line) for line in logged.splitlines()]
    seen = [(line["action"], line["allowed"], line["resource"]) for line in lines]
    assert seen == [("kms:GenerateDataKey", True, alder_key), ("kms:DisableKey", False, alder_key)]
    assert "secret of" not in logged
    assert str(made["Plaintext"]) not in logged


def test_a_request_nobody_foresaw_is_an_internal_failure_and_the_next_one_is_served(cloud: Cloud) -> None:
    odd = document({"Effect": "Allow", "Principal": {"AWS": [{}]}, "Action": "sns:*", "Resource": "*"})
    sns = cloud.client("alder", "sns")
    topic = sns.create_topic(Name="odd")["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=odd)
    assert code_of(sns.publish, TopicArn=topic, Message="x") == "InternalFailure"
    assert code_of(sns.list_topics) == "ok"
