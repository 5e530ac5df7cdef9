"""Collecting facts from AWS: pages, patience, what nobody may read, and the canonical file they end in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from tenantproof.clients.aws import AwsAnswer
from tenantproof.clients.target import Target
from tenantproof.model.profile import AwsPrincipal, Secret
from tenantproof.probes.account_facts import account_facts
from tenantproof.probes.key_facts import Reader, canonical, collect
from tenantproof.probes.permissions.facts import Facts, read_facts
from tests.probes.fake_keys import ACCOUNTS, KEYS, FakeKeys, target_of

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}
Json = dict[str, Any]
"""Arguments or answers of an operation."""


class Cloud:
    """Answers by (operation), one answer after the other, the last one for ever."""

    def __init__(self, **answers: list[AwsAnswer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Json]] = []

    def client(self, service: str, principal: AwsPrincipal, *, region: str = "", key: str = "") -> str:
        return service

    def call(self, client: str, operation: str, **arguments: Any) -> AwsAnswer:
        self.asked.append((operation, arguments))
        left = self.answers.get(operation, [AwsAnswer(code="AccessDeniedException")])
        return left.pop(0) if len(left) > 1 else left[0]


def reader(cloud: Cloud, waited: list[float] | None = None) -> Reader:
    target = cast("Target", SimpleNamespace(aws=cloud))
    arn = "arn:aws:iam::1:user/a"
    auditor = AwsPrincipal(arn=arn, access_key_id="A", secret_access_key=Secret(env="X"))
    kept = waited if waited is not None else []
    return Reader(target, auditor, "us-east-1", "aws.auditor", sleep=kept.append)


def given(**data: Any) -> AwsAnswer:
    return AwsAnswer(data=data)


def test_a_listing_is_read_to_its_end() -> None:
    cloud = Cloud(
        list_grants=[given(Grants=[{"GrantId": "1"}], Truncated=True, NextMarker="m"), given(Grants=[{"GrantId": "2"}])]
    )
    assert reader(cloud).pages("kms", "list_grants", "Grants") == [{"GrantId": "1"}, {"GrantId": "2"}]
    assert cloud.asked[1] == ("list_grants", {"Marker": "m"})


def test_a_listing_without_end_and_one_without_a_list_are_unread() -> None:
    endless = reader(Cloud(list_grants=[given(Grants=[], NextMarker="m")]))
    assert endless.pages("kms", "list_grants", "Grants") is None
    assert "does not come to an end" in endless.trouble[-1]
    assert reader(Cloud(list_grants=[given()])).pages("kms", "list_grants", "Grants") is None


def test_throttling_is_waited_out_longer_each_time() -> None:
    waited: list[float] = []
    cloud = Cloud(describe_key=[AwsAnswer(code="ThrottlingException")] * 3 + [given(KeyMetadata={})])
    assert reader(cloud, waited).read("kms", "describe_key") == {"KeyMetadata": {}}
    assert waited == [0.2, 0.4, 0.8]


def test_throttling_without_end_is_trouble() -> None:
    patient = reader(Cloud(describe_key=[AwsAnswer(code="Throttling")]))
    assert patient.read("kms", "describe_key") is None
    assert patient.trouble == ["aws.auditor: kms:describe_key: Throttling"]


def test_a_principal_has_its_own_its_groups_and_its_managed_policies() -> None:
    user = {
        "Arn": "arn:aws:iam::1:user/anna",
        "UserPolicyList": [{"PolicyName": "inline", "PolicyDocument": ALLOW}],
        "GroupList": ["team"],
        "AttachedManagedPolicies": [{"PolicyName": "local", "PolicyArn": "arn:local"}],
        "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/ReadOnly"},
        "Tags": [{"Key": "team", "Value": "a"}],
    }
    group = {"GroupName": "team", "AttachedManagedPolicies": [{"PolicyName": "far", "PolicyArn": "arn:aws:far"}]}
    local = {"Arn": "arn:local", "PolicyVersionList": [{"Document": ALLOW, "IsDefaultVersion": True}]}
    role = {"Arn": "arn:aws:iam::1:role/r", "AssumeRolePolicyDocument": ALLOW, "RolePolicyList": []}
    cloud = Cloud(
        get_account_authorization_details=[
            given(UserDetailList=[user], GroupDetailList=[group], IsTruncated=True, Marker="m"),
            given(RoleDetailList=[role], Policies=[local]),
        ],
        get_policy=[given(Policy={"DefaultVersionId": "v2"})],
        get_policy_version=[given(PolicyVersion={"Document": ALLOW})],
        describe_organization=[AwsAnswer(code="AWSOrganizationsNotInUseException")],
    )
    account = account_facts(reader(cloud), "1")
    anna, taken = account.principals
    assert [policy.name for policy in anna.policies] == ["inline", "local", "group team: far"]
    assert anna.policies[1].arn == "arn:local"
    assert anna.boundary
    assert (anna.tags, anna.unread) == ({"team": "a"}, ())
    assert taken.trust == ALLOW
    assert account.facts.unread == ()


def test_what_nobody_may_read_of_an_account_is_named() -> None:
    account = account_facts(reader(Cloud()), "1")
    assert account.principals == ()
    assert set(account.facts.unread) == {"organization", "scps", "rcps", "principals"}
    assert len(account.trouble) == 2


def test_a_managed_policy_that_nobody_may_read_is_unread() -> None:
    user = {"Arn": "arn:aws:iam::1:user/a", "AttachedManagedPolicies": [{"PolicyName": "p", "PolicyArn": "arn:p"}]}
    cloud = Cloud(get_account_authorization_details=[given(UserDetailList=[user])])
    assert account_facts(reader(cloud), "1").principals[0].unread == ("policies",)


def test_service_control_policies_are_read_level_by_level() -> None:
    cloud = Cloud(
        get_account_authorization_details=[given()],
        describe_organization=[given(Organization={"Id": "o-1", "MasterAccountId": "9"})],
        list_parents=[given(Parents=[{"Id": "ou-1", "Type": "ORGANIZATIONAL_UNIT"}]),
                      given(Parents=[{"Id": "r-1", "Type": "ROOT"}])],
        list_policies_for_target=[given(Policies=[{"Id": "p", "Name": "full", "Arn": "arn:p"}])],
        describe_policy=[given(Policy={"Content": json.dumps(ALLOW)})],
    )  # fmt: skip
    facts = account_facts(reader(cloud), "1").facts
    assert (facts.organization, len(facts.scps), len(facts.rcps)) == ("o-1", 3, 3)
    targets = [asked["TargetId"] for operation, asked in cloud.asked if operation == "list_policies_for_target"]
    assert targets == ["r-1", "ou-1", "1"] * 2


class Estate(FakeKeys):
    """Tenants' keys, whose auditors may read nothing but keys."""

    def client(self, service: str, principal: AwsPrincipal, *, region: str = "", key: str = "") -> str:
        return principal.arn

    def call(self, client: str, operation: str, **arguments: Any) -> AwsAnswer:
        if "KeyId" not in arguments:
            return AwsAnswer(code="AccessDenied")
        return super().call(client, operation, **arguments)


def test_a_collection_is_an_exhibit_that_reads_back_as_the_same_facts() -> None:
    target = target_of(Estate())
    vars(target)["exhibits"] = {}
    facts = collect(target)
    assert [key.arn for key in facts.keys] == list(KEYS.values())
    assert set(facts.accounts) == set(ACCOUNTS.values())
    assert "aliases" in facts.keys[0].unread
    raw = target.exhibits["key-facts.json"]
    assert read_facts(raw) == facts
    assert raw == canonical(facts)


def test_times_are_written_as_text() -> None:
    told = Facts(schema="tenantproof.key-facts/1", collected=datetime.now(UTC).isoformat())
    assert json.loads(canonical(told))["collected"] == told.collected
