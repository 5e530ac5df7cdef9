"""The Condition element: every operator and every key must hold; the values of one key are alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenantproof.probes.permissions.context import Context, Values
from tenantproof.probes.permissions.operators import Operator, operator_named
from tenantproof.probes.permissions.roles import may_name
from tenantproof.probes.permissions.truth import Truth, every, negate, some

_PRINCIPAL = "aws:principalarn"


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator. `operator` is None where IAM documents none of that name."""

    operator: Operator | None
    key: str
    wanted: Values

    def holds(self, context: Context, *, variables: bool) -> Truth:
        """Whether the request meets it; None where the key's value, or the operator, is not known."""
        values = context.lookup(self.key)
        if self.operator is None or values is None or not self.wanted:
            return None
        if self.operator.null:
            return _null(self.wanted, values)
        if values == ():
            return _absent(self.operator)
        is_vague = not context.is_path_known and self.key.lower() == _PRINCIPAL
        each = (self._one(self.operator, value, context if variables else None, is_vague) for value in values)
        if self.operator.quantifier == "foranyvalue":
            return some(each)
        if self.operator.quantifier == "forallvalues":
            return every(each)
        # Without a quantifier, what several values mean is not documented.
        return next(each) if len(values) == 1 else None

    def _one(self, operator: Operator, value: str, context: Context | None, is_vague: bool) -> Truth:
        hit = some(_compared(operator, text, value, context, is_vague) for text in self.wanted)
        return negate(hit) if operator.inverse else hit


def _compared(operator: Operator, text: str, value: str, context: Context | None, is_vague: bool) -> Truth:
    hit = operator.compare(text, value, context)
    return may_name(text, value) if hit is False and is_vague else hit


def _null(wanted: Values, values: Values) -> Truth:
    if len(wanted) != 1 or wanted[0].lower() not in ("true", "false"):
        return None
    return (values == ()) == (wanted[0].lower() == "true")


def _absent(operator: Operator) -> Truth:
    """A key that is not in the request: inverse operators and IfExists hold, ForAllValues holds of nothing."""
    if operator.quantifier == "forallvalues":
        return True
    if operator.quantifier == "foranyvalue":
        # The two sentences of the documentation disagree: ForAnyValue says false, IfExists says true.
        return None if operator.if_exists else False
    return operator.if_exists or operator.inverse


def read_conditions(block: object) -> tuple[Condition, ...]:
    """The conditions of a statement's Condition block. Raises ValueError where it is not one."""
    if not isinstance(block, Mapping):
        raise ValueError("Condition is no table")  # noqa: TRY004  # one error for every malformed policy
    found = []
    for name, keys in block.items():
        if not isinstance(keys, Mapping):
            raise ValueError(f"{name} holds no keys")  # noqa: TRY004  # one error for every malformed policy
        operator = operator_named(name)
        found += [Condition(operator, str(key), _texts(value)) for key, value in keys.items()]
    return tuple(found)


def _texts(value: object) -> Values:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | bool | int | float) for one in values):
        raise ValueError(f"{value!r} is no condition value")
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
