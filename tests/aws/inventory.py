"""All that an account's root can read of its account: what has to be the same before a kill and after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from tests.aws.served import Client, Cloud

Inventory: TypeAlias = dict[str, Any]
REGIONS = ("us-east-1", "eu-west-1")
_READS = {
    "sns": ("list_topics", "list_subscriptions"),
    "sqs": ("list_queues",),
    "ec2": ("describe_vpcs", "describe_subnets", "describe_security_groups", "describe_key_pairs",
            "describe_route_tables", "describe_network_acls"),
    "rds": ("describe_db_instances",),
    "iam": ("get_account_authorization_details", "list_instance_profiles"),
    "secretsmanager": ("list_secrets",),
}  # fmt: skip
_OF_A_BUCKET = ("get_bucket_policy", "get_bucket_versioning", "get_bucket_encryption", "get_public_access_block",
                "get_object_lock_configuration", "list_object_versions", "list_multipart_uploads")  # fmt: skip


def inventory(cloud: Cloud, who: str) -> Inventory:
    """Everything, by what was asked."""
    found: Inventory = {}
    for region in REGIONS:
        for service, names in _READS.items():
            client = cloud.client(who, service, region)
            found |= {f"{region} {service} {name}": told(client, name) for name in names}
        found |= dict(_keys(cloud.client(who, "kms", region), region))
        found |= dict(_queues(cloud.client(who, "sqs", region), region))
        found |= dict(_topics(cloud.client(who, "sns", region), region))
    return found | dict(_buckets(cloud.client(who, "s3")))


def events(cloud: Cloud, who: str, region: str = "us-east-1") -> dict[str, str]:
    """Every event by its id, as CloudTrail spells it."""
    client = cloud.client(who, "cloudtrail", region)
    pages = client.get_paginator("lookup_events").paginate()
    return {event["EventId"]: event["CloudTrailEvent"] for page in pages for event in page["Events"]}


def told(client: Client, name: str, **arguments: Any) -> Any:
    """An answer, or the code of a refusal, without what belongs to this one request or moment."""
    try:
        answer = getattr(client, name)(**arguments)
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    answer.pop("ResponseMetadata")
    for instance in answer.get("DBInstances", ()):
        instance.pop("LatestRestorableTime")
    return answer


def _keys(kms: Client, region: str) -> Iterator[tuple[str, Any]]:
    yield f"{region} aliases", told(kms, "list_aliases")
    for each in kms.list_keys()["Keys"]:
        for name in ("describe_key", "list_grants", "get_key_rotation_status", "list_resource_tags", "get_public_key"):
            yield f"{region} {each['KeyId']} {name}", told(kms, name, KeyId=each["KeyArn"])
        yield f"{region} {each['KeyId']} policy", told(kms, "get_key_policy", KeyId=each["KeyArn"])
        versions = told(kms, "list_key_rotations", KeyId=each["KeyArn"], IncludeKeyMaterial="ALL_KEY_MATERIAL")
        yield f"{region} {each['KeyId']} versions", versions


def _queues(sqs: Client, region: str) -> Iterator[tuple[str, Any]]:
    for url in sqs.list_queues().get("QueueUrls", ()):
        yield f"{region} {url}", told(sqs, "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])


def _topics(sns: Client, region: str) -> Iterator[tuple[str, Any]]:
    for topic in sns.list_topics()["Topics"]:
        yield f"{region} {topic['TopicArn']}", told(sns, "get_topic_attributes", TopicArn=topic["TopicArn"])


def _buckets(s3: Client) -> Iterator[tuple[str, Any]]:
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        for name in _OF_A_BUCKET:
            yield f"{bucket} {name}", told(s3, name, Bucket=bucket)
        for version in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
            place = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            answer = told(s3, "get_object", **place)
            content = answer if isinstance(answer, str) else answer | {"Body": answer["Body"].read()}
            yield f"{bucket} {version['VersionId']}", (content, told(s3, "get_object_retention", **place))
