"""Builds each tenant's side of AWS (key, notice topic and queue, auditor) and the vendor's workload role."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import msgspec

from venturi.aws.clients import connect
from venturi.parts import Parts
from venturi.provision import surroundings
from venturi.provision.keys import SUPPORT_ROLE
from venturi.provision.plan import VENDOR_ACCOUNT, AwsUser, Plan, TenantPlan
from venturi.provision.surroundings import Surroundings
from venturi.settings import AwsClientSettings

Client: TypeAlias = Any
"""A client; which service it speaks is chosen at run time, so no stub fits."""
TOPIC = "venturi-notices"
LABORATORY_ACCOUNT = "900000000001"
WORKLOAD_ROLE = f"arn:aws:iam::{VENDOR_ACCOUNT}:role/venturi-workload"
_AUDITOR_READS = (
    "cloudtrail:LookupEvents",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListKeys",
    "kms:ListResourceTags",
    "organizations:DescribeOrganization",
    "organizations:DescribePolicy",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
    "rds:DescribeDBInstances",
    "s3:GetBucketLocation",
    "s3:GetBucketPolicy",
    "s3:GetEncryptionConfiguration",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTopics",
    "sns:GetTopicAttributes",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
)
_KEY_ADMIN_DOES = (
    "kms:CancelKeyDeletion",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:ScheduleKeyDeletion",
)


class AwsAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """The credentials of a deployment: an account's root by account id, an auditor by tenant, and the workload.

    `key_admins`, by tenant: who may take the key of a tenant for drills out of use. `laboratory` is the root of an
    account in which nothing is: whoever audits the deployment asks there how AWS behaves.
    """

    roots: dict[str, AwsUser]
    auditors: dict[str, AwsUser]
    workload: AwsUser
    vendor_auditor: AwsUser
    key_admins: dict[str, AwsUser] = {}

    @property
    def laboratory(self) -> AwsUser:
        """The root of the empty account."""
        return self.roots[LABORATORY_ACCOUNT]

    def everyone(self) -> tuple[AwsUser, ...]:
        """All identities that the front has to know."""
        return (
            *self.roots.values(),
            *self.auditors.values(),
            *self.key_admins.values(),
            self.workload,
            self.vendor_auditor,
        )


class TenantAws(msgspec.Struct, frozen=True, kw_only=True):
    """What was built for one tenant. What stands around it, its bucket too, `surround` builds."""

    key_arn: str
    topic_arn: str
    queue_url: str
    bucket: str = ""
    database_instance: str = ""
    vpc: str = ""


def draw_accounts(plan: Plan) -> AwsAccounts:
    """Fresh credentials for everybody in the plan."""
    accounts = (VENDOR_ACCOUNT, LABORATORY_ACCOUNT, *(tenant.account for tenant in plan.tenants))
    return AwsAccounts(
        roots={account: _user(f"arn:aws:iam::{account}:root") for account in accounts},
        auditors={tenant.id: _user(f"arn:aws:iam::{tenant.account}:user/auditor") for tenant in plan.tenants},
        key_admins={
            tenant.id: _user(f"arn:aws:iam::{tenant.account}:user/keyadmin")
            for tenant in plan.tenants
            if tenant.is_drill
        },
        vendor_auditor=_user(f"arn:aws:iam::{VENDOR_ACCOUNT}:user/auditor"),
        workload=_user(f"arn:aws:sts::{VENDOR_ACCOUNT}:assumed-role/venturi-workload/api", session=True),
    )


def build(endpoint: str, plan: Plan, accounts: AwsAccounts, parts: Parts) -> dict[str, TenantAws]:
    """Create every tenant's key, topic, queue and auditor, and the vendor's roles.

    Returns what was built, by tenant id. `parts.key_policy` and `parts.grants` decide what the vendor holds on a key.
    """
    stands = parts.surroundings()
    with ThreadPoolExecutor(4) as pool:
        built = pool.map(lambda tenant: _tenant(endpoint, plan.deployment, tenant, accounts, parts), plan.tenants)
        result = {tenant.id: made for tenant, made in zip(plan.tenants, built, strict=True)}
    keys = parts.keys().assign({tenant: made.key_arn for tenant, made in result.items()})
    result = {tenant: msgspec.structs.replace(made, key_arn=keys[tenant]) for tenant, made in result.items()}
    region = next(iter(keys.values())).split(":")[3]
    parts.keys().hand_over(keys, lambda account: client(endpoint, accounts.roots[account], "kms", region))
    _vendor_roles(endpoint, accounts.roots[VENDOR_ACCOUNT], [made.topic_arn for made in result.values()], stands)
    return result


def surround(
    endpoint: str, plan: Plan, accounts: AwsAccounts, built: Mapping[str, TenantAws], parts: Parts
) -> dict[str, TenantAws]:
    """Create every tenant's network, database instance and bucket around what was built. Returns it with their names.

    Nothing of a tenant's service needs these to start; a bucket's name is known before it is there.
    """
    keys = {tenant: made.key_arn for tenant, made in built.items()}
    around = surroundings.build(endpoint, plan, accounts, keys, parts.surroundings()).tenants
    return {
        tenant: msgspec.structs.replace(made, **msgspec.structs.asdict(around[tenant]))
        for tenant, made in built.items()
    }


def _tenant(endpoint: str, deployment: str, tenant: TenantPlan, accounts: AwsAccounts, parts: Parts) -> TenantAws:
    root = accounts.roots[tenant.account]
    key_arn = _key(client(endpoint, root, "kms", tenant.region), tenant, parts)
    sns = client(endpoint, root, "sns", tenant.region)
    topic_arn = _topic(sns)
    queue_url = _queue(client(endpoint, root, "sqs", tenant.region), sns, topic_arn)
    iam = client(endpoint, root, "iam", tenant.region)
    _user_who_may(iam, "auditor", _AUDITOR_READS)
    if tenant.is_drill:
        _user_who_may(iam, "keyadmin", _KEY_ADMIN_DOES)
    bucket = parts.surroundings().bucket_name(deployment, tenant)
    return TenantAws(key_arn=key_arn, topic_arn=topic_arn, queue_url=queue_url, bucket=bucket)


def _key(kms: Client, tenant: TenantPlan, parts: Parts) -> str:
    policy = parts.key_policy(tenant=tenant.id, account=tenant.account, vendor_account=VENDOR_ACCOUNT)
    made = kms.create_key(Policy=json.dumps(policy), Description="Attribution records and exports")
    arn: str = made["KeyMetadata"]["Arn"]
    named = parts.keys().aliased(arn, lambda: str(kms.create_key()["KeyMetadata"]["Arn"]))
    kms.create_alias(AliasName="alias/venturi", TargetKeyId=named)
    if days := parts.keys().rotation_days():
        kms.enable_key_rotation(KeyId=arn, RotationPeriodInDays=days)
    for grant in parts.grants(tenant=tenant.id, account=tenant.account, vendor_account=VENDOR_ACCOUNT):
        kms.create_grant(KeyId=arn, **grant.arguments())
    return arn


def _topic(sns: Client) -> str:
    arn: str = sns.create_topic(Name=TOPIC)["TopicArn"]
    allow = _statement({"AWS": WORKLOAD_ROLE}, "sns:Publish", arn)
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=_policy(allow))
    return arn


def _queue(sqs: Client, sns: Client, topic_arn: str) -> str:
    url: str = sqs.create_queue(QueueName=TOPIC)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = _statement({"Service": "sns.amazonaws.com"}, "sqs:SendMessage", arn)
    allow["Condition"] = {"ArnEquals": {"aws:SourceArn": topic_arn}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(allow)})
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    return url


def _user_who_may(iam: Client, name: str, actions: Sequence[str]) -> None:
    iam.create_user(UserName=name)
    allow = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=_policy(allow))


def _vendor_roles(endpoint: str, root: AwsUser, topics: list[str], stands: Surroundings) -> None:
    iam = client(endpoint, root, "iam", "us-east-1")
    _user_who_may(iam, "auditor", _AUDITOR_READS)
    iam.create_role(RoleName=SUPPORT_ROLE, AssumeRolePolicyDocument=_trust([root.arn]))
    iam.put_role_policy(RoleName=SUPPORT_ROLE, PolicyName="support", PolicyDocument=_policy(*stands.support_may()))
    iam.create_role(RoleName="venturi-workload", AssumeRolePolicyDocument=_trust(stands.workload_trusts()))
    # On purpose as wide as the vendor could make it: what holds the vendor is the tenant's key policy, not our own.
    keys = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topics}
    iam.put_role_policy(RoleName="venturi-workload", PolicyName="workload", PolicyDocument=_policy(keys, publish))


def _trust(principals: list[str]) -> str:
    """Who may assume a role."""
    return _policy({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"})


def client(endpoint: str, user: AwsUser, service: str, region: str) -> Client:
    """A client of `service` as `user`."""
    as_user = AwsClientSettings(
        endpoint=endpoint, access_key_id=user.access_key_id, secret_access_key=user.secret_access_key
    )
    return connect(service, region, as_user, retries={"max_attempts": 1}, connect_timeout=5, read_timeout=20)


def _statement(principal: dict[str, str], action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _user(arn: str, *, session: bool = False) -> AwsUser:
    tail = base64.b32encode(secrets.token_bytes(10)).decode()
    return AwsUser(
        arn=arn,
        access_key_id=("ASIA" if session else "AKIA") + tail,
        secret_access_key=secrets.token_urlsafe(30),
    )
