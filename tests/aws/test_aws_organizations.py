"""What an organization's control policies take from its accounts, and from others at its accounts' resources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.aws.served import ALDER, BIRCH, Cloud, document
from tests.aws.test_aws_keys_over_the_wire import code_of

_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass
class Estate:
    """An organization of birch's with one member account, and a key and an administrator's session in it."""

    cloud: Cloud
    organizations: Any
    root: str
    unit: str
    member: str
    lent: dict[str, Any]
    key: str = ""

    def client(self, service: str) -> Any:
        """A client of the member's administrator."""
        lent = self.lent
        return self.cloud.connect(service, lent["AccessKeyId"], lent["SecretAccessKey"], token=lent["SessionToken"])

    def attach(self, kind: str, target: str, *statements: dict[str, Any]) -> str:
        """Make a policy and attach it; returns its id."""
        named = f"p{len(self.organizations.list_policies(Filter=kind)['Policies'])}"
        made = self.organizations.create_policy(Name=f"{kind}-{named}", Description="-", Type=kind,
                                                Content=document(*statements))  # fmt: skip
        found = str(made["Policy"]["PolicySummary"]["Id"])
        self.organizations.attach_policy(PolicyId=found, TargetId=target)
        return found

    def detach(self, policy: str, target: str) -> None:
        self.organizations.detach_policy(PolicyId=policy, TargetId=target)


@pytest.fixture(scope="module")
def estate(cloud: Cloud) -> Iterator[Estate]:
    organizations = cloud.client("birch", "organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="tenants")["OrganizationalUnit"]["Id"]
    organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)
    made = organizations.create_account(AccountName="member", Email="member@birch.test")
    member = made["CreateAccountStatus"]["AccountId"]
    organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    sts = cloud.client("birch", "sts")
    lent = sts.assume_role(RoleArn=role, RoleSessionName="admin")["Credentials"]
    built = Estate(cloud, organizations, root, unit, member, lent)
    admin = {"Effect": "Allow", "Principal": {"AWS": [member, ALDER, BIRCH]}, "Action": "kms:*", "Resource": "*"}
    built.key = built.client("kms").create_key(Policy=document(admin))["KeyMetadata"]["Arn"]
    yield built
    organizations.remove_account_from_organization(AccountId=member)
    organizations.delete_organization()


def test_a_service_control_policy_denies_at_any_level(estate: Estate) -> None:
    kms = estate.client("kms")
    for target in (estate.root, estate.unit, estate.member):
        denies = estate.attach("SERVICE_CONTROL_POLICY", target, _ALL | {"Effect": "Deny", "Action": "kms:Describe*"})
        assert code_of(kms.describe_key, KeyId=estate.key) == "AccessDeniedException"
        assert code_of(kms.list_grants, KeyId=estate.key) == "ok"
        estate.detach(denies, target)
    assert code_of(kms.describe_key, KeyId=estate.key) == "ok"


def test_every_level_of_service_control_policies_has_to_allow(estate: Estate) -> None:
    kms = estate.client("kms")
    lists = estate.attach("SERVICE_CONTROL_POLICY", estate.unit, _ALL | {"Action": "kms:List*"})
    assert code_of(kms.describe_key, KeyId=estate.key) == "ok"
    estate.detach("p-FullAWSAccess", estate.unit)
    assert code_of(kms.describe_key, KeyId=estate.key) == "AccessDeniedException"
    assert code_of(kms.list_grants, KeyId=estate.key) == "ok"
    estate.organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=estate.unit)
    estate.detach(lists, estate.unit)


def test_a_grant_gives_nothing_that_a_service_control_policy_leaves_out(estate: Estate) -> None:
    kms, whom = estate.client("kms"), f"arn:aws:iam::{estate.member}:role/OrganizationAccountAccessRole"
    kms.create_grant(KeyId=estate.key, GranteePrincipal=whom, Operations=["DescribeKey", "GenerateDataKey"])
    lists = estate.attach("SERVICE_CONTROL_POLICY", estate.member, _ALL | {"Action": "kms:DescribeKey"})
    estate.detach("p-FullAWSAccess", estate.member)
    assert code_of(kms.describe_key, KeyId=estate.key) == "ok"
    assert code_of(kms.generate_data_key, KeyId=estate.key, KeySpec="AES_256") == "AccessDeniedException"
    estate.organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=estate.member)
    estate.detach(lists, estate.member)
    assert code_of(kms.generate_data_key, KeyId=estate.key, KeySpec="AES_256") == "ok"


def test_no_control_policy_restricts_the_management_account(estate: Estate) -> None:
    denies = estate.attach("SERVICE_CONTROL_POLICY", estate.root, _ALL | {"Effect": "Deny"})
    assert code_of(estate.client("kms").list_grants, KeyId=estate.key) == "AccessDeniedException"
    assert code_of(estate.cloud.client("birch").list_grants, KeyId=estate.key) == "ok"
    estate.detach(denies, estate.root)


def test_a_resource_control_policy_keeps_strangers_out_once_its_kind_is_enabled(estate: Estate) -> None:
    strangers = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}
    denies = estate.attach("RESOURCE_CONTROL_POLICY", estate.root,
                           _ALL | {"Effect": "Deny", "Principal": "*", "Condition": strangers})  # fmt: skip
    stranger = estate.cloud.client("alder")
    assert code_of(stranger.list_grants, KeyId=estate.key) == "ok"
    estate.organizations.enable_policy_type(RootId=estate.root, PolicyType="RESOURCE_CONTROL_POLICY")
    assert code_of(stranger.list_grants, KeyId=estate.key) == "AccessDeniedException"
    for within in (estate.client("kms"), estate.cloud.client("birch")):
        assert code_of(within.list_grants, KeyId=estate.key) == "ok"
    estate.organizations.disable_policy_type(RootId=estate.root, PolicyType="RESOURCE_CONTROL_POLICY")
    estate.detach(denies, estate.root)


def test_a_resource_control_policy_reaches_no_topic(estate: Estate) -> None:
    estate.organizations.enable_policy_type(RootId=estate.root, PolicyType="RESOURCE_CONTROL_POLICY")
    denies = estate.attach("RESOURCE_CONTROL_POLICY", estate.root, _ALL | {"Effect": "Deny", "Principal": "*"})
    assert code_of(estate.client("kms").list_grants, KeyId=estate.key) == "AccessDeniedException"
    assert code_of(estate.client("sns").create_topic, Name="reached") == "ok"
    estate.detach(denies, estate.root)
    estate.organizations.disable_policy_type(RootId=estate.root, PolicyType="RESOURCE_CONTROL_POLICY")
