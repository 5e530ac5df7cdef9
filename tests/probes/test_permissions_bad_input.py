"""Malformed, oversized, contradictory and foreign input: UNKNOWN or a clear error, never ALLOW or DENY by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenantproof.model.errors import UsageError
from tenantproof.probes.permissions.authorize import Answer, Authorizer, Request, Ruling
from tenantproof.probes.permissions.facts import read_facts

HOME = "111122223333"
KEY = f"arn:aws:kms:us-west-2:{HOME}:key/1"
ALICE = f"arn:aws:iam::{HOME}:user/alice"
Json = dict[str, Any]
"""Facts, or a part of them."""
ALLOW = {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "kms:*", "Resource": "*"}


def rule(policy: object, *, action: str = "kms:Decrypt", principal: str = ALICE, key: str = KEY, **more: Any) -> Ruling:
    told = {
        "schema": "tenantproof.key-facts/1",
        "principals": [{"arn": ALICE}],
        "keys": [{"arn": KEY, "policy": policy}],
    }
    return Authorizer(read_facts(json.dumps(told | more).encode())).rule(Request(principal, action, key))


def policy(*statements: object, **more: object) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)} | more


NAMELESS = policy({key: value for key, value in ALLOW.items() if key != "Principal"})
"""Fit for an identity, and nothing that a key can have."""
MALFORMED: dict[str, object] = {
    "no JSON": "{",
    "a list": "[]",
    "a number": "17",
    "no statement": {"Version": "2012-10-17"},
    "a version that is none": policy(ALLOW, Version="2030-01-01"),
    "a repeated key": '{"Version":"2012-10-17","Statement":[],"Statement":[{"Effect":"Allow"}]}',
    "nested without end": "[" * 100_000,
    "too long": json.dumps(policy(*[ALLOW] * 5000)),
    "no effect": policy({key: value for key, value in ALLOW.items() if key != "Effect"}),
    "an effect that is none": policy(ALLOW | {"Effect": "Permit"}),
    "Action and NotAction": policy(ALLOW | {"NotAction": "kms:Encrypt"}),
    "Principal and NotPrincipal": policy(ALLOW | {"NotPrincipal": "*"}),
    "Resource and NotResource": policy(ALLOW | {"NotResource": "*"}),
    "an element that is none": policy(ALLOW | {"Principle": "*"}),
    "no action at all": policy({key: value for key, value in ALLOW.items() if key != "Action"}),
    "an action without a service": policy(ALLOW | {"Action": "Decrypt"}),
    "an empty list of actions": policy(ALLOW | {"Action": []}),
    "an action that is no text": policy(ALLOW | {"Action": [7]}),
    "a principal that is no text": policy(ALLOW | {"Principal": {"AWS": [None]}}),
    "no principal": NAMELESS,
    "a condition that is no table": policy(ALLOW | {"Condition": "always"}),
    "an operator without keys": policy(ALLOW | {"Condition": {"StringEquals": "x"}}),
    "a statement that is no table": policy("Allow everything"),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_policy_is_unknown(text: object) -> None:
    assert rule(text).answer is Answer.UNKNOWN


@pytest.mark.parametrize("text", [text for text in MALFORMED.values() if text is not NAMELESS], ids=lambda _: "")
def test_a_malformed_policy_may_also_deny(text: object) -> None:
    own = {"arn": ALICE, "policies": [{"name": "bad", "document": text if isinstance(text, str) else json.dumps(text)}]}
    assert rule(policy(ALLOW), principals=[own]).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEqualz": {"aws:SourceVpce": "x"}},
        {"ForSomeValues:StringEquals": {"aws:SourceVpce": "x"}},
        {"StringEquals": {"aws:NoSuchKey": "x"}},
        {"StringEquals": {"kms:NoSuchKey": "x"}},
        {"StringEquals": {"aws:SourceVpce": []}},
        {"NumericLessThan": {"aws:MultiFactorAuthAge": "soon"}},
        {"IpAddress": {"aws:SourceIp": "everywhere"}},
        {"Bool": {"aws:SecureTransport": "perhaps"}},
    ],
    ids=str,
)
def test_an_operator_a_key_or_a_value_that_nobody_knows_is_unknown(condition: Json) -> None:
    context = {"aws:SourceVpce": "x", "aws:MultiFactorAuthAge": "5", "aws:SourceIp": "1.2.3.4"}
    known: Json = {"context": context | {"aws:SecureTransport": "true"}}
    assert rule(policy(ALLOW | {"Condition": condition}), **known).answer is Answer.UNKNOWN
    assert rule(policy(ALLOW, ALLOW | {"Effect": "Deny", "Condition": condition}), **known).answer is Answer.UNKNOWN


@pytest.mark.parametrize("action", ["kms:Decript", "kms:", "Decrypt", ":", "", "kms:*", "kms:Decr?pt"])
def test_an_action_that_is_none_is_unknown(action: str) -> None:
    assert rule(policy(ALLOW), action=action).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    "principal", ["", "alice", "arn:aws:iam::111122223333:group/all", "AIDAEXAMPLE", "arn:aws:iam::1:user/x", "*"]
)
def test_a_principal_that_is_none_is_unknown(principal: str) -> None:
    assert rule(policy(ALLOW, ALLOW | {"Principal": "*"}), principal=principal).answer is Answer.UNKNOWN


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov", "aws-iso"])
def test_across_partitions_nothing_is_known(partition: str) -> None:
    principal = ALICE.replace("arn:aws:", f"arn:{partition}:")
    assert rule(policy(ALLOW | {"Principal": "*"}), principal=principal).answer is Answer.UNKNOWN


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov", "aws-iso"])
def test_within_another_partition_the_rules_are_the_same(partition: str) -> None:
    key, alice = (arn.replace("arn:aws:", f"arn:{partition}:") for arn in (KEY, ALICE))
    keys = [{"arn": key, "policy": policy(ALLOW | {"Principal": {"AWS": alice}})}]
    principals = [{"arn": alice}]
    assert rule("", principal=alice, key=key, keys=keys, principals=principals).answer is Answer.ALLOW
    elsewhere = [{"arn": key, "policy": policy(ALLOW)}]
    assert rule("", principal=alice, key=key, keys=elsewhere, principals=principals).answer is Answer.DENY


def test_a_key_or_a_principal_that_is_not_listed_is_unknown() -> None:
    assert rule(policy(ALLOW), key=KEY[:-1] + "2").answer is Answer.UNKNOWN
    root = ALLOW | {"Principal": {"AWS": HOME}}
    assert rule(policy(root), principal=ALICE + "-2").answer is Answer.UNKNOWN
    assert rule(policy(ALLOW), principal=ALICE + "-2").answer is Answer.DENY, "the key's policy alone rules it out"


@pytest.mark.parametrize("key", ["", "1", "alias/app", "arn:aws:kms:us-west-2"])
def test_a_resource_that_is_no_arn_is_unknown(key: str) -> None:
    assert rule(policy(ALLOW), key=key).answer is Answer.UNKNOWN


def test_an_alias_is_unknown_and_says_what_to_ask_instead() -> None:
    ruling = rule(policy(ALLOW), key=KEY.replace("key/1", "alias/app"))
    assert ruling.answer is Answer.UNKNOWN
    assert "key's ARN" in ruling.because


@pytest.mark.parametrize("part", ["policies", "boundary", "session_policies"])
def test_what_nobody_could_read_of_a_principal_is_unknown(part: str) -> None:
    root = ALLOW | {"Principal": {"AWS": HOME}}
    own = {"arn": ALICE, "policies": [{"document": policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})}]}
    assert rule(policy(root), principals=[own]).answer is Answer.ALLOW
    assert rule(policy(root), principals=[own | {"unread": [part]}]).answer is Answer.UNKNOWN


@pytest.mark.parametrize(("part", "answer"), [("policy", Answer.UNKNOWN), ("grants", Answer.UNKNOWN)])
def test_what_nobody_could_read_of_a_key_is_unknown(part: str, answer: Answer) -> None:
    assert rule("", keys=[{"arn": KEY, "policy": policy(), "unread": [part]}]).answer is answer
    assert rule("", keys=[{"arn": KEY, "policy": policy()}]).answer is Answer.DENY


def test_a_grant_with_a_constraint_that_nobody_knows_is_unknown() -> None:
    grant = {"GrantId": "g", "GranteePrincipal": ALICE, "Operations": ["Decrypt"], "Constraints": {"SourceArn": "x"}}
    assert rule("", keys=[{"arn": KEY, "policy": policy(), "grants": [grant]}]).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no JSON"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field `schema`"),
        (b'{"schema": "tenantproof.key-facts/2"}', "schema"),
        (b'{"schema": "tenantproof.key-facts/1", "principal": []}', "unknown field `principal`"),
        (b'{"schema": "tenantproof.key-facts/1", "keys": [{"arn": 7}]}', "keys"),
        (b'{"schema": "tenantproof.key-facts/1", "keys": [], "keys": []}', "stands twice"),
        (b'{"schema": "tenantproof.key-facts/1", "collected": NaN}', "no number"),
        (b"[" * 200_000, "recursion"),
        (b"\xff\xfe", "no JSON"),
    ],
    ids=lambda each: str(each)[:20],
)
def test_facts_that_are_none_are_an_error_that_says_where(raw: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_facts(raw, "facts.json")
