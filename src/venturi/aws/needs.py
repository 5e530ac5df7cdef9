"""What a call needs to be allowed: one or more actions, each on a resource that some account owns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from venturi.aws.call import Call
from venturi.aws.faults import AwsFault
from venturi.aws.policy import MalformedPolicyError, read
from venturi.aws.s3_calls import ALGORITHM, KEY, context_of, s3_facts

if TYPE_CHECKING:
    from venturi.aws.cloud import Bucket, MotoCloud
    from venturi.aws.keystore.records import Key

# Who one is, anybody may ask.
UNGUARDED = frozenset({"sts:GetCallerIdentity"})
_KMS = frozenset({"aws:kms", "aws:kms:dsse"})


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
    through: str = ""
    """The service that uses the key for the caller, if the caller does not call KMS itself."""


def needs_of(call: Call, cloud: MotoCloud) -> tuple[Need, ...]:
    """What a call to any service but KMS needs. Raises AwsFault for what the service refuses whoever asks."""
    action = f"{call.service}:{call.action}"
    if call.service == "s3":
        return _s3(call, action, cloud)
    find = {"sns": _topic, "sqs": _queue, "sts": _role, "iam": _identity, "rds": _database}.get(call.service, _anything)
    return (find(call, action, cloud),)


def _anything(call: Call, action: str, cloud: MotoCloud) -> Need:  # noqa: ARG001
    return Need(action, "*", call.caller.account)


def _topic(call: Call, action: str, cloud: MotoCloud) -> Need:
    named = str(call.params.get("TopicArn") or call.params.get("TargetArn") or call.params.get("SubscriptionArn") or "")
    facts = {f"sns:{name.lower()}": (str(call.params[name]),) for name in ("Protocol", "Endpoint")
             if name in call.params}  # fmt: skip
    parts = named.split(":")
    if len(parts) < 6:
        name = str(call.params.get("Name", "*"))
        return Need(action, f"arn:aws:sns:{call.region}:{call.caller.account}:{name}", call.caller.account)
    topic = ":".join(parts[:6])
    return Need(action, topic, parts[4], cloud.topic_policy(topic), facts=facts)


def _queue(call: Call, action: str, cloud: MotoCloud) -> Need:
    path = urlsplit(str(call.params.get("QueueUrl", ""))).path.strip("/")
    account, _, name = path.rpartition("/")
    account = account or str(call.params.get("QueueOwnerAWSAccountId", "") or call.caller.account)
    arn = f"arn:aws:sqs:{call.region}:{account}:{name or call.params.get('QueueName', '*')}"
    return Need(action, arn, account, cloud.queue_policy(arn))


def _identity(call: Call, action: str, cloud: MotoCloud) -> Need:  # noqa: ARG001
    """IAM's resources, as far as a call names one."""
    account, params = call.caller.account, call.params
    for kind in ("User", "Role", "Group", "InstanceProfile"):
        if name := params.get(f"{kind}Name"):
            word = "instance-profile" if kind == "InstanceProfile" else kind.lower()
            facts = {"iam:permissionsboundary": (str(params["PermissionsBoundary"]),)} if "PermissionsBoundary" in (
                params
            ) else {}  # fmt: skip
            return Need(action, f"arn:aws:iam::{account}:{word}/{name}", account, facts=facts)
    return Need(action, str(params.get("PolicyArn") or "*"), account)


def _database(call: Call, action: str, cloud: MotoCloud) -> Need:
    account = call.caller.account
    key = str(call.params.get("KmsKeyId") or "")
    if key and cloud.find_key(key, account, call.region) is None:
        raise AwsFault("KMSKeyNotAccessibleFault", f"The specified KMS key [{key}] does not exist, is not enabled or "
                       "you do not have permissions to access it.")  # fmt: skip
    name = call.params.get("DBInstanceIdentifier")
    return Need(action, f"arn:aws:rds:{call.region}:{account}:db:{name}" if name else "*", account)


