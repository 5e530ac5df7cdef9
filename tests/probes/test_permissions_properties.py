"""What must hold of every decision, whatever the policies are."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tenantproof.probes.permissions.authorize import Answer, Authorizer, Request
from tenantproof.probes.permissions.closure import Closure
from tenantproof.probes.permissions.facts import Facts, read_facts

Json = dict[str, Any]
"""A statement, a policy or the facts, as JSON has them."""
HOME, AWAY = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-west-2:{HOME}:key/1"
ALICE, APP, FAR = f"arn:aws:iam::{HOME}:user/alice", f"arn:aws:iam::{HOME}:role/app", f"arn:aws:iam::{AWAY}:role/far"
PRINCIPALS = [ALICE, APP, FAR, f"arn:aws:sts::{HOME}:assumed-role/app/s", f"arn:aws:iam::{HOME}:root"]
VALUES = {"aws:SourceVpce": ["vpce-1", "vpce-2"], "kms:ViaService": ["s3", "ec2"]}

actions = st.sampled_from(["kms:Decrypt", "kms:*", "*", "kms:Enc*", "kms:CreateGrant", "kms:decrypt", "s3:*"])
names = st.sampled_from([*PRINCIPALS, "*", HOME, AWAY, f"arn:aws:iam::{AWAY}:root"])
conditions = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            st_operator: st.dictionaries(st.sampled_from(sorted(VALUES)), st.sampled_from(["vpce-1", "s3"]), min_size=1)
            for st_operator in ("StringEquals",)
        }
    ),
    st.builds(lambda key: {"StringNotEqualsIfExists": {key: "s3"}}, st.sampled_from(sorted(VALUES))),
    st.just({"Null": {"aws:SourceVpce": "true"}}),
    st.just({"StringEquals": {"kms:EncryptionContext:tenant": "acme"}}),
    st.just({"StringSame": {"aws:SourceVpce": "vpce-1"}}),
)


def statements(*, resource_based: bool) -> st.SearchStrategy[Json]:
    base: dict[str, st.SearchStrategy[Any]] = {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Action": actions,
        "Resource": st.sampled_from(["*", KEY, "arn:aws:kms:*:*:key/2"]),
        "Condition": conditions,
    }
    if resource_based:
        base["Principal"] = st.builds(lambda name: {"AWS": name}, names)
    return st.fixed_dictionaries(base)


@st.composite
def grounds(draw: st.DrawFn) -> Json:
    """Facts as JSON: a key, and principals with everything that can be attached to them."""
    own = st.lists(statements(resource_based=False), max_size=3)
    principals = []
    for arn in (ALICE, APP, FAR):
        entry: Json = {"arn": arn, "policies": [{"document": document(draw(own))}]}
        if draw(st.booleans()):
            entry["boundary"] = {"document": document(draw(own))}
        if draw(st.booleans()):
            entry["session_policies"] = [{"document": document(draw(own))}]
        principals.append(entry)
    key: Json = {"arn": KEY, "policy": document(draw(st.lists(statements(resource_based=True), max_size=4)))}
    key["grants"] = draw(st.lists(grants(), max_size=2))
    levels = draw(st.lists(own, max_size=1))
    accounts = {HOME: {"scps": [[{"document": document(level)}] for level in levels]}} if levels else {}
    return {"schema": "tenantproof.key-facts/1", "principals": principals, "keys": [key], "accounts": accounts}


def grants() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "GrantId": st.sampled_from(["g", "h"]),
            "GranteePrincipal": st.sampled_from(PRINCIPALS),
            "Operations": st.lists(st.sampled_from(["Decrypt", "Encrypt", "CreateGrant"]), max_size=2),
        },
        optional={"Constraints": st.just({"EncryptionContextEquals": {"tenant": "acme"}})},
    )


def document(listed: list[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": listed}


asked = st.builds(
    lambda principal, action, tenant: Request(principal, action, KEY, {}, tenant),
    st.sampled_from(PRINCIPALS),
    st.sampled_from(["kms:Decrypt", "kms:Encrypt", "kms:CreateGrant", "kms:PutKeyPolicy"]),
    st.sampled_from([None, {}, {"tenant": "acme"}, {"tenant": "globex"}]),
)


def facts(told: Json) -> Facts:
    return read_facts(json.dumps(told).encode())


def answer(told: Json, request: Request) -> Answer:
    return Authorizer(facts(told)).rule(request).answer


RANK = {Answer.DENY: 0, Answer.UNKNOWN: 1, Answer.ALLOW: 2}


def places(told: Json) -> list[list[Json]]:
    """Every list of statements, each of which a statement can be put into or taken from."""
    found = [told["keys"][0]["policy"]["Statement"]]
    for entry in told["principals"]:
        policies = [*entry["policies"], *entry.get("session_policies", [])]
        found += [each["document"]["Statement"] for each in policies]
        found += [entry["boundary"]["document"]["Statement"]] if "boundary" in entry else []
    return found


@settings(max_examples=40, deadline=None)
@given(grounds(), asked, st.data())
def test_adding_a_deny_never_allows_more(told: Json, request: Request, data: st.DataObject) -> None:
    before = answer(told, request)
    at = data.draw(st.integers(0, len(places(told)) - 1))
    more = data.draw(statements(resource_based=at == 0)) | {"Effect": "Deny"}
    places(told)[at].append(more)
    assert RANK[answer(told, request)] <= RANK[before]


@settings(max_examples=40, deadline=None)
@given(grounds(), asked, st.data())
def test_removing_an_allow_never_allows_more(told: Json, request: Request, data: st.DataObject) -> None:
    before = answer(told, request)
    spots = [(at, nth) for at, listed in enumerate(places(told)) for nth, one in enumerate(listed)
             if one["Effect"] == "Allow"]  # fmt: skip
    if spots:
        at, nth = data.draw(st.sampled_from(spots))
        places(told)[at].pop(nth)
    assert RANK[answer(told, request)] <= RANK[before]


@settings(max_examples=40, deadline=None)
@given(grounds(), asked)
def test_the_order_of_statements_and_grants_is_irrelevant(told: Json, request: Request) -> None:
    before = answer(told, request)
    for listed in (*places(told), told["keys"][0]["grants"]):
        listed.reverse()
    assert answer(told, request) == before


@settings(max_examples=40, deadline=None)
@given(grounds(), asked)
def test_what_is_unknown_is_decided_once_every_value_is_given(told: Json, request: Request) -> None:
    # Of a role alone, and not a session of it, it is not known which session it is.
    request = replace(request, principal=request.principal.replace(APP, PRINCIPALS[3]))
    before = answer(told, request)
    told["keys"][0]["policy"]["Statement"] = _known(told["keys"][0]["policy"]["Statement"])
    for listed in places(told)[1:]:
        listed[:] = _known(listed)
    told["accounts"] = {}
    vague = answer(told, request)
    settled = set()
    for vpce in ((), ("vpce-1",), ("vpce-2",)):
        for via in ((), ("s3",), ("ec2",)):
            given_all = {"aws:SourceVpce": vpce, "kms:ViaService": via}
            full = Request(request.principal, request.action, KEY, given_all, request.encryption_context or {})
            settled.add(answer(told, full))
    # What a boundary or a session policy does to a grant is not documented, and stays unknown.
    if not told["keys"][0]["grants"]:
        assert Answer.UNKNOWN not in settled
    if vague is not Answer.UNKNOWN and request.encryption_context is not None:
        assert settled == {vague}
    assert before in Answer


def _known(listed: list[Json]) -> list[Json]:
    return [each for each in listed if "StringSame" not in each["Condition"]]


@settings(max_examples=40, deadline=None)
@given(grounds(), st.sampled_from(PRINCIPALS[:3]))
def test_all_actions_at_once_are_decided_as_one_by_one_and_the_closure_takes_nothing_away(
    told: Json, principal: str
) -> None:
    rules = Authorizer(facts(told))
    ways = Closure(rules).ways(principal, KEY)
    for action in ("kms:Decrypt", "kms:Encrypt", "kms:CreateGrant", "kms:PutKeyPolicy", "kms:DescribeKey"):
        ruling = rules.rule(Request(principal, action, KEY))
        if ruling.answer is not Answer.DENY:
            assert action in ways
        if ruling.answer is Answer.ALLOW:
            assert ways[action].is_sure


@settings(max_examples=40, deadline=None)
@given(grounds(), asked)
def test_a_decision_names_what_decides(told: Json, request: Request) -> None:
    ruling = Authorizer(facts(told)).rule(request)
    assert ruling.because
    assert ruling.path or ruling.answer is Answer.UNKNOWN
    if ruling.answer is Answer.ALLOW:
        assert "allowed by " in ruling.because
        assert any(step.says in ("allows", "leaves it to the principal's account") for step in ruling.path)


def test_three_statements_say_the_same_in_every_order() -> None:
    listed: list[Json] = [
        {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "kms:*", "Resource": "*"},
    ]
    told: Json = {"schema": "tenantproof.key-facts/1", "principals": [{"arn": ALICE}]}
    for order in permutations(listed):
        told["keys"] = [{"arn": KEY, "policy": document(list(order))}]
        assert answer(told, Request(ALICE, "kms:Decrypt", KEY)) is Answer.DENY
        assert answer(told, Request(ALICE, "kms:Encrypt", KEY)) is Answer.ALLOW
