"""The condition operators of IAM's policy language: how one value of a request compares with one of a policy."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt
from typing import Any, TypeAlias

from tenantproof.probes.permissions.context import Context
from tenantproof.probes.permissions.patterns import Style, matches
from tenantproof.probes.permissions.truth import Truth

Compare: TypeAlias = Callable[[str, str, Context | None], Truth]
"""(policy's text, request's value, context for variables) -> whether they match."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its comparison, whether it is the inverse of it, and the words around its name."""

    compare: Compare
    inverse: bool = False
    if_exists: bool = False
    quantifier: str = ""
    """"" or "forallvalues" or "foranyvalue"."""
    null: bool = False


def _text(style: Style, *, ignore_case: bool = False) -> Compare:
    return lambda text, value, context: matches(text, value, style, context, ignore_case=ignore_case)


def _arn(text: str, value: str, context: Context | None) -> Truth:
    """Six parts, each on its own; a text that is no ARN is nothing that the documentation speaks of."""
    return matches(text, value, Style.ARN, context) if text.startswith("arn:") else None


def _ordered(read: Callable[[str], Any], order: Callable[[Any, Any], bool]) -> Compare:  # Any: whatever `read` makes
    def compare(text: str, value: str, _context: Context | None) -> Truth:
        try:
            return order(read(value), read(text))
        except (ValueError, InvalidOperation, OverflowError):
            return None

    return compare


def _date(text: str) -> datetime:
    """A date as ISO 8601 or as seconds since 1970 (IAM, "Date condition operators")."""
    if text.replace(".", "", 1).isdigit() and "-" not in text and len(text) > len("2026"):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _address(text: str, value: str, _context: Context | None) -> Truth:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


_POSITIVE: dict[str, Compare] = {
    "stringequals": _text(Style.EXACT),
    "stringequalsignorecase": _text(Style.EXACT, ignore_case=True),
    "stringlike": _text(Style.LIKE),
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": _ordered(_bool, eq),
    "binaryequals": lambda text, value, _context: text == value,
    "ipaddress": _address,
}
_INVERSE = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
for _name, _order in {
    "equals": eq,
    "lessthan": lt,
    "lessthanequals": le,
    "greaterthan": gt,
    "greaterthanequals": ge,
}.items():
    _POSITIVE[f"numeric{_name}"] = _ordered(_number, _order)
    _POSITIVE[f"date{_name}"] = _ordered(_date, _order)


def operator_named(name: str) -> Operator | None:
    """The operator of that name, prefix and suffix included; None for one that IAM does not document."""
    quantifier, colon, base = name.lower().rpartition(":")
    if colon and quantifier not in ("forallvalues", "foranyvalue"):
        return None
    if base == "null":
        return None if colon else Operator(compare=_text(Style.EXACT), null=True)
    stem = base.removesuffix("ifexists")
    compare = _POSITIVE.get(_INVERSE.get(stem, stem))
    if compare is None:
        return None
    return Operator(compare, stem in _INVERSE, stem != base, quantifier)