def _role(call: Call, action: str, cloud: MotoCloud) -> Need:
    arn = str(call.params.get("RoleArn", ""))
    if call.action != "AssumeRole" or len(arn.split(":")) != 6:
        return Need(action, "*", call.caller.account)
    trust = cloud.trust_policy(arn) or '{"Statement": []}'
    told = (("ExternalId", "externalid"), ("RoleSessionName", "rolesessionname"))
    facts = {f"sts:{word}": (str(call.params[name]),) for name, word in told if name in call.params}
    return Need(action, arn, arn.split(":")[4], _about(trust, arn), decisive=True, facts=facts)


def _about(trust: str, arn: str) -> str:
    """A trust policy names no resource, for it is attached to one; say it, so that one reader reads all policies."""
    try:
        return json.dumps({"Statement": [{"Resource": arn, **statement} for statement in read(trust)]})
    except MalformedPolicyError:
        return trust


def _s3(call: Call, action: str, cloud: MotoCloud) -> tuple[Need, ...]:
    params = call.params
    bucket = cloud.bucket(params["Bucket"])
    first = _object(call, action, bucket, params["Bucket"], params["Key"])
    if bucket is None or not params["Key"]:
        if call.action == "DeleteObject":
            first = replace(first, resource=f"{first.resource}/*")
        return (first,)
    return (first, *_copied(call, cloud), *_encrypted(call, bucket, cloud))


def _object(call: Call, action: str, bucket: Bucket | None, name: str, key: str) -> Need:
    owner, policy = (bucket.account, bucket.policy) if bucket else (call.caller.account, None)
    resource = f"arn:aws:s3:::{name}/{key}" if key else f"arn:aws:s3:::{name or '*'}"
    return Need(action, resource, owner, policy, facts=s3_facts(call.message, dict(call.params)))


def _copied(call: Call, cloud: MotoCloud) -> tuple[Need, ...]:
    """What a copy needs of the object that it is made from."""
    source = unquote(call.message.headers.get("x-amz-copy-source", "")).lstrip("/").partition("?")[0]
    name, _, key = source.partition("/")
    bucket = cloud.bucket(name) if key and call.action == "PutObject" else None
    if bucket is None:
        return ()
    return (_object(call, "s3:GetObject", bucket, name, key), *_opened(call, bucket, name, key, "", cloud))


def _encrypted(call: Call, bucket: Bucket, cloud: MotoCloud) -> tuple[Need, ...]:
    """What KMS has to allow the caller, for S3 asks in the caller's name."""
    name, key = str(call.params["Bucket"]), str(call.params["Key"])
    if call.action in ("GetObject", "GetObjectVersion") and call.message.method == "GET":
        return _opened(call, bucket, name, key, str(call.params.get("versionId", "")), cloud)
    headers = call.message.headers
    if call.action != "PutObject":
        return ()
    algorithm = headers.get(ALGORITHM) or bucket.algorithm
    if algorithm not in _KMS:
        return ()
    named = headers.get(KEY) or (bucket.key if bucket.algorithm in _KMS else "") or "alias/aws/s3"
    return (_key_need(call, "GenerateDataKey", named, bucket, context_of(headers, name, key), cloud),)


def _opened(call: Call, bucket: Bucket, name: str, key: str, version: str, cloud: MotoCloud) -> tuple[Need, ...]:
    held = cloud.stored(name, key, version)
    if held is None or held.encryption not in _KMS:
        return ()
    context = cloud.notes.contexts.get(held) or context_of({}, name, key)
    return (_key_need(call, "Decrypt", held.kms_key_id or "alias/aws/s3", bucket, context, cloud),)


def _key_need(
    call: Call, action: str, named: str, bucket: Bucket, context: Mapping[str, str], cloud: MotoCloud
) -> Need:
    from venturi.aws.kms_calls import key_facts

    # An id without an account means a key of whoever asks.
    key = cloud.find_key(named, call.caller.account, bucket.region)
    if key is None:
        raise AwsFault("KMS.NotFoundException", f"Key '{named}' does not exist", 400)
    facts = key_facts(call.caller, key, context) | {"kms:viaservice": (f"s3.{bucket.region}.amazonaws.com",)}
    return Need(f"kms:{action}", key.arn, key.account, key.policy, decisive=True, key=key, context=context,
                facts=facts, through="s3")  # fmt: skip
