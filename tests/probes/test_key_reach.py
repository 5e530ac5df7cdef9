"""Who could come to what on a tenant's key, over facts that are written here."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tenantproof.clients.target import Target
from tenantproof.model.outcome import ABSENT, PRESENT, UNANSWERED, Outcome
from tenantproof.probes.key_reach import STRANGER, KeyReach
from tenantproof.probes.permissions.facts import read_facts
from tests.probes.fake_keys import ACCOUNTS, KEYS, ROLE, VENDOR, FakeKeys, target_of

Json = dict[str, Any]
"""A statement, a grant, a key."""
TENANT = "acme"
HOME = ACCOUNTS[TENANT]


def reach(*more: Json, grants: tuple[Json, ...] = (), principals: tuple[Json, ...] = (), **key: Any) -> KeyReach:
    """The probe over one sound key, with more statements and grants on it and more principals around it."""
    keys = FakeKeys()
    statements = [*keys.statements(TENANT), *more]
    entry = {
        "arn": KEYS[TENANT],
        "policy": {"Version": "2012-10-17", "Statement": statements},
        "grants": list(grants),
    }
    own = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    told = {
        "schema": "tenantproof.key-facts/1",
        "principals": [{"arn": ROLE, "policies": [{"document": own}]}, *principals],
        "keys": [entry | key],
        "accounts": {HOME: {}},
    }
    target = target_of(keys)
    probe = KeyReach(cast("Target", SimpleNamespace(profile=target.profile, aws=target.aws)))
    vars(probe)["facts"] = read_facts(json.dumps(told).encode())
    return probe


def exceeding(probe: KeyReach) -> list[str]:
    tenant = probe.tenants[0]
    return [who for who in probe.vendors() if probe.exceeds(tenant, who).outcome is PRESENT]


def strangers(probe: KeyReach) -> list[str]:
    tenant = probe.tenants[0]
    return [who for who in probe.others(tenant) if probe.reaches(tenant, who).outcome is PRESENT]


def test_whoever_a_key_names_is_asked_after_though_nobody_lists_him() -> None:
    hidden, consultant = f"arn:aws:iam::{VENDOR}:role/hidden", "888888888888"
    probe = reach(to({"AWS": hidden}, "kms:Encrypt"), to({"AWS": consultant}, "kms:Decrypt"))
    assert hidden in exceeding(probe)
    assert strangers(probe) == [f"arn:aws:iam::{consultant}:root"]


def to(principal: object, *actions: str, **more: object) -> Json:
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*"} | more


def test_a_sound_key_is_out_of_everybodys_reach() -> None:
    probe = reach()
    assert probe.read(probe.tenants[0]).outcome is PRESENT
    assert exceeding(probe) == []
    assert strangers(probe) == []
    assert probe.grants_in_order(probe.tenants[0]).outcome is PRESENT


def test_everybody_of_the_vendor_is_asked_after() -> None:
    probe = reach(principals=({"arn": f"arn:aws:iam::{VENDOR}:user/anna"},))
    assert probe.vendors() == (ROLE, f"arn:aws:iam::{VENDOR}:user/anna", f"arn:aws:iam::{VENDOR}:root")
    assert STRANGER in probe.others(probe.tenants[0])
    assert not any(f"::{HOME}:" in who for who in probe.others(probe.tenants[0]))


@pytest.mark.parametrize(
    "statement",
    [
        to({"AWS": ROLE}, "kms:*"),
        to({"AWS": ROLE}, "kms:CreateGrant"),
        to({"AWS": f"arn:aws:iam::{VENDOR}:root"}, "kms:Encrypt"),
        to("*", "kms:Encrypt", Condition={"StringEquals": {"kms:CallerAccount": VENDOR}}),
        to({"AWS": ROLE}, "kms:ReEncrypt*"),
    ],
    ids=str,
)
def test_more_than_two_actions_are_found(statement: Json) -> None:
    assert exceeding(reach(statement))


@pytest.mark.parametrize(
    ("statement", "who"),
    [
        (to("*", "kms:Decrypt"), STRANGER),
        (to("*", "kms:Decrypt", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}), STRANGER),
        (to("*", "kms:Decrypt", Condition={"StringLike": {"kms:ViaService": "s3.*"}}), STRANGER),
        (to({"AWS": f"arn:aws:iam::{ACCOUNTS['globex']}:root"}, "kms:Decrypt"), ACCOUNTS["globex"]),
    ],
    ids=str,
)
def test_a_stranger_and_another_tenant_are_found(statement: Json, who: str) -> None:
    assert any(who in each for each in strangers(reach(statement)))


def test_a_way_through_a_role_of_the_vendor_is_found_and_told() -> None:
    helper = f"arn:aws:iam::{VENDOR}:role/helper"
    anna = f"arn:aws:iam::{VENDOR}:user/anna"
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": anna}, "Action": "sts:AssumeRole"}]}
    own = {"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    probe = reach(
        to({"AWS": helper}, "kms:Encrypt"),
        principals=({"arn": anna}, {"arn": helper, "trust": trust, "policies": [{"document": own}]}),
    )
    assert exceeding(probe) == [anna, helper, f"arn:aws:iam::{VENDOR}:root"]
    assert f"sts:AssumeRole: becomes {helper}" in probe.exceeds(probe.tenants[0], anna).notes[0]


BOUND = {"EncryptionContextSubset": {"tenant": TENANT}}


@pytest.mark.parametrize(
    ("grant", "seen"),
    [
        ({"GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Constraints": BOUND}, PRESENT),
        ({"GranteePrincipal": ROLE, "Operations": ["Decrypt"]}, ABSENT),
        ({"GranteePrincipal": ROLE, "Operations": ["Encrypt"], "Constraints": BOUND}, ABSENT),
        ({"GranteePrincipal": f"arn:aws:iam::{HOME}:user/gone", "Operations": ["Decrypt"]}, ABSENT),
        ({"GranteePrincipal": f"arn:aws:iam::{HOME}:user/here", "Operations": ["Decrypt"]}, PRESENT),
        ({"GranteePrincipal": STRANGER, "Operations": ["Decrypt"]}, ABSENT),
        ({"GranteePrincipal": f"arn:aws:iam::{HOME}:user/here", "RetiringPrincipal": ROLE}, ABSENT),
        ({"GranteePrincipal": "rds.amazonaws.com", "Operations": ["Decrypt"]}, PRESENT),
        ({"GranteePrincipal": f"arn:aws:iam::{HOME}:user/here", "Constraints": {"New": {}}}, ABSENT),
    ],
    ids=str,
)
def test_a_grant_is_in_order_or_is_not(grant: Json, seen: Outcome) -> None:
    probe = reach(grants=({"GrantId": "g"} | grant,), principals=({"arn": f"arn:aws:iam::{HOME}:user/here"},))
    assert probe.grants_in_order(probe.tenants[0]).outcome is seen


def test_what_nobody_could_read_rules_nobody_out() -> None:
    probe = reach(unread=["policy"])
    tenant = probe.tenants[0]
    assert probe.read(tenant).outcome is UNANSWERED
    assert probe.exceeds(tenant, ROLE).outcome is PRESENT
    blind = reach(unread=["grants"])
    assert blind.grants_in_order(tenant).outcome is UNANSWERED
