"""May the workload do this to this key: a table of policies, each row with its reason, and what must always hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproof.probes.permissions.actions import kms_actions
from tenantproof.probes.permissions.documents import Document, read_document
from tenantproof.probes.permissions.evaluate import Decision, decide, possible_actions, read_grants
from tenantproof.probes.permissions.principals import Caller

VENDOR, TENANT = "700000000001", "100000000001"
KEY = f"arn:aws:kms:us-east-1:{TENANT}:key/11111111-1111-4111-8111-111111111111"
ROLE = f"arn:aws:iam::{VENDOR}:role/venturi-workload"
WORKLOAD = Caller.of(f"arn:aws:sts::{VENDOR}:assumed-role/venturi-workload/api")
Json = dict[str, Any]
"""A statement or a grant, as AWS has it."""


def allow(actions: str | list[str], *, to: object = ROLE, **more: object) -> Json:
    return {"Effect": "Allow", "Principal": {"AWS": to}, "Action": actions, "Resource": "*"} | more


def deny(actions: str | list[str], *, to: object = "*", **more: object) -> Json:
    return allow(actions, to=to, Effect="Deny", **more)


def when(operator: str, key: str, *values: str) -> Json:
    return {operator: {key: values[0] if len(values) == 1 else list(values)}}


def policy(*statements: Json) -> Document:
    return read_document(
        "key policy", json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), resource_based=True
    )


def of(
    action: str, *statements: Json, context: dict[str, str] | None = None, grants: tuple[Json, ...] = ()
) -> Decision:
    return decide(action, KEY, WORKLOAD, policy(*statements), read_grants(grants), context)


def grant(*operations: str, **more: object) -> Json:
    return {"GrantId": "g1", "GranteePrincipal": ROLE, "Operations": list(operations)} | more


@dataclass(frozen=True)
class Row:
    """One policy and what it comes to. `may` is None where nobody can tell."""

    why: str
    statements: tuple[Json, ...]
    may: bool | None
    action: str = "kms:Decrypt"
    context: dict[str, str] | None = None


ACME = {"tenant": "acme"}
BOUND = when("StringEquals", "kms:EncryptionContext:tenant", "acme")
DECRYPT = allow("kms:Decrypt")
ROWS = (
    Row("an empty policy allows nothing", (), False),
    Row("a session is its role", (DECRYPT,), True),
    Row("a role's session does not tell the role's path", (allow("kms:Decrypt", to=ROLE.replace("/", "/a/b/")),), True),
    Row("a role of that name in another account is another", (allow("kms:Decrypt", to=ROLE.replace("7", "8")),), False),
    Row("a longer name is another's", (allow("kms:Decrypt", to=f"{ROLE}-2"),), False),
    Row("no wildcard is read in an ARN of a principal", (allow("kms:Decrypt", to=ROLE[:-3] + "*"),), False),
    Row("everybody takes the workload in", (allow("kms:Decrypt", to="*"),), True),
    Row("everybody, said shortly", (DECRYPT | {"Principal": "*"},), True),
    Row("one of a list is enough", (allow("kms:Decrypt", to=[f"arn:aws:iam::{TENANT}:root", ROLE]),), True),
    Row("the vendor's whole account: its own policies decide", (allow("kms:Decrypt", to=VENDOR),), None),
    Row("the same, said as its root", (allow("kms:Decrypt", to=f"arn:aws:iam::{VENDOR}:root"),), None),
    Row("the tenant's account is not the vendor's", (allow("kms:*", to=f"arn:aws:iam::{TENANT}:root"),), False),
    Row("an AWS service is no role", (DECRYPT | {"Principal": {"Service": "s3.amazonaws.com"}},), False),
    Row("a kind of principal that we don't know", (DECRYPT | {"Principal": {"*": "*"}},), None),
    Row("an action's name has no case", (allow("KMS:dEcRyPt"),), True),
    Row("another action", (allow("kms:Encrypt"),), False),
    Row("a wildcard in an action", (allow("kms:GenerateDataKey*"),), True, "kms:GenerateDataKeyPair"),
    Row("a question mark is one character", (allow("kms:Decryp?"),), True),
    Row("a question mark is not none", (allow("kms:Decrypt?"),), False),
    Row("an action of another service", (allow("s3:Decrypt"),), False),
    Row("a star alone is every action", (allow("*"),), True, "kms:ScheduleKeyDeletion"),
    Row("a deny beats an allow", (DECRYPT, deny("kms:Decrypt")), False),
    Row("whichever comes first", (deny("kms:*"), DECRYPT), False),
    Row("a deny of another action changes nothing", (DECRYPT, deny("kms:Encrypt")), True),
    Row("a deny for the whole account is one for its role", (DECRYPT, deny("*", to=VENDOR)), False),
    Row("a deny for another account", (DECRYPT, deny("*", to=TENANT)), True),
    Row(
        "NotAction allows what it leaves out",
        ({k: v for k, v in DECRYPT.items() if k != "Action"} | {"NotAction": "kms:Encrypt"},),
        True,
        "kms:PutKeyPolicy",
    ),
    Row(
        "NotAction does not allow what it names",
        ({k: v for k, v in DECRYPT.items() if k != "Action"} | {"NotAction": ["kms:D*"]},),
        False,
    ),
    Row(
        "NotPrincipal with Deny spares whom it names",
        (DECRYPT, {"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "*", "Resource": "*"}),
        True,
    ),
    Row(
        "NotPrincipal with Deny strikes everybody else",
        (DECRYPT, {"Effect": "Deny", "NotPrincipal": {"AWS": TENANT}, "Action": "*", "Resource": "*"}),
        False,
    ),
    Row(
        "NotPrincipal with Allow is nearly everybody",
        ({"Effect": "Allow", "NotPrincipal": {"AWS": TENANT}, "Action": "*", "Resource": "*"},),
        True,
    ),
    Row("the key's own ARN", (DECRYPT | {"Resource": KEY},), True),
    Row("the ARN of another key", (DECRYPT | {"Resource": KEY[:-1] + "2"},), False),
    Row(
        "NotResource with Deny strikes every other key",
        (DECRYPT, {"Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": KEY}),
        True,
    ),
    Row("a policy without Resource is about its key", ({k: v for k, v in DECRYPT.items() if k != "Resource"},), True),
    Row("the context that is asked for", (DECRYPT | {"Condition": BOUND},), True, context=ACME),
    Row("another tenant's context", (DECRYPT | {"Condition": BOUND},), False, context={"tenant": "globex"}),
    Row("a context's value has a case", (DECRYPT | {"Condition": BOUND},), False, context={"tenant": "ACME"}),
    Row("no context where one is asked for", (DECRYPT | {"Condition": BOUND},), False, context={}),
    Row("the caller chooses the context", (DECRYPT | {"Condition": BOUND},), None),
    Row(
        "an action that takes no context never meets it",
        (allow("kms:*", Condition=BOUND),),
        False,
        "kms:ScheduleKeyDeletion",
    ),
    Row(
        "a name of a condition key has no case",
        (DECRYPT | {"Condition": when("StringEquals", "KMS:encryptioncontext:TENANT", "acme")},),
        True,
        context=ACME,
    ),
    Row(
        "a deny without the context, with the context",
        (DECRYPT, deny("*", Condition=when("StringNotEquals", "kms:EncryptionContext:tenant", "acme"))),
        True,
        context=ACME,
    ),
    Row(
        "a deny without the context, without one: what is absent is not equal",
        (DECRYPT, deny("*", Condition=when("StringNotEquals", "kms:EncryptionContext:tenant", "acme"))),
        False,
        context={},
    ),
    Row(
        "a condition on what is not known",
        (DECRYPT | {"Condition": when("StringEquals", "aws:SourceVpce", "vpce-1")},),
        None,
    ),
    Row(
        "a deny on what is not known leaves it open",
        (DECRYPT, deny("*", Condition=when("Bool", "aws:SecureTransport", "false"))),
        None,
    ),
    Row(
        "what is not known can't undo a plain deny",
        (DECRYPT | {"Condition": when("StringEquals", "aws:SourceVpce", "v")}, deny("*")),
        False,
    ),
    Row("an operator that IAM does not have", (DECRYPT | {"Condition": when("StringSame", "aws:x", "y")},), None),
    Row(
        "one false condition is enough",
        (DECRYPT | {"Condition": BOUND | when("StringSame", "aws:x", "y")},),
        False,
        context={"tenant": "globex"},
    ),
    Row(
        "the caller's account is known",
        (allow("kms:Decrypt", to="*", Condition=when("StringEquals", "kms:CallerAccount", VENDOR)),),
        True,
    ),
    Row(
        "and it is not the tenant's",
        (allow("kms:*", to="*", Condition=when("StringEquals", "kms:CallerAccount", TENANT)),),
        False,
    ),
    Row(
        "the principal's ARN is its role's",
        (allow("kms:*", to="*", Condition=when("ArnEquals", "aws:PrincipalArn", ROLE)),),
        True,
    ),
    Row(
        "the role's path is not known, its name is",
        (allow("kms:*", to="*", Condition=when("ArnEquals", "aws:PrincipalArn", ROLE.replace("/", "/a/"))),),
        True,
    ),
    Row(
        "a wildcard may stand for that path",
        (allow("kms:*", to="*", Condition=when("ArnLike", "aws:PrincipalArn", ROLE.replace("/venturi", "/a/*"))),),
        None,
    ),
    Row(
        "another role",
        (allow("kms:*", to="*", Condition=when("ArnEquals", "aws:PrincipalArn", f"{ROLE}-2")),),
        False,
    ),
    Row(
        "Null: the key must be absent",
        (DECRYPT | {"Condition": when("Null", "kms:EncryptionContext:tenant", "true")},),
        False,
        context=ACME,
    ),
    Row(
        "Null: the key must be there",
        (DECRYPT | {"Condition": when("Null", "kms:EncryptionContext:tenant", "false")},),
        True,
        context=ACME,
    ),
    Row(
        "ForAllValues holds of nothing",
        (DECRYPT | {"Condition": when("ForAllValues:StringEquals", "kms:EncryptionContext:subject", "s")},),
        True,
        context=ACME,
    ),
    Row(
        "ForAnyValue does not",
        (DECRYPT | {"Condition": when("ForAnyValue:StringEquals", "kms:EncryptionContext:subject", "s")},),
        False,
        context=ACME,
    ),
    Row(
        "every key of the context must be in the list",
        (DECRYPT | {"Condition": when("ForAllValues:StringEquals", "kms:EncryptionContextKeys", "tenant")},),
        False,
        context=ACME | {"more": "x"},
    ),
    Row(
        "IfExists holds of what is absent",
        (DECRYPT | {"Condition": when("StringEqualsIfExists", "kms:EncryptionContext:subject", "s")},),
        True,
        context=ACME,
    ),
    Row(
        "StringEquals reads no wildcard",
        (DECRYPT | {"Condition": when("StringEquals", "kms:EncryptionContext:tenant", "ac*")},),
        False,
        context=ACME,
    ),
    Row(
        "StringLike does",
        (DECRYPT | {"Condition": when("StringLike", "kms:EncryptionContext:tenant", "ac*")},),
        True,
        context=ACME | {"subject": "x"},
    ),
    Row(
        "a prefix is another tenant",
        (DECRYPT | {"Condition": when("StringLike", "kms:EncryptionContext:tenant", "acme-*")},),
        False,
        context=ACME,
    ),
    Row("an element that IAM does not have", (DECRYPT | {"Actions": "kms:*"},), None),
    Row("neither Allow nor Deny", (DECRYPT | {"Effect": "allow"},), None),
    Row("a fault in another statement may be a deny", (DECRYPT, deny("*") | {"Sid": "x", "Why": "y"}), None),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.why)
def test_a_policy_means_what_aws_says_it_means(row: Row) -> None:
    assert of(row.action, *row.statements, context=row.context).may is row.may


def test_a_decision_names_the_statement_that_decides() -> None:
    assert of("kms:Decrypt", DECRYPT | {"Sid": "Use"}).because == "allowed by key policy[Use]"
    assert of("kms:Decrypt", DECRYPT, deny("*")).because == "denied by key policy[1]"
    assert of("kms:Encrypt", grants=(grant("Encrypt"),)).because == "allowed by grant g1"
    assert of("kms:Encrypt", DECRYPT).because == "nothing allows it"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"Statement": 3}', '{"Version": "2013-01-01", "Statement": []}', "[" * 100_000,
     '{"Statement": [], "Statement": []}', '{"Statement": []' + " " * 300_000 + "}"],
    ids=["empty", "list", "null", "cut off", "number", "version", "deep", "said twice", "long"],
)  # fmt: skip
def test_a_policy_that_can_not_be_read_rules_nothing_out(text: str) -> None:
    decision = decide("kms:ScheduleKeyDeletion", KEY, WORKLOAD, read_document("key policy", text, resource_based=True))
    assert decision.may is None


@pytest.mark.parametrize(
    ("given_grant", "action", "context", "may"),
    [
        (grant("Decrypt"), "kms:Decrypt", None, True),
        (grant("Decrypt"), "kms:Encrypt", None, False),
        (grant("ReEncryptFrom"), "kms:ReEncryptFrom", None, True),
        (grant("Decrypt", GranteePrincipal=f"{ROLE}-2"), "kms:Decrypt", None, False),
        (grant("Decrypt", GranteePrincipal=ROLE.replace("/", "/path/")), "kms:Decrypt", None, True),
        (grant("Decrypt", Constraints={"EncryptionContextSubset": ACME}), "kms:Decrypt", ACME | {"more": "x"}, True),
        (grant("Decrypt", Constraints={"EncryptionContextEquals": ACME}), "kms:Decrypt", ACME | {"more": "x"}, False),
        (grant("Decrypt", Constraints={"EncryptionContextSubset": ACME}), "kms:Decrypt", {"Tenant": "acme"}, False),
        (grant("Decrypt", Constraints={"EncryptionContextSubset": ACME}), "kms:Decrypt", None, None),
        (grant("DescribeKey", Constraints={"EncryptionContextEquals": ACME}), "kms:DescribeKey", None, True),
        (grant("Decrypt", GranteePrincipal=TENANT, RetiringPrincipal=ROLE), "kms:RetireGrant", None, True),
        (grant("Decrypt", GranteePrincipal=TENANT), "kms:RetireGrant", None, False),
    ],
)  # fmt: skip
def test_a_grant_gives_what_it_names_within_its_constraints(
    given_grant: Json, action: str, context: dict[str, str] | None, may: bool | None
) -> None:
    assert of(action, grants=(given_grant,), context=context).may is may


def test_a_deny_beats_a_grant() -> None:
    assert of("kms:Decrypt", deny("kms:Decrypt"), grants=(grant("Decrypt"),)).may is False


def test_the_pages_policy_and_a_grant_give_two_actions_and_what_was_granted() -> None:
    found = possible_actions(
        KEY,
        WORKLOAD,
        policy(
            allow("kms:*", to=f"arn:aws:iam::{TENANT}:root"),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], Condition=BOUND, Sid="Use"),
        ),
        read_grants([grant("ReEncryptFrom")]),
    )
    assert set(found) == {"kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"}
    assert found["kms:ReEncryptFrom"] == "allowed by grant g1"
    assert "key policy[Use]" in found["kms:Decrypt"]


def test_every_action_of_kms_is_asked_after_and_none_that_does_not_exist() -> None:
    actions = kms_actions()
    assert {"kms:ScheduleKeyDeletion", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:PutKeyPolicy"} <= set(actions)
    assert "kms:ReEncrypt" not in actions
    assert len(actions) == len(set(actions)) >= 50


EFFECTS = st.sampled_from(["Allow", "Deny"])
ACTIONS = st.sampled_from(["*", "kms:*", "kms:Decrypt", "kms:G*", "kms:Encrypt", "kms:?ecrypt"])
PRINCIPALS = st.sampled_from(["*", ROLE, VENDOR, TENANT, f"{ROLE}-2"])
CONDITIONS = st.sampled_from(
    [
        {},
        BOUND,
        when("StringNotLike", "kms:EncryptionContext:tenant", "a*"),
        when("Bool", "aws:SecureTransport", "true"),
        when("Odd", "aws:x", "y"),
    ]
)
STATEMENTS = st.builds(
    lambda effect, action, principal, inverse, condition: {
        "Effect": effect,
        ("NotPrincipal" if inverse else "Principal"): {"AWS": principal},
        "Action": action,
        "Resource": "*",
        "Condition": condition,
    },
    EFFECTS,
    ACTIONS,
    PRINCIPALS,
    st.booleans(),
    CONDITIONS,
)
POLICIES = st.lists(STATEMENTS, max_size=4)
CONTEXTS = st.sampled_from([None, {}, ACME, {"tenant": "globex"}])
ASKED = st.sampled_from(["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:ScheduleKeyDeletion"])
_WIDTH = {False: 0, None: 1, True: 2}


@given(POLICIES, STATEMENTS, st.integers(0, 4), CONTEXTS, ASKED)
def test_one_more_deny_never_widens_what_one_may(
    statements: list[Json], more: Json, at: int, context: dict[str, str] | None, action: str
) -> None:
    narrowed = [*statements[:at], more | {"Effect": "Deny"}, *statements[at:]]
    before, after = of(action, *statements, context=context), of(action, *narrowed, context=context)
    assert _WIDTH[after.may] <= _WIDTH[before.may]


@given(POLICIES, STATEMENTS, CONTEXTS, ASKED)
def test_one_more_allow_or_grant_never_narrows_what_one_may(
    statements: list[Json], more: Json, context: dict[str, str] | None, action: str
) -> None:
    before = of(action, *statements, context=context)
    allowed = of(action, *statements, more | {"Effect": "Allow"}, context=context)
    granted = of(action, *statements, context=context, grants=(grant(action.removeprefix("kms:")),))
    assert _WIDTH[before.may] <= min(_WIDTH[allowed.may], _WIDTH[granted.may])


@given(POLICIES, ASKED)
def test_what_is_ruled_out_for_every_context_is_ruled_out_for_each(statements: list[Json], action: str) -> None:
    if of(action, *statements).may is False:
        assert all(
            of(action, *statements, context=context).may is False for context in ({}, ACME, {"tenant": "globex"})
        )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["Effect", "Action", "Principal", "Condition", "x"]), inner)
        ),
    )
)
def test_whatever_a_target_says_is_a_policy_is_read_without_an_error(said: object) -> None:
    text = json.dumps({"Statement": said})
    assert decide("kms:Decrypt", KEY, WORKLOAD, read_document("p", text, resource_based=True)).may in (
        True,
        False,
        None,
    )
