"""What cuts a caller's permissions, what S3 asks of keys and locks, and the event that every call leaves."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.aws.served import ALDER, IDENTITIES, REGION, VENDOR, Cloud, document
from tests.aws.test_aws_keys_over_the_wire import code_of

_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def limited(cloud: Cloud) -> Any:
    """IAM of an account with a user `bounded`, who has an access key and a policy that allows everything."""
    iam = cloud.client("alder", "iam")
    iam.create_user(UserName="bounded")
    iam.put_user_policy(UserName="bounded", PolicyName="all", PolicyDocument=document(_EVERYTHING))
    return iam


def _as_user(cloud: Cloud, iam: Any, name: str, service: str) -> Any:
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.connect(service, made["AccessKeyId"], made["SecretAccessKey"])


def test_a_boundary_cuts_what_a_users_own_policy_allows(cloud: Cloud, limited: Any, alder_key: str) -> None:
    kms = _as_user(cloud, limited, "bounded", "kms")
    assert code_of(kms.describe_key, KeyId=alder_key) == "ok"
    narrow = {"Effect": "Allow", "Action": "kms:List*", "Resource": "*"}
    bound = limited.create_policy(PolicyName="bound", PolicyDocument=document(narrow))["Policy"]["Arn"]
    limited.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=bound)
    shown = limited.get_user(UserName="bounded")["User"]["PermissionsBoundary"]
    assert shown["PermissionsBoundaryArn"] == bound
    assert code_of(kms.describe_key, KeyId=alder_key) == "AccessDeniedException"
    assert code_of(kms.list_grants, KeyId=alder_key) == "ok"
    limited.delete_user_permissions_boundary(UserName="bounded")
    assert code_of(kms.describe_key, KeyId=alder_key) == "ok"


def test_a_key_policy_that_names_the_user_is_not_cut_by_what_a_boundary_leaves_out(cloud: Cloud, limited: Any) -> None:
    limited.create_user(UserName="named")
    empty = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    bound = limited.create_policy(PolicyName="elsewhere", PolicyDocument=document(empty))["Policy"]["Arn"]
    limited.put_user_permissions_boundary(UserName="named", PermissionsBoundary=bound)
    admin = {"Effect": "Allow", "Principal": {"AWS": ALDER}, "Action": "kms:*", "Resource": "*"}
    whom = {"AWS": f"arn:aws:iam::{ALDER}:user/named"}
    use = {"Effect": "Allow", "Principal": whom, "Action": "kms:DescribeKey", "Resource": "*"}
    key = cloud.client("alder").create_key(Policy=document(admin, use))["KeyMetadata"]["Arn"]
    kms = _as_user(cloud, limited, "named", "kms")
    assert code_of(kms.describe_key, KeyId=key) == "ok"
    assert code_of(kms.get_key_policy, KeyId=key) == "AccessDeniedException"


def test_a_session_policy_cuts_its_session_and_no_other(cloud: Cloud, alder_key: str) -> None:
    sts, role = cloud.client("vendor", "sts"), f"arn:aws:iam::{VENDOR}:role/venturi-workload"
    asked = {"KeyId": alder_key, "KeySpec": "AES_256", "EncryptionContext": {"tenant": "alder"}}
    narrow = document({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"})
    for policy, expected in ((narrow, "AccessDeniedException"), (document(_EVERYTHING), "ok")):
        lent = sts.assume_role(RoleArn=role, RoleSessionName="cut", Policy=policy)["Credentials"]
        kms = cloud.connect("kms", lent["AccessKeyId"], lent["SecretAccessKey"], token=lent["SessionToken"])
        assert code_of(kms.generate_data_key, **asked) == expected


def test_an_attached_managed_policy_counts(cloud: Cloud, limited: Any, alder_key: str) -> None:
    limited.create_user(UserName="attached")
    kms = _as_user(cloud, limited, "attached", "kms")
    assert code_of(kms.describe_key, KeyId=alder_key) == "AccessDeniedException"
    arn = limited.create_policy(PolicyName="reads", PolicyDocument=document(
        {"Effect": "Allow", "Action": "kms:Describe*", "Resource": alder_key}))["Policy"]["Arn"]  # fmt: skip
    limited.attach_user_policy(UserName="attached", PolicyArn=arn)
    assert code_of(kms.describe_key, KeyId=alder_key) == "ok"


@pytest.fixture(scope="module")
def bucket(cloud: Cloud, alder_key: str) -> str:
    """A bucket that takes objects under one key alone."""
    s3, name = cloud.client("alder", "s3"), "alder-under-its-key"
    s3.create_bucket(Bucket=name)
    objects = f"arn:aws:s3:::{name}/*"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": objects}
    other = {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": alder_key}}
    s3.put_bucket_policy(Bucket=name, Policy=document(deny | {"Condition": other}))
    return name


def _under(key: str, **context: str) -> dict[str, str]:
    bound = base64.b64encode(json.dumps(context).encode()).decode()
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} | (
        {"SSEKMSEncryptionContext": bound} if bound else {}
    )


def test_a_bucket_takes_what_is_under_its_key_and_s3_asks_kms_in_the_callers_name(
    cloud: Cloud, alder_key: str, bucket: str
) -> None:
    s3, put = cloud.client("alder", "s3"), {"Bucket": bucket, "Key": "x", "Body": b"text"}
    assert code_of(s3.put_object, **put) == "AccessDenied"
    assert code_of(s3.put_object, **put, **_under(cloud.tenant_key("alder", ALDER))) == "AccessDenied"
    assert code_of(s3.put_object, **put, **_under(alder_key, tenant="alder")) == "ok"
    assert s3.get_object(Bucket=bucket, Key="x")["Body"].read() == b"text"
    kms = cloud.client("alder")
    kms.disable_key(KeyId=alder_key)
    assert code_of(s3.get_object, Bucket=bucket, Key="x") == "KMS.DisabledException"
    assert code_of(s3.put_object, **put, **_under(alder_key)) == "KMS.DisabledException"
    kms.enable_key(KeyId=alder_key)
    assert code_of(s3.get_object, Bucket=bucket, Key="x") == "ok"


def test_a_key_that_does_not_exist_takes_no_object(cloud: Cloud) -> None:
    s3 = cloud.client("alder", "s3")
    s3.create_bucket(Bucket="alder-anything-goes")
    absent = f"arn:aws:kms:{REGION}:{ALDER}:key/{'0' * 8}-0000-0000-0000-{'0' * 12}"
    put = {"Bucket": "alder-anything-goes", "Key": "x", "Body": b"text"}
    assert code_of(s3.put_object, **put, **_under(absent)) == "KMS.NotFoundException"


def test_nobody_reads_without_a_signature_and_a_link_is_one(cloud: Cloud, bucket: str, alder_key: str) -> None:
    cloud.client("alder", "s3").put_object(Bucket=bucket, Key="linked", Body=b"text", **_under(alder_key))
    nobody = boto3.client("s3", endpoint_url=cloud.endpoint, region_name=REGION,
                          config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))  # fmt: skip
    assert code_of(nobody.get_object, Bucket=bucket, Key="linked") == "AccessDenied"
    known = IDENTITIES["alder"]
    signer = boto3.client("s3", endpoint_url=cloud.endpoint, region_name=REGION, aws_access_key_id=known.access_key_id,
                          aws_secret_access_key=known.secret_access_key,
                          config=Config(signature_version="s3v4"))  # fmt: skip
    link = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "linked"}, ExpiresIn=60)
    assert _fetched(link) == (200, b"text")
    assert _fetched(link.replace("linked", "x"))[0] == 403
    assert _fetched(link.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))[0] == 403


def _fetched(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_a_version_locked_for_compliance_is_neither_shortened_nor_deleted(cloud: Cloud) -> None:
    s3, name = cloud.client("alder", "s3"), "alder-locked"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    made = s3.put_object(Bucket=name, Key="x", Body=b"text", ObjectLockMode="COMPLIANCE",
                         ObjectLockRetainUntilDate=until)  # fmt: skip
    version = {"Bucket": name, "Key": "x", "VersionId": made["VersionId"]}
    assert s3.get_object_retention(**version)["Retention"]["Mode"] == "COMPLIANCE"
    assert code_of(s3.delete_object, **version) == "AccessDenied"
    assert code_of(s3.delete_object, **version, BypassGovernanceRetention=True) == "AccessDenied"
    doomed = {"Objects": [{"Key": "x", "VersionId": made["VersionId"]}]}
    assert code_of(s3.delete_objects, Bucket=name, Delete=doomed) == "AccessDenied"
    for mode, days in (("COMPLIANCE", -1), ("GOVERNANCE", 1)):
        wanted = {"Mode": mode, "RetainUntilDate": until + timedelta(days=days)}
        assert code_of(s3.put_object_retention, **version, Retention=wanted) == "AccessDenied"
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": until + timedelta(days=1)}
    assert code_of(s3.put_object_retention, **version, Retention=longer) == "ok"
    suspended = {"Status": "Suspended"}
    assert code_of(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration=suspended) == "InvalidBucketState"
    assert code_of(s3.delete_object, Bucket=name, Key="x") == "ok"  # only marked as deleted
    assert s3.get_object(**version)["Body"].read() == b"text"


def test_every_call_leaves_an_event_allowed_or_not_and_none_tells_a_secret(cloud: Cloud) -> None:
    key = cloud.tenant_key("alder", ALDER)
    kms, trail = cloud.client("workload"), cloud.client("alder", "cloudtrail")
    context = {"tenant": "alder", "subject": "in the event"}
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)
    assert code_of(kms.disable_key, KeyId=key) == "AccessDeniedException"
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": key}])["Events"]
    told = [(event["EventName"], json.loads(event["CloudTrailEvent"])) for event in found]
    assert [name for name, _ in told] == ["DisableKey", "Decrypt", "GenerateDataKey"]
    assert [event.get("errorCode") for _, event in told] == ["AccessDeniedException", None, None]
    used = told[1][1]
    assert used["requestParameters"] == {"encryptionContext": context}
    assert used["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": IDENTITIES["workload"].arn,
        "accountId": VENDOR,
    }
    assert used["resources"][0]["ARN"] == key
    secret = base64.b64encode(made["CiphertextBlob"]).decode()
    assert all(secret not in event["CloudTrailEvent"] for event in found)


def test_a_lookup_is_of_the_callers_own_account_by_name_time_and_page(cloud: Cloud) -> None:
    before = datetime.now(UTC)
    kms = cloud.client("birch")
    for _ in range(3):
        kms.list_keys()
    own, foreign = cloud.client("birch", "cloudtrail"), cloud.client("alder", "cloudtrail")
    named = [{"AttributeKey": "EventName", "AttributeValue": "ListKeys"}]
    asked = {"LookupAttributes": named, "StartTime": before - timedelta(seconds=2)}
    pages = own.get_paginator("lookup_events").paginate(**asked, PaginationConfig={"PageSize": 2})
    found = [event["EventId"] for page in pages for event in page["Events"]]
    assert len(found) == len(set(found)) >= 3
    strangers = {event["EventId"] for event in foreign.lookup_events(**asked)["Events"]}
    assert strangers.isdisjoint(found)
    assert code_of(own.lookup_events, MaxResults=50, NextToken="nowhere") == "InvalidNextTokenException"


def test_ec2_refuses_in_its_own_words(cloud: Cloud) -> None:
    ec2 = cloud.client("workload", "ec2")
    assert code_of(ec2.describe_vpcs) == "UnauthorizedOperation"
