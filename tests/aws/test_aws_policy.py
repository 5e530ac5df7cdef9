"""What a policy document says, held to the rules AWS publishes for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.served import document
from venturi.aws.caller import Caller
from venturi.aws.conditions import holds
from venturi.aws.grants import Grant, constraints_hold, covers
from venturi.aws.policy import MalformedPolicyError, Question, Says, identity_policies_say, read, resource_policy_says

KEY = "arn:aws:kms:us-east-1:100000000001:key/k"
SESSION = Caller("ASIA", "arn:aws:sts::700000000001:assumed-role/w/api")
USER = Caller("AKIA", "arn:aws:iam::100000000001:user/u")
ROOT = Caller("AKIA", "arn:aws:iam::100000000001:root")


def says(caller: Caller, action: str = "kms:Decrypt", **statement: Any) -> Says:
    whole = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"} | statement
    if "NotAction" in statement:
        del whole["Action"]
    facts = {"kms:encryptioncontext:tenant": ("alder",), "aws:principalarn": (caller.principal_arn,)}
    return resource_policy_says(document(whole), Question(caller, action, KEY, facts))


@pytest.mark.parametrize(
    ("principal", "caller", "expected"),
    [
        ({"AWS": "arn:aws:iam::700000000001:role/w"}, SESSION, Says.ALLOWS),
        ({"AWS": SESSION.arn}, SESSION, Says.ALLOWS),
        ({"AWS": "arn:aws:sts::700000000001:assumed-role/w/other"}, SESSION, Says.NOTHING),
        ({"AWS": "arn:aws:iam::700000000001:role/w2"}, SESSION, Says.NOTHING),
        ({"AWS": "arn:aws:iam::700000000001:root"}, SESSION, Says.DELEGATES),
        ({"AWS": ["700000000001"]}, SESSION, Says.DELEGATES),
        ({"AWS": "100000000001"}, ROOT, Says.DELEGATES),
        ({"AWS": "arn:aws:iam::100000000001:role/*"}, USER, Says.NOTHING),
        ({"Service": "sns.amazonaws.com"}, USER, Says.NOTHING),
        ("*", USER, Says.ALLOWS),
        ({"AWS": "*"}, USER, Says.ALLOWS),
    ],
)
def test_a_principal_is_meant_by_name_or_through_its_account(principal: Any, caller: Caller, expected: Says) -> None:
    assert says(caller, Principal=principal) is expected


@pytest.mark.parametrize(
    ("action", "statement", "expected"),
    [
        ("kms:Decrypt", {"Action": "kms:de*"}, Says.ALLOWS),
        ("kms:Decrypt", {"Action": ["kms:Encrypt", "KMS:Decryp?"]}, Says.ALLOWS),
        ("kms:Decrypt", {"Action": "s3:*"}, Says.NOTHING),
        ("kms:Decrypt", {"NotAction": "kms:Decrypt"}, Says.NOTHING),
        ("kms:Decrypt", {"NotAction": "kms:Encrypt"}, Says.ALLOWS),
        ("kms:Decrypt", {"Resource": KEY + "2"}, Says.NOTHING),
        ("kms:Decrypt", {"Effect": "Deny"}, Says.DENIES),
    ],
)
def test_actions_and_resources_are_patterns(action: str, statement: dict[str, Any], expected: Says) -> None:
    assert says(USER, action, Principal="*", **statement) is expected


def test_a_deny_with_not_principal_spares_only_those_it_lists() -> None:
    listed = {"AWS": [USER.arn, "arn:aws:iam::100000000001:root"]}
    assert says(USER, Effect="Deny", NotPrincipal=listed) is Says.NOTHING
    assert says(SESSION, Effect="Deny", NotPrincipal=listed) is Says.DENIES
    assert says(SESSION, NotPrincipal=listed) is Says.NOTHING


def test_a_deny_beats_an_allow_in_either_order() -> None:
    allow, deny = ({"Effect": effect, "Action": "*", "Resource": "*"} for effect in ("Allow", "Deny"))
    question = Question(USER, "kms:Decrypt", KEY, {})
    for statements in ((allow, deny), (deny, allow)):
        assert identity_policies_say([document(*statements)], question) is Says.DENIES
    assert identity_policies_say([document(allow)], question) is Says.ALLOWS
    assert identity_policies_say([], question) is Says.NOTHING
    assert identity_policies_say([], Question(ROOT, "kms:Decrypt", KEY, {})) is Says.ALLOWS


def test_an_operator_nobody_knows_never_opens_and_always_closes() -> None:
    strange = {"StringSortOf": {"kms:EncryptionContext:tenant": "alder"}}
    assert says(USER, Principal="*", Condition=strange) is Says.NOTHING
    assert says(USER, Principal="*", Effect="Deny", Condition=strange) is Says.DENIES


FACTS = {
    "kms:encryptioncontext:tenant": ("alder",),
    "kms:encryptioncontextkeys": ("tenant", "subject"),
    "aws:principalarn": ("arn:aws:iam::700000000001:role/w",),
    "kms:grantisforawsresource": ("false",),
    "aws:sourceip": ("127.0.0.1",),
    "n": ("5",),
    "aws:currenttime": ("2026-02-01T00:00:00Z",),
}
KEYS = "kms:EncryptionContextKeys"


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "expected"),
    [
        ("StringEquals", "kms:EncryptionContext:tenant", "alder", True),
        ("StringEquals", "kms:EncryptionContext:tenant", ["birch", "alder"], True),
        ("StringEquals", "kms:EncryptionContext:tenant", "Alder", False),
        ("StringEquals", "kms:EncryptionContext:tenant", "al*", False),
        ("StringEqualsIgnoreCase", "kms:EncryptionContext:tenant", "Alder", True),
        ("StringLike", "KMS:EncryptionContext:Tenant", "al*", True),
        ("StringNotEquals", "kms:EncryptionContext:tenant", "birch", True),
        ("StringNotEquals", "kms:EncryptionContext:tenant", ["birch", "alder"], False),
        ("StringNotEquals", "kms:ViaService", "rds", True),
        ("StringEquals", "kms:ViaService", "rds", False),
        ("StringEqualsIfExists", "kms:ViaService", "rds", True),
        ("Null", "kms:ViaService", "true", True),
        ("Null", "kms:EncryptionContext:tenant", "true", False),
        ("Bool", "kms:GrantIsForAWSResource", "true", False),
        ("ForAllValues:StringEquals", KEYS, ["tenant", "subject", "x"], True),
        ("ForAllValues:StringEquals", KEYS, ["tenant"], False),
        ("ForAllValues:StringEquals", "kms:Absent", ["tenant"], True),
        ("ForAnyValue:StringEquals", KEYS, ["tenant"], True),
        ("ForAnyValue:StringEquals", "kms:Absent", ["tenant"], False),
        ("ForAnyValue:StringNotEquals", "kms:Absent", ["tenant"], False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/w", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::100000000001:role/w", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/w", False),
        ("NumericLessThan", "n", "10", True),
        ("NumericGreaterThanEquals", "n", "5", True),
        ("NumericEquals", "n", "five", False),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", False),
        ("IpAddress", "aws:SourceIp", "127.0.0.0/8", True),
        ("NotIpAddress", "aws:SourceIp", "127.0.0.0/8", False),
        ("StringEquals", "aws:PrincipalArn", "${aws:PrincipalArn}", True),
        ("StringLike", "aws:PrincipalArn", "${aws:PrincipalTag/x}*", False),
        ("StringGuess", "n", "5", None),
        ("ForSomeValues:StringEquals", "n", "5", None),
    ],
)
def test_a_condition_holds(operator: str, key: str, wanted: Any, expected: bool | None) -> None:
    assert holds({operator: {key: wanted}}, FACTS) is expected


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Statement": {"Effect": "Allow"}}', '{"Statement": ["x"]}'])
def test_what_is_no_policy_is_refused_and_closes_what_it_is_attached_to(text: str) -> None:
    with pytest.raises(MalformedPolicyError):
        read(text)
    assert resource_policy_says(text, Question(ROOT, "kms:Decrypt", KEY, {})) is Says.DENIES


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ({}, True),
        ({"EncryptionContextEquals": {"a": "1", "b": "2"}}, True),
        ({"EncryptionContextEquals": {"a": "1"}}, False),
        ({"EncryptionContextSubset": {"a": "1"}}, True),
        ({"EncryptionContextSubset": {"A": "1"}}, False),
        ({"EncryptionContextSubset": {"a": "1", "c": "3"}}, False),
        ({"SourceArn": "x"}, False),
    ],
)
def test_a_grants_constraint_is_exact(constraints: dict[str, Any], expected: bool) -> None:
    assert constraints_hold(constraints, {"a": "1", "b": "2"}) is expected
    grant = Grant("g", "t", "arn:aws:iam::700000000001:role/w", frozenset({"Decrypt"}), constraints)
    assert covers(grant, SESSION, "Decrypt", {"a": "1", "b": "2"}) is expected
    assert not covers(grant, SESSION, "Encrypt", {"a": "1", "b": "2"})
    assert not covers(grant, USER, "Decrypt", {"a": "1", "b": "2"})
