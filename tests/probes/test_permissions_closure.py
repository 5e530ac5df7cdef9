"""What a principal could give itself: each step of the escalation closure, and what is no step."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenantproof.probes.permissions.actions import grant_actions, kms_actions
from tenantproof.probes.permissions.authorize import Authorizer
from tenantproof.probes.permissions.closure import Closure, Way
from tenantproof.probes.permissions.facts import read_facts

Json = dict[str, Any]
"""A statement, a principal, a key, as the facts have them."""
HOME, AWAY = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-west-2:{HOME}:key/1"
ALICE, BOB = (f"arn:aws:iam::{HOME}:user/{name}" for name in ("alice", "bob"))
APP, ADMIN = (f"arn:aws:iam::{HOME}:role/{name}" for name in ("app", "admin"))
DELEGATED = {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"}


def allow(*actions: str, on: str = "*", **more: object) -> Json:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on} | more


def document(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def has(arn: str, *statements: Json, managed: str = "", **more: object) -> Json:
    return {"arn": arn, "policies": [{"name": "own", "arn": managed, "document": document(*statements)}]} | more


def trusting(principal: Json) -> Json:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def ways(who: str, *principals: Json, policy: Json | None = None, **key: object) -> dict[str, Way]:
    told = {
        "schema": "tenantproof.key-facts/1",
        "principals": list(principals),
        "keys": [{"arn": KEY, "policy": policy or document(DELEGATED)} | key],
    }
    return Closure(Authorizer(read_facts(json.dumps(told).encode()))).ways(who, KEY)


def steps(found: dict[str, Way], action: str = "kms:ScheduleKeyDeletion") -> str:
    return " -> ".join(found[action].steps)


def test_without_any_step_the_closure_is_what_the_principal_has() -> None:
    found = ways(ALICE, has(ALICE, allow("kms:Decrypt", "kms:GenerateDataKey")))
    assert found == {"kms:Decrypt": Way(True, ()), "kms:GenerateDataKey": Way(True, ())}


def test_a_new_key_policy_gives_everything() -> None:
    found = ways(ALICE, has(ALICE, allow("kms:PutKeyPolicy")))
    assert set(found) == set(kms_actions())
    assert "PutKeyPolicy" in steps(found)


def test_a_grant_to_oneself_gives_what_grants_can_give() -> None:
    found = ways(ALICE, has(ALICE, allow("kms:CreateGrant")))
    assert set(found) == set(grant_actions())
    assert found["kms:Decrypt"].is_sure


def test_a_condition_on_the_operations_of_a_grant_bounds_what_it_can_give() -> None:
    only = {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt"]}}
    found = ways(ALICE, has(ALICE, allow("kms:CreateGrant", Condition=only)))
    assert set(found) == {"kms:CreateGrant", "kms:Encrypt"}


def test_grants_for_aws_services_alone_are_none_for_oneself() -> None:
    service = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    found = ways(ALICE, has(ALICE, allow("kms:CreateGrant", Condition=service)))
    assert set(found) == {"kms:CreateGrant"}
    assert not found["kms:CreateGrant"].is_sure


@pytest.mark.parametrize(
    ("trust", "own", "reaches"),
    [
        ({"AWS": ALICE}, (), True),
        ({"AWS": HOME}, (allow("sts:AssumeRole"),), True),
        ({"AWS": HOME}, (), False),
        ({"AWS": BOB}, (allow("sts:AssumeRole"),), False),
        ({"Service": "ec2.amazonaws.com"}, (allow("sts:AssumeRole"),), False),
        ({"Service": "ec2.amazonaws.com"}, (allow("iam:PassRole", on=ADMIN),), True),
        ({"AWS": BOB}, (allow("iam:PassRole", on=ADMIN),), False),
        ({"AWS": BOB}, (allow("iam:UpdateAssumeRolePolicy", on=ADMIN),), True),
        ({"AWS": BOB}, (allow("iam:UpdateAssumeRolePolicy", on=APP),), False),
    ],
    ids=str,
)
def test_a_role_is_reached_by_its_trust_or_by_whoever_may_change_it(
    trust: Json, own: tuple[Json, ...], reaches: bool
) -> None:
    found = ways(ALICE, has(ALICE, *own), has(ADMIN, allow("kms:*"), trust=trusting(trust)))
    assert bool(found) is reaches
    if reaches:
        assert ADMIN in steps(found)


def test_roles_are_reached_through_roles() -> None:
    chain = ways(
        ALICE,
        has(ALICE),
        has(APP, allow("sts:AssumeRole", on=ADMIN), trust=trusting({"AWS": ALICE})),
        has(ADMIN, allow("kms:ScheduleKeyDeletion"), trust=trusting({"AWS": HOME})),
    )
    assert set(chain) == {"kms:ScheduleKeyDeletion"}
    assert chain["kms:ScheduleKeyDeletion"].is_sure
    assert steps(chain) == f"sts:AssumeRole: becomes {APP} -> sts:AssumeRole: becomes {ADMIN}"


@pytest.mark.parametrize("action", ["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"])
def test_a_user_is_reached_with_fresh_credentials(action: str) -> None:
    found = ways(ALICE, has(ALICE, allow(action, on=BOB)), has(BOB, allow("kms:Decrypt")))
    assert set(found) == {"kms:Decrypt"}


@pytest.mark.parametrize("action", ["iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:AddUserToGroup"])
def test_who_may_widen_its_own_policies_has_what_the_key_leaves_to_the_account(action: str) -> None:
    assert set(ways(ALICE, has(ALICE, allow(action)))) == set(kms_actions())
    named = {"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": "kms:*", "Resource": "*"}
    assert not ways(ALICE, has(ALICE, allow(action)), policy=document(named))


def test_a_new_version_of_an_attached_policy_widens_it() -> None:
    managed = f"arn:aws:iam::{HOME}:policy/mine"
    versions = allow("iam:CreatePolicyVersion", on=managed)
    assert ways(ALICE, has(ALICE, versions, managed=managed))
    assert not ways(ALICE, has(ALICE, versions, managed=managed + "-2"))


def test_a_boundary_holds_what_widens_unless_it_can_be_taken_off() -> None:
    boundary = {"document": document(allow("iam:*", "kms:Decrypt"))}
    assert set(ways(ALICE, has(ALICE, allow("iam:PutUserPolicy"), boundary=boundary))) == {"kms:Decrypt"}
    free = has(ALICE, allow("iam:PutUserPolicy", "iam:DeleteUserPermissionsBoundary"), boundary=boundary)
    assert set(ways(ALICE, free)) == set(kms_actions())


def test_a_deny_in_the_keys_policy_holds_whatever_is_widened() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}
    found = ways(ALICE, has(ALICE, allow("iam:PutUserPolicy")), policy=document(DELEGATED, deny))
    assert found["kms:ScheduleKeyDeletion"].steps[-1] == "kms:PutKeyPolicy: writes itself into the key policy"
    both = deny | {"Action": ["kms:ScheduleKeyDeletion", "kms:PutKeyPolicy"]}
    assert "kms:ScheduleKeyDeletion" not in ways(
        ALICE, has(ALICE, allow("iam:PutUserPolicy")), policy=document(DELEGATED, both)
    )


def test_tags_and_aliases_that_can_be_changed_are_no_bound() -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/open": "yes"}}
    own = allow("kms:Decrypt", Condition=tagged)
    assert not ways(ALICE, has(ALICE, own), tags={})
    found = ways(ALICE, has(ALICE, own, allow("kms:TagResource")), tags={})
    assert not found["kms:Decrypt"].is_sure
    aliased = allow("kms:Decrypt", Condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/open"}})
    assert "kms:Decrypt" in ways(ALICE, has(ALICE, aliased, allow("kms:UpdateAlias")), aliases=["alias/shut"])


def test_a_replica_comes_under_a_policy_of_its_maker() -> None:
    replicate = has(ALICE, allow("kms:ReplicateKey"))
    assert set(ways(ALICE, replicate, multi_region=True)) == set(kms_actions())
    assert set(ways(ALICE, replicate)) == {"kms:ReplicateKey"}


def test_another_accounts_principals_write_no_policy_of_the_key_and_no_role_of_its_account() -> None:
    far = f"arn:aws:iam::{AWAY}:role/far"
    everything = {"Effect": "Allow", "Principal": {"AWS": AWAY}, "Action": "kms:*", "Resource": "*"}
    found = ways(far, has(far, allow("*")), has(ADMIN, allow("kms:*"), trust=trusting({"AWS": HOME})),
                 policy=document(DELEGATED, everything))  # fmt: skip
    assert "kms:Decrypt" in found
    assert "kms:ScheduleKeyDeletion" not in found
    assert "kms:PutKeyPolicy" not in found


def test_circles_of_roles_come_to_an_end() -> None:
    roles = [f"arn:aws:iam::{HOME}:role/r{number}" for number in range(6)]
    everyone = [has(arn, allow("sts:AssumeRole"), trust=trusting({"AWS": HOME})) for arn in roles]
    assert ways(roles[0], *everyone) == {}
