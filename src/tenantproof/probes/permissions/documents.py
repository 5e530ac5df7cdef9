"""Policy documents, read once into statements; what can't be read is kept as a statement nobody can tell about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tenantproof.probes.permissions.conditions import Condition, read_conditions
from tenantproof.probes.permissions.context import Context
from tenantproof.probes.permissions.patterns import Style, matches
from tenantproof.probes.permissions.truth import Truth, every, negate, some

_ELEMENTS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
_VARIABLES_SINCE = "2012-10-17"
_LONGEST = 262_144
"""Characters; far above every quota of IAM and KMS. Longer is no policy."""


class Effect(StrEnum):
    """What a statement does where it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. With a `fault` nothing else of it counts: it may allow or deny anything."""

    name: str
    effect: Effect = Effect.ALLOW
    actions: tuple[str, ...] = ()
    except_actions: bool = False
    resources: tuple[str, ...] = ("*",)
    except_resources: bool = False
    principals: tuple[tuple[str, str], ...] = ()
    """(type, value) pairs: ("AWS", "*"), ("Service", "s3.amazonaws.com")."""
    except_principals: bool = False
    conditions: tuple[Condition, ...] = ()
    variables: bool = False
    fault: str = ""

    def covers(self, action: str) -> bool:
        """Whether Action or NotAction names the action; names are not case-sensitive."""
        hit = any(matches(text, action, Style.LIKE, ignore_case=True) for text in self.actions)
        return hit != self.except_actions

    def concerns(self, resource: str, context: Context) -> Truth:
        """Whether Resource or NotResource names the resource."""
        if self.resources == ("*",):
            return not self.except_resources
        hit = some(_names(text, resource, context if self.variables else None) for text in self.resources)
        return negate(hit) if self.except_resources else hit

    def meets(self, context: Context) -> Truth:
        """Whether the request meets every condition."""
        return every(condition.holds(context, variables=self.variables) for condition in self.conditions)


def _names(text: str, resource: str, context: Context | None) -> Truth:
    """A wildcard stays within its part of the ARN; what only a wider reading matches is not known."""
    if text == "*":
        return True
    within = matches(text, resource, Style.ARN, context)
    across = matches(text, resource, Style.LIKE, context)
    return within if within == across else None


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One policy: its name, as the path of a decision prints it, and its statements. Two are never equal."""

    name: str
    statements: tuple[Statement, ...] = ()


def unreadable(name: str, fault: str) -> Document:
    """A policy that is there and that nobody could read: it may allow and deny anything."""
    return Document(name, (Statement(f"{name} ({fault})", fault=fault),))


def read_document(name: str, source: str | bytes | Mapping[str, Any], *, resource_based: bool = False) -> Document:
    """Read a policy; `resource_based` ones name principals, the others must not. Never raises for a bad policy."""
    try:
        policy = source if isinstance(source, Mapping) else _load(source)
        statements = policy["Statement"]
        listed = statements if isinstance(statements, list) else [statements]
        version = policy.get("Version", "2008-10-17")
        if version not in ("2008-10-17", _VARIABLES_SINCE):
            return unreadable(name, f"version {version!r}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return unreadable(name, f"malformed: {type(error).__name__}")
    variables = version == _VARIABLES_SINCE
    return Document(name, tuple(_statement(name, at, one, variables, resource_based) for at, one in enumerate(listed)))


def _load(source: str | bytes) -> Mapping[str, Any]:
    if len(source) > _LONGEST:
        raise ValueError("too long")
    loaded = json.loads(source, object_pairs_hook=_once)
    if not isinstance(loaded, dict):
        raise TypeError("a policy is an object")
    return loaded


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: two readers would make two policies of one that repeats a key."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is repeated")
    return dict(pairs)


def _statement(document: str, at: int, source: object, variables: bool, resource_based: bool) -> Statement:
    sid = source.get("Sid") if isinstance(source, Mapping) else None
    name = f"{document}[{sid or at}]"
    try:
        return _read(name, source, variables, resource_based)
    except (ValueError, TypeError, KeyError) as error:
        return Statement(name, fault=str(error))


def _read(name: str, source: object, variables: bool, resource_based: bool) -> Statement:
    if not isinstance(source, Mapping) or not set(source) <= _ELEMENTS:
        raise ValueError("not a statement")
    actions, except_actions = _either(source, "Action")
    resources, except_resources = _either(source, "Resource", default=["*"] if resource_based else None)
    principals, except_principals = _principals(source, resource_based)
    return Statement(
        name=name,
        effect=Effect(source["Effect"]),
        actions=tuple(_action(action) for action in actions),
        except_actions=except_actions,
        resources=tuple(resources),
        except_resources=except_resources,
        principals=principals,
        except_principals=except_principals,
        conditions=read_conditions(source.get("Condition", {})),
        variables=variables,
    )


def _action(text: str) -> str:
    if text != "*" and ":" not in text:
        raise ValueError(f"{text!r} is no action")
    return text


def _either(source: Mapping[str, Any], element: str, default: list[str] | None = None) -> tuple[list[str], bool]:
    """The values of an element or of its Not form, and whether it was the Not form."""
    plain, inverse = source.get(element), source.get(f"Not{element}")
    if plain is None and inverse is None and default is not None:
        return default, False
    if (plain is None) == (inverse is None):
        raise ValueError(f"{element} and Not{element}: exactly one is wanted")
    return _listed(plain if plain is not None else inverse, element), plain is None


def _listed(value: object, element: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [one for one in values if isinstance(one, str)]
    if not values or len(texts) < len(values):
        raise ValueError(f"{element} is no text or list of texts")
    return texts


def _principals(source: Mapping[str, Any], resource_based: bool) -> tuple[tuple[tuple[str, str], ...], bool]:
    if not resource_based:
        if "Principal" in source or "NotPrincipal" in source:
            raise ValueError("an identity's policy names no principal")
        return (), False
    value, inverse = source.get("Principal"), source.get("NotPrincipal")
    if (value is None) == (inverse is None):
        raise ValueError("Principal and NotPrincipal: exactly one is wanted")
    named = value if inverse is None else inverse
    table = {"AWS": "*"} if named == "*" else named
    if not isinstance(table, Mapping):
        raise TypeError("Principal is no table")
    return tuple((str(kind), one) for kind, many in table.items() for one in _listed(many, "Principal")), value is None
