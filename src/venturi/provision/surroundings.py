"""Builds what stands around each tenant in AWS: network, database instance and bucket, under the tenant's own key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from venturi.aws.clients import connect
from venturi.provision.keys import WORKLOAD_ROLE
from venturi.provision.plan import HOME_REGION, VENDOR_ACCOUNT, Plan, TenantPlan
from venturi.settings import AwsClientSettings

if TYPE_CHECKING:
    from venturi.provision.aws import AwsAccounts

Client: TypeAlias = Any
"""A client; which service it speaks is chosen at run time, so no stub fits."""
Arguments: TypeAlias = dict[str, Any]
"""Keyword arguments of one operation, or a policy; their types are the operation's."""

BACKUP_DAYS = 7
"""How long an automated backup of a tenant's database is kept: until then it holds wrapped data keys."""
EXPORTS = "exports/"
"""Where in a tenant's bucket the vendor's workload may write."""
_CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_TENANT_NETWORK, _AGGREGATION_NETWORK = "10.{index}.0.0/16", "10.255.0.0/16"


class TenantSurroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What was built for one tenant."""

    vpc: str
    bucket: str
    database_instance: str
    """RDS identifier of the instance that holds the tenant's database."""


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was built: by tenant, and the network of the aggregation pipeline in the vendor's account."""

    tenants: dict[str, TenantSurroundings]
    aggregation_vpc: str


class Surroundings:
    """What each store is told about encryption and who may reach it, and who of the vendor may be whom."""

    def bucket_name(self, deployment: str, tenant: TenantPlan) -> str:
        """Buckets have one name space for the whole world, so the deployment's id is in it."""
        return f"venturi-{hashlib.sha256(deployment.encode()).hexdigest()[:10]}-{tenant.id}"

    def bucket_encryption(self, tenant: TenantPlan, key_arn: str) -> Arguments:
        """The bucket's default encryption, as PutBucketEncryption takes it."""
        del tenant
        # Without bucket keys: S3 would drop the encryption context that the key policy asks for.
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
        return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}]}

    def bucket_policy(self, tenant: TenantPlan, bucket: str, key_arn: str) -> Arguments:
        """Who may write into the bucket, and that nothing gets in but under the tenant's key."""
        del tenant
        objects = f"arn:aws:s3:::{bucket}/*"
        deny: Arguments = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": objects}
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "VendorWorkloadExports",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{VENDOR_ACCOUNT}:role/{WORKLOAD_ROLE}"},
                    "Action": ["s3:PutObject", "s3:GetObject"],
                    "Resource": f"arn:aws:s3:::{bucket}/{EXPORTS}*",
                },
                {
                    "Sid": "NothingWithoutKms",
                    **deny,
                    "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
                },
                {
                    "Sid": "NothingUnderAnotherKey",
                    **deny,
                    "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key_arn}},
                },
            ],
        }

    def database(self, tenant: TenantPlan, key_arn: str) -> Arguments:
        """How the instance that holds the tenant's database keeps its disk and its backups."""
        return {
            "DBInstanceIdentifier": f"venturi-{tenant.id}",
            "Engine": "postgres",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": 20,
            "MasterUsername": "venturi",
            "ManageMasterUserPassword": True,
            "PubliclyAccessible": False,
            "BackupRetentionPeriod": BACKUP_DAYS,
            "StorageEncrypted": True,
            "KmsKeyId": key_arn,
        }

    def ingress(self, tenant: TenantPlan, network: str) -> list[Arguments]:
        """What may reach the tenant's database: its own network, and nobody else."""
        del tenant
        return [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": network}]}]

    def workload_trusts(self) -> list[str]:
        """Who may become the vendor's workload (ARNs): the platform that runs it, by the account's root."""
        return [f"arn:aws:iam::{VENDOR_ACCOUNT}:root"]

    def support_may(self) -> list[Arguments]:
        """What the role of the vendor's support may do at AWS (statements of a policy): see whether things run."""
        return [{"Effect": "Allow", "Action": ["cloudwatch:GetMetricData", "health:DescribeEvents"], "Resource": "*"}]

    def peerings(self, tenants: Mapping[str, str], aggregation: str) -> list[tuple[str, str]]:
        """Pairs of networks (VPC ids) that are to be joined: none. `tenants`: tenant to VPC."""
        del tenants, aggregation
        return []


def build(
    endpoint: str, plan: Plan, accounts: AwsAccounts, keys: Mapping[str, str], surroundings: Surroundings
) -> Built:
    """Create every tenant's network, database instance and bucket, and the aggregation network.

    `keys`: tenant to the ARN of its KMS key, which exists already.
    """
    clients = _Clients(endpoint, accounts)
    vendor = clients.of(VENDOR_ACCOUNT, "ec2", HOME_REGION)
    with ThreadPoolExecutor(4) as pool:
        aggregation = pool.submit(_network, vendor, _AGGREGATION_NETWORK, "venturi-aggregation")
        works = [
            pool.submit(_Site(clients, plan.deployment, tenant, keys[tenant.id], surroundings).build, index)
            for index, tenant in enumerate(plan.tenants)
        ]
        tenants = {tenant.id: work.result() for tenant, work in zip(plan.tenants, works, strict=True)}
    made = Built(tenants=tenants, aggregation_vpc=aggregation.result())
    _allow_exports(clients, [each.bucket for each in tenants.values()])
    networks = {tenant: each.vpc for tenant, each in tenants.items()}
    for one, other in surroundings.peerings(networks, made.aggregation_vpc):
        vendor.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)
    return made


