"""What a call needs to be allowed: one or more actions, each on a resource that some account owns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from venturi.aws.call import Call
from venturi.aws.cloud import Key, MotoCloud
from venturi.aws.policy import MalformedPolicyError, read

# Who one is, anybody may ask.
UNGUARDED = frozenset({"sts:GetCallerIdentity"})


@dataclass(frozen=True)
class Need:
    """One permission that a call needs."""

    action: str
    resource: str
    owner: str
    """Account that owns the resource, and in which the call is carried out."""
    policy: str | None = None
    """The resource's own policy."""
    decisive: bool = False
    """Whether the resource's policy alone opens it: for a key and a role, the account's policies need its leave."""
    key: Key | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def needs_of(call: Call, cloud: MotoCloud) -> tuple[Need, ...]:
    """What a call to any service but KMS needs."""
    find = {"sns": _topic, "sqs": _queue, "s3": _bucket, "sts": _role}.get(call.service, _anything)
    return (find(call, f"{call.service}:{call.action}", cloud),)


def _anything(call: Call, action: str, cloud: MotoCloud) -> Need:  # noqa: ARG001
    return Need(action, "*", call.caller.account)


def _topic(call: Call, action: str, cloud: MotoCloud) -> Need:
    named = str(call.params.get("TopicArn") or call.params.get("TargetArn") or call.params.get("SubscriptionArn") or "")
    parts = named.split(":")
    if len(parts) < 6:
        name = str(call.params.get("Name", "*"))
        return Need(action, f"arn:aws:sns:{call.region}:{call.caller.account}:{name}", call.caller.account)
    topic = ":".join(parts[:6])
    return Need(action, topic, parts[4], cloud.topic_policy(topic))


def _queue(call: Call, action: str, cloud: MotoCloud) -> Need:
    path = urlsplit(str(call.params.get("QueueUrl", ""))).path.strip("/")
    account, _, name = path.rpartition("/")
    account = account or str(call.params.get("QueueOwnerAWSAccountId", "") or call.caller.account)
    arn = f"arn:aws:sqs:{call.region}:{account}:{name or call.params.get('QueueName', '*')}"
    return Need(action, arn, account, cloud.queue_policy(arn))


def _bucket(call: Call, action: str, cloud: MotoCloud) -> Need:
    bucket, key = call.params["Bucket"], call.params["Key"]
    owner, policy = cloud.bucket(bucket) or (call.caller.account, None)
    return Need(action, f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket or '*'}", owner, policy)


def _role(call: Call, action: str, cloud: MotoCloud) -> Need:
    arn = str(call.params.get("RoleArn", ""))
    if call.action != "AssumeRole" or len(arn.split(":")) != 6:
        return Need(action, "*", call.caller.account)
    trust = cloud.trust_policy(arn) or '{"Statement": []}'
    return Need(action, arn, arn.split(":")[4], _about(trust, arn), decisive=True)


def _about(trust: str, arn: str) -> str:
    """A trust policy names no resource, for it is attached to one; say it, so that one reader reads all policies."""
    try:
        return json.dumps({"Statement": [{"Resource": arn, **statement} for statement in read(trust)]})
    except MalformedPolicyError:
        return trust
