"""How one value of a request compares with one of a policy: operators, wildcards, parts of ARNs, variables."""

from __future__ import annotations

import re
import time
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproof.probes.permissions.conditions import read_conditions
from tenantproof.probes.permissions.context import Context, lowered
from tenantproof.probes.permissions.patterns import Style, matches
from tenantproof.probes.permissions.roles import may_name, pathless
from tenantproof.probes.permissions.truth import Truth, every, negate, some

ROLE = "arn:aws:iam::700000000001:role/venturi-workload"


def holds(operator: str, wanted: str | list[str] | bool, value: str | tuple[str, ...]) -> Truth:
    (condition,) = read_conditions({operator: {"aws:x": wanted}})
    return condition.holds(Context(lowered({"AWS:X": value})), variables=True)


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "truth"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotLike", "a*", "b", True),
        ("stringlike", "a?c", "abc", True),
        ("NumericEquals", "10", "10.0", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "9", False),
        ("NumericGreaterThanEquals", "10", "11", True),
        ("NumericNotEquals", "10", "10", False),
        ("NumericEquals", "ten", "10", None),
        ("NumericLessThan", "NaN", "10", None),
        ("DateLessThan", "2030-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2030-01-01", "2026-01-01T00:00:00Z", False),
        ("DateGreaterThan", "1700000000", "2026-01-01T00:00:00Z", True),
        ("DateEquals", "soon", "2026-01-01", None),
        ("Bool", "true", "True", True),
        ("Bool", True, "false", False),
        ("Bool", "yes", "true", None),
        ("BinaryEquals", "QQ==", "QQ==", True),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
        ("NotIpAddress", ["10.0.0.0/8", "11.0.0.0/8"], "11.1.2.3", False),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("IpAddress", "everywhere", "10.1.2.3", None),
        ("ArnLike", "arn:aws:iam::*:role/*", ROLE, True),
        ("ArnLike", "arn:aws:*:role/*", ROLE, False),
        ("ArnEquals", "arn:aws:iam::7*:role/venturi-?orkload", ROLE, True),
        ("ArnNotLike", "arn:aws:iam::*:role/*", ROLE, False),
        ("ArnLike", "*", ROLE, None),
        ("ForAnyValue:StringEquals", ["a", "b"], ("x", "b"), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("x", "b"), False),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
        ("ForAllValues:StringNotEquals", ["a"], ("b", "a"), False),
        ("ForAnyValue:StringNotEquals", ["a"], ("b", "a"), True),
        ("StringEquals", "a", ("a", "b"), None),
        ("Null", "true", (), True),
        ("Null", "false", (), False),
        ("Null", "perhaps", (), None),
        ("StringEquals", "a", (), False),
        ("StringNotEquals", "a", (), True),
        ("StringEqualsIfExists", "a", (), True),
        ("ForAllValues:StringEquals", "a", (), True),
        ("ForAnyValue:StringEquals", "a", (), False),
        ("ForAnyValue:StringEqualsIfExists", "a", (), None),
        ("ForSomeValues:StringEquals", "a", "a", None),
        ("StringMatches", "a", "a", None),
        ("StringEquals", [], "a", None),
    ],
)
def test_an_operator_compares_as_iam_documents_it(
    operator: str, wanted: str | list[str] | bool, value: str | tuple[str, ...], truth: Truth
) -> None:
    assert holds(operator, wanted, value) is truth


@pytest.mark.parametrize("block", [{"StringEquals": "a"}, {"StringEquals": {"k": {"a": 1}}}, {"Bool": {"k": None}}])
def test_a_block_that_is_no_condition_is_an_error(block: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no keys|no condition value"):
        read_conditions(block)


KNOWN = Context(lowered({"aws:PrincipalAccount": "700000000001", "aws:Two": ("a", "b")}), closed=("kms:",))


@pytest.mark.parametrize(
    ("text", "value", "truth"),
    [
        ("${aws:PrincipalAccount}-x", "700000000001-x", True),
        ("${aws:principalaccount}-x", "7-x", False),
        ("${aws:username}-x", "anna-x", None),
        ("team-${aws:username}", "other-anna", False),
        ("${kms:absent}", "", False),
        ("${kms:absent, 'none'}", "none", True),
        ("${aws:Two}", "a", None),
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("a${?}b", "axb", False),
        ("${$}", "$", True),
        ("${aws:PrincipalAccount}*", "700000000001-y", True),
    ],
)
def test_a_variable_stands_for_what_is_known_of_it(text: str, value: str, truth: Truth) -> None:
    assert matches(text, value, Style.LIKE, KNOWN) is truth


def test_without_variables_a_policy_says_what_it_says() -> None:
    assert matches("${aws:PrincipalAccount}", "${aws:PrincipalAccount}", Style.LIKE) is True


def test_a_value_of_a_variable_is_no_pattern() -> None:
    starred = Context(lowered({"aws:username": "a*"}))
    assert matches("${aws:username}", "abc", Style.LIKE, starred) is False


@given(st.text("ab*?.\\[", max_size=8), st.text("ab.*\\[", max_size=10))
def test_wildcards_mean_what_they_mean_in_file_names(text: str, value: str) -> None:
    expected = re.fullmatch(translate(text.replace("[", "[[]")), value) is not None
    assert matches(text, value, Style.LIKE) is expected


@given(st.text("a:*?", max_size=9), st.text("ab:", max_size=12))
def test_a_wildcard_of_an_arn_stays_in_its_part_up_to_the_sixth(text: str, value: str) -> None:
    parts, values = text.split(":", 5), value.split(":", 5)
    expected = len(parts) == len(values) and all(
        re.fullmatch(translate(part), each) for part, each in zip(parts, values, strict=True)
    )
    assert matches(text, value, Style.ARN) is expected


@pytest.mark.parametrize("text", ["*?" * 40 + "Z", "*a" * 40 + "Z", "*" * 5000 + "Z", "a*" * 2000])
@pytest.mark.parametrize("style", [Style.LIKE, Style.ARN])
def test_a_policy_that_is_made_to_keep_us_busy_does_not(text: str, style: Style) -> None:
    begun = time.process_time()
    matches(text, "a" * 300, style)
    assert time.process_time() - begun < 2


def test_a_role_is_known_by_its_account_and_name_alone() -> None:
    assert pathless(ROLE.replace("role/", "role/service/eu/")) == ROLE
    assert pathless("arn:aws:iam::700000000001:user/a/anna") == "arn:aws:iam::700000000001:user/a/anna"
    assert may_name(ROLE.replace("role/", "role/a/"), ROLE) is True
    assert may_name(ROLE.replace("role/", "role/a/*"), ROLE) is None
    assert may_name(ROLE + "-2", ROLE) is False


TRUTHS = st.sampled_from([True, False, None])


@given(st.lists(TRUTHS))
def test_what_is_not_known_never_turns_into_an_answer_by_accident(truths: list[Truth]) -> None:
    possible = [[truth] if truth is not None else [True, False] for truth in truths]
    lowest, highest = all(all(one) for one in possible), all(any(one) for one in possible)
    assert every(truths) is (lowest if lowest == highest else None)
    assert some(truths) is negate(every([negate(truth) for truth in truths]))
