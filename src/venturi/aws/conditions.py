"""Policy conditions: does a block of them hold for a request (IAM User Guide, Condition operators)?"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

Facts: TypeAlias = Mapping[str, tuple[str, ...]]
"""Condition key in lower case to its values in this request; an absent key is not in the mapping."""
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda have, want: have == want,
    "LessThan": lambda have, want: have < want,
    "LessThanEquals": lambda have, want: have <= want,
    "GreaterThan": lambda have, want: have > want,
    "GreaterThanEquals": lambda have, want: have >= want,
}


def holds(block: Mapping[str, Mapping[str, Any]], facts: Facts) -> bool | None:
    """Whether every line of a Condition block holds; None when it uses an operator that we do not know."""
    answers = [
        _line(operator, key, as_list(wanted), facts)
        for operator, lines in block.items()
        for key, wanted in lines.items()
    ]
    if False in answers:
        return False
    return None if None in answers else True


def as_list(value: Any) -> list[Any]:  # noqa: ANN401  # JSON, of which only one level matters
    """A policy writes one value or a list of them; always a list here."""
    return value if isinstance(value, list) else [value]


def like(value: str, pattern: str) -> bool:
    """Match `pattern`, in which * is any run of characters and ? any one."""
    return _pattern(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)


def _line(operator: str, key: str, wanted: list[Any], facts: Facts) -> bool | None:
    quantifier, _, name = operator.rpartition(":")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    values = facts.get(key.lower())
    if name == "Null":
        return (values is None) == (str(wanted[0]).lower() == "true")
    base, negated = _positive(name)
    match = _MATCHERS.get(base)
    if match is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        return None
    if values is None:
        return optional or quantifier == "ForAllValues" or (negated and quantifier != "ForAnyValue")
    texts = [text for text in (_expand(str(want), facts) for want in wanted) if text is not None]
    met = [any(_safely(match, value, text) for text in texts) != negated for value in values]
    return all(met) if quantifier == "ForAllValues" or (negated and not quantifier) else any(met)


def _positive(name: str) -> tuple[str, bool]:
    if name == "NotIpAddress":
        return "IpAddress", True
    return (name.replace("Not", "", 1), True) if "Not" in name else (name, False)


def _expand(text: str, facts: Facts) -> str | None:
    """Fill in policy variables; None when one has neither a single value here nor a default: nothing matches it."""
    for variable in _VARIABLE.findall(text):
        name, _, default = variable.partition(",")
        values = (variable,) if variable in ("*", "?", "$") else facts.get(name.strip().lower(), ())
        if not values and default:
            values = (default.strip().strip("'"),)
        if len(values) != 1:
            return None
        text = text.replace("${" + variable + "}", values[0])
    return text


def _safely(match: Callable[[str, str], bool], value: str, wanted: str) -> bool:
    try:
        return match(value, wanted)
    except ValueError:  # a number, date or network that is none
        return False


def _arn(value: str, pattern: str) -> bool:
    have, want = value.split(":", 5), pattern.split(":", 5)
    return len(have) == len(want) == 6 and all(like(*pair) for pair in zip(have, want, strict=True))


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


def _ordered(read: Callable[[str], float], sign: str) -> Callable[[str, str], bool]:
    return lambda value, wanted: _SIGNS[sign](read(value), read(wanted))


_MATCHERS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": like,
    "BinaryEquals": lambda value, wanted: value == wanted,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "IpAddress": lambda value, wanted: ipaddress.ip_address(value) in ipaddress.ip_network(wanted),
    **{f"Numeric{sign}": _ordered(float, sign) for sign in _SIGNS},
    **{f"Date{sign}": _ordered(_moment, sign) for sign in _SIGNS},
}