@dataclass(frozen=True)
class _Clients:
    """Clients as accounts' roots."""

    endpoint: str
    accounts: AwsAccounts

    def of(self, account: str, service: str, region: str) -> Client:
        """A client of `service` as the root of `account`."""
        root = self.accounts.roots[account]
        as_root = AwsClientSettings(
            endpoint=self.endpoint, access_key_id=root.access_key_id, secret_access_key=root.secret_access_key
        )
        return connect(service, region, as_root)


@dataclass(frozen=True)
class _Site:
    """One tenant's side."""

    clients: _Clients
    deployment: str
    tenant: TenantPlan
    key_arn: str
    surroundings: Surroundings

    def build(self, index: int) -> TenantSurroundings:
        """Create everything of the tenant with this number."""
        network = _TENANT_NETWORK.format(index=index % 250)
        ec2 = self._client("ec2")
        vpc = _network(ec2, network, f"venturi-{self.tenant.id}")
        group = _group(ec2, vpc, self.surroundings.ingress(self.tenant, network))
        asked = self.surroundings.database(self.tenant, self.key_arn)
        self._client("rds").create_db_instance(**asked, VpcSecurityGroupIds=[group])
        return TenantSurroundings(vpc=vpc, bucket=self._bucket(), database_instance=asked["DBInstanceIdentifier"])

    def _bucket(self) -> str:
        name, region, s3 = (
            self.surroundings.bucket_name(self.deployment, self.tenant),
            self.tenant.region,
            self._client("s3"),
        )
        # us-east-1 is the one region that can't be asked for by name.
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(_CLOSED, True))
        if encryption := self.surroundings.bucket_encryption(self.tenant, self.key_arn):
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=encryption)
        policy = self.surroundings.bucket_policy(self.tenant, name, self.key_arn)
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        return name

    def _client(self, service: str) -> Client:
        return self.clients.of(self.tenant.account, service, self.tenant.region)


def _network(ec2: Client, network: str, name: str) -> str:
    """A VPC with two subnets and neither a gateway nor a route out of it. Returns its id."""
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": name}]}]
    vpc: str = ec2.create_vpc(CidrBlock=network, TagSpecifications=tags)["Vpc"]["VpcId"]
    prefix = network.rsplit(".", 2)[0]
    for place in (0, 1):
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{prefix}.{place}.0/24")
    return vpc


def _group(ec2: Client, vpc: str, ingress: list[Arguments]) -> str:
    made = ec2.create_security_group(GroupName="venturi-database", Description="The tenant's database", VpcId=vpc)
    group: str = made["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=ingress)
    return group


def _allow_exports(clients: _Clients, buckets: list[str]) -> None:
    """The vendor's side of what the buckets' policies allow: across accounts both have to."""
    objects = [f"arn:aws:s3:::{bucket}/{EXPORTS}*" for bucket in buckets]
    allow = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": objects}
    clients.of(VENDOR_ACCOUNT, "iam", HOME_REGION).put_role_policy(
        RoleName=WORKLOAD_ROLE,
        PolicyName="exports",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
